"""The rules of a show: who changed it and which version, and that it is not deleted while it has episodes.

Each change notes the user first and locks the show then: always in this order, two requests never wait for each other.
"""

from uuid import UUID

from runtime.access.tokens import Caller
from runtime.errors import ConflictError, NotFoundError
from runtime.features.activity_logs import service as activity
from runtime.features.activity_logs.schemas import ActionType, ResourceType
from runtime.features.episodes import repository as episodes
from runtime.features.search import changes as search_index
from runtime.features.shows import repository
from runtime.features.shows.schemas import Show, ShowCreate, ShowUpdate
from runtime.features.users import repository as users
from runtime.web.preconditions import IfMatch
from runtime.web.transaction import Transaction


def create(transaction: Transaction, caller: Caller, body: ShowCreate) -> Show:
    """The new show. ConflictError when the name is taken."""
    users.upsert(transaction.connection, caller.user_id, caller.email)
    show = repository.insert(transaction.connection, **body.model_dump(), user_id=caller.user_id)
    return _logged(transaction, caller, ActionType.CREATE, None, show)


def update(transaction: Transaction, caller: Caller, show_id: UUID, body: ShowUpdate, if_match: IfMatch) -> Show:
    """The show with what was sent. NotFoundError, PreconditionFailedError when it is another version than the caller's,
    ConflictError when the name is taken."""
    before = _locked(transaction, caller, show_id, if_match)
    columns = body.columns()
    after = repository.update(transaction.connection, show_id, columns, user_id=caller.user_id) if columns else None
    if after and after.name != before.name:
        search_index.note_show(transaction, show_id)
    return _logged(transaction, caller, ActionType.EDIT, before, after) if after else before


def delete(transaction: Transaction, caller: Caller, show_id: UUID, reason: str | None, if_match: IfMatch) -> Show:
    """The show, deleted. NotFoundError, PreconditionFailedError, ConflictError while it has episodes: each of them would
    vanish with it, so they are deleted one by one, by somebody who sees them."""
    before = _locked(transaction, caller, show_id, if_match)
    if count := episodes.count_of_show(transaction.connection, show_id):
        raise ConflictError(f"The show still has episodes ({count}); delete them first", field="path.show_id")
    after = repository.delete(transaction.connection, show_id, reason=reason, user_id=caller.user_id)
    assert after is not None, "the row is locked"  # noqa: S101
    return _logged(transaction, caller, ActionType.DELETE, before, after)


def restore(transaction: Transaction, caller: Caller, show_id: UUID, if_match: IfMatch) -> Show:
    """The show, back again. NotFoundError, PreconditionFailedError, ConflictError when it is not deleted."""
    before = _locked(transaction, caller, show_id, if_match, include_deleted=True)
    if before.deleted_at is None:
        raise ConflictError("The show is not deleted", field="path.show_id")
    after = repository.restore(transaction.connection, show_id, user_id=caller.user_id)
    assert after is not None, "the row is locked"  # noqa: S101
    return _logged(transaction, caller, ActionType.RESTORE, before, after)


def _locked(
    transaction: Transaction, caller: Caller, show_id: UUID, if_match: IfMatch, *, include_deleted: bool = False
) -> Show:
    users.upsert(transaction.connection, caller.user_id, caller.email)
    show = repository.find_and_lock(transaction.connection, show_id, include_deleted=include_deleted)
    if show is None:
        raise NotFoundError("There is no such show", field="path.show_id")
    if_match.require(show.etag)
    return show


def _logged(transaction: Transaction, caller: Caller, action: ActionType, before: Show | None, after: Show) -> Show:
    activity.record_change(transaction, caller, action, ResourceType.SHOW, after.show_id, before=before, after=after)
    return after
