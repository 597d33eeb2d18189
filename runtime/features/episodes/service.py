"""The rules of an episode: that its two sets of names agree, which show it belongs to, that the history of its script is whole,
and that search knows it.

A change locks the episode first and its show last: always in this order, two requests never wait for each other.
"""

from collections.abc import Callable
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.errors import ConflictError, FieldProblem, InvalidInputError, NotFoundError
from runtime.features.episodes import publication
from runtime.features.episodes import script_versions_repository as script_versions
from runtime.features.episodes.repository import TABLE
from runtime.features.episodes.schemas import SECONDS_PER_MINUTE, Episode, EpisodeCreate, EpisodeUpdate
from runtime.features.episodes.statuses import ApprovalStatus, EpisodeStatus
from runtime.features.shows import repository as shows
from runtime.features.shows.service import SHOWS
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.import_export import ImportExport
from runtime.mechanisms.records.service import RecordService, record_last_seen
from runtime.mechanisms.search_index import changes as search_index
from runtime.persistence.transactions import Connection, Transaction

_STATUS, _EPISODE = "body.status", "path.episode_id"


def _stay_with_show(transaction: Transaction, episode: Episode) -> None:
    if shows.TABLE.find_for_share(transaction.connection, episode.show_id) is None:
        raise ConflictError("The episode's show is deleted; restore that first", field="path.episode_id")


def _follow(transaction: Transaction, before: Episode | None, after: Episode) -> None:
    script = (after.script_text, after.script_file_reference)
    if script != ((before.script_text, before.script_file_reference) if before else (None, None)):
        script_versions.sync_active_version(
            transaction.connection,
            episode_id=after.episode_id,
            script_text=after.script_text,
            script_file_reference=after.script_file_reference,
            user_id=after.updated_by,
        )
    search_index.index_episode(transaction, after.episode_id)


EPISODES = RecordService(
    table=TABLE,
    resource_type=ResourceType.EPISODE,
    display_name="episode",
    before_restore=_stay_with_show,
    after_change=_follow,
)


def create(transaction: Transaction, caller: Caller, body: EpisodeCreate) -> Episode:
    """The new episode. InvalidInputError for names that are missing or disagree, NotFoundError for an unknown show,
    ConflictError for a number that is taken, be it by an episode that is deleted."""
    problems = _disagreements(body, lambda name: getattr(body, name) is not None)
    if body.title is None and body.episode_title is None:
        problems.insert(0, FieldProblem("Field required", "body.title"))
    if body.show_id is None and body.show_name is None:
        problems.insert(0, FieldProblem("Name the show here or in show_name", "body.show_id"))
    _refuse(problems)
    record_last_seen(transaction, caller)
    show_id = _show_of(transaction.connection, body)
    columns = publication.apply_status_transition({**body.columns(), "show_id": show_id}, None, field=_STATUS)
    return EPISODES.create(transaction, caller, columns)


def update(
    transaction: Transaction, caller: Caller, episode_id: UUID, body: EpisodeUpdate, if_match: IfMatch
) -> Episode:
    """The episode with what was sent. InvalidInputError for names that disagree, NotFoundError for it or its new show,
    PreconditionFailedError when it is another version than the caller's, ConflictError for a number that is taken and for a
    status that it cannot have now."""
    _refuse(_disagreements(body, body.model_fields_set.__contains__))
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    columns = publication.apply_status_transition(body.changed_columns(before.duration_seconds), before, field=_STATUS)
    if body.show_id is not None or body.show_name is not None:
        columns["show_id"] = _show_of(transaction.connection, body)
    return EPISODES.update_locked(transaction, caller, before, columns)


EPISODE_FILES = ImportExport(
    records=EPISODES,
    create_model=EpisodeCreate,
    update_model=EpisodeUpdate,
    columns=(
        "show_name", "season_number", "episode_number", "title", "status", "description", "duration_seconds",
        "filming_date", "edit_deadline", "publish_date", "air_date", "tags", "category", "genre", "director", "writer",
        "rating", "language", "copyright", "metadata",
    ),
    create=create,
    update=update,
)  # fmt: skip


def publish(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """The episode, published. NotFoundError, PreconditionFailedError, ConflictError when it is not ready or not approved, or
    is published already."""
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status == EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is published already", field=_EPISODE)
    columns = publication.apply_status_transition({"status": EpisodeStatus.PUBLISHED}, before, field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, columns)


def unpublish(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """The episode, ready to be published again. NotFoundError, PreconditionFailedError, ConflictError when it is not
    published."""
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status != EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is not published", field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, {"status": EpisodeStatus.READY_FOR_PUBLISH})


def approve(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """The episode, approved: as it was when somebody did that already. Who was first stays its original approver.
    NotFoundError, PreconditionFailedError."""
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    approver = before.original_approver or caller.user_id
    columns = {"approval_status": ApprovalStatus.APPROVED, "original_approver": approver}
    return EPISODES.update_locked(transaction, caller, before, columns)


def reject(transaction: Transaction, caller: Caller, episode_id: UUID, if_match: IfMatch) -> Episode:
    """The episode, rejected: as it was when it is already. NotFoundError, PreconditionFailedError, ConflictError while it is
    published."""
    before = EPISODES.get_for_update(transaction, caller, episode_id, if_match)
    if before.status == EpisodeStatus.PUBLISHED:
        raise ConflictError("The episode is published; unpublish it first", field=_EPISODE)
    return EPISODES.update_locked(transaction, caller, before, {"approval_status": ApprovalStatus.REJECTED})


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
    by_id = SHOWS.get_for_share(connection, body.show_id, field="body.show_id") if body.show_id else None
    by_name = shows.find_by_name_for_share(connection, body.show_name) if body.show_name else None
    if body.show_name and by_name is None:
        raise NotFoundError("There is no show of this name", field="body.show_name")
    if by_id and by_name and by_id.show_id != by_name.show_id:
        raise InvalidInputError("show_id and show_name disagree", field="body.show_name")
    show = by_id or by_name
    assert show is not None, "the body names a show"  # noqa: S101
    return show.show_id
