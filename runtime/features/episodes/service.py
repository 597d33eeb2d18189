"""The rules of an episode: that its two sets of names agree, which show it belongs to, and which version is changed.

Each change notes the user first, locks the episode then and its show last: always in this order, two requests never wait
for each other.
"""

from collections.abc import Callable
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from runtime.features.activity_logs import service as activity
from runtime.features.activity_logs.schemas import ActionType, ResourceType
from runtime.features.episodes import repository
from runtime.features.episodes.schemas import SECONDS_PER_MINUTE, Episode, EpisodeCreate, EpisodeUpdate
from runtime.features.search import changes as search_index
from runtime.features.shows import repository as shows
from runtime.features.users import repository as users
from runtime.web.preconditions import IfMatch
from runtime.web.transaction import Connection, Transaction


def create(transaction: Transaction, caller: Caller, body: EpisodeCreate) -> Episode:
    """The new episode. InvalidInputError for names that are missing or disagree, NotFoundError for an unknown show,
    ConflictError for a number that is taken."""
    problems = _disagreements(body, lambda name: getattr(body, name) is not None)
    if body.title is None and body.episode_title is None:
        problems.insert(0, FieldProblem("Field required", "body.title"))
    if body.show_id is None and body.show_name is None:
        problems.insert(0, FieldProblem("Name the show here or in show_name", "body.show_id"))
    _refuse(problems)
    users.upsert(transaction.connection, caller.user_id, caller.email)
    show_id = _show_of(transaction.connection, body)
    episode = repository.insert(transaction.connection, show_id=show_id, columns=body.columns(), user_id=caller.user_id)
    return _logged(transaction, caller, ActionType.CREATE, None, episode)


def update(
    transaction: Transaction, caller: Caller, episode_id: UUID, body: EpisodeUpdate, if_match: IfMatch
) -> Episode:
    """The episode with what was sent. InvalidInputError for names that disagree, NotFoundError for it or its new show,
    PreconditionFailedError when it is another version than the caller's, ConflictError for a number that is taken."""
    _refuse(_disagreements(body, body.model_fields_set.__contains__))
    before = _locked(transaction, caller, episode_id, if_match)
    columns = body.columns(before.duration_seconds)
    if body.show_id is not None or body.show_name is not None:
        columns["show_id"] = _show_of(transaction.connection, body)
    if not columns or not repository.update(transaction.connection, episode_id, columns, user_id=caller.user_id):
        return before
    return _logged(transaction, caller, ActionType.EDIT, before, _found(transaction, episode_id))


def delete(
    transaction: Transaction, caller: Caller, episode_id: UUID, reason: str | None, if_match: IfMatch
) -> Episode:
    """The episode, deleted. NotFoundError, PreconditionFailedError."""
    before = _locked(transaction, caller, episode_id, if_match)
    repository.delete(transaction.connection, episode_id, reason=reason, user_id=caller.user_id)
    return _logged(transaction, caller, ActionType.DELETE, before, _found(transaction, episode_id))


def restore(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """The episode, back again. NotFoundError, PreconditionFailedError, ConflictError when it is not deleted or its show
    is."""
    before = _locked(transaction, caller, episode_id, if_match, include_deleted=True)
    if before.deleted_at is None:
        raise ConflictError("The episode is not deleted", field="path.episode_id")
    if shows.find_and_keep(transaction.connection, before.show_id) is None:
        raise ConflictError("The episode's show is deleted; restore that first", field="path.episode_id")
    repository.restore(transaction.connection, episode_id, user_id=caller.user_id)
    return _logged(transaction, caller, ActionType.RESTORE, before, _found(transaction, episode_id))


def _locked(
    transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch, *, include_deleted: bool = False
) -> Episode:
    users.upsert(transaction.connection, caller.user_id, caller.email)
    episode = repository.find_and_lock(transaction.connection, episode_id, include_deleted=include_deleted)
    if episode is None:
        raise NotFoundError("There is no such episode", field="path.episode_id")
    if_match.require(episode.etag)
    return episode


def _found(transaction: Transaction, episode_id: UUID) -> Episode:
    episode = repository.find(transaction.connection, episode_id, include_deleted=True)
    assert episode is not None, "the row is locked"  # noqa: S101
    return episode


def _logged(
    transaction: Transaction, caller: Caller, action: ActionType, before: Episode | None, after: Episode
) -> Episode:
    activity.record_change(
        transaction, caller, action, ResourceType.EPISODE, after.episode_id, before=before, after=after
    )
    search_index.note_episode(transaction, after.episode_id)
    return after


def _disagreements(body: EpisodeCreate | EpisodeUpdate, is_sent: Callable[[str], bool]) -> list[FieldProblem]:
    seconds = body.duration_seconds
    pairs = [
        ("title", body.title, "episode_title", body.episode_title),
        ("description", body.description, "plot_summary", body.plot_summary),
        (
            "duration_seconds",
            None if seconds is None else seconds // SECONDS_PER_MINUTE,
            "duration_minutes",
            body.duration_minutes,
        ),
    ]
    return [
        FieldProblem(f"This disagrees with {name}", f"body.{alias}")
        for name, value, alias, alias_value in pairs
        if is_sent(name) and is_sent(alias) and value != alias_value
    ]


def _refuse(problems: list[FieldProblem]) -> None:
    if problems:
        raise InvalidInputError("The names of the fields do not fit together", problems=problems)


def _show_of(connection: Connection, body: EpisodeCreate | EpisodeUpdate) -> UUID:
    """The show that the body names, kept from being deleted meanwhile."""
    by_id = shows.find_and_keep(connection, body.show_id) if body.show_id else None
    if body.show_id and by_id is None:
        raise NotFoundError("There is no such show", field="body.show_id")
    by_name = shows.find_by_name_and_keep(connection, body.show_name) if body.show_name else None
    if body.show_name and by_name is None:
        raise NotFoundError("There is no show of this name", field="body.show_name")
    if by_id and by_name and by_id.show_id != by_name.show_id:
        raise InvalidInputError("show_id and show_name disagree", field="body.show_name")
    show = by_id or by_name
    assert show is not None, "the body names a show"  # noqa: S101
    return show.show_id
