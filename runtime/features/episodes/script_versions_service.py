"""Rules of script versions: numbers without gaps, at most one active version, the episode's script equals the active version.

Creating or activating a version here writes its own activity log entry. A version that an update of the episode's script creates
has none: the episode's entry contains the change.
"""

from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.errors import InvalidInputError, NotFoundError
from runtime.features.episodes import script_versions_repository as repository
from runtime.features.episodes.schemas import Episode
from runtime.features.episodes.script_versions_schemas import ScriptVersion, ScriptVersionCreate, ScriptVersionSummary
from runtime.features.episodes.service import EPISODES
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.persistence.pages import JsonPage, PageRequest
from runtime.persistence.transactions import Connection, Transaction


def create(transaction: Transaction, caller: Caller, episode_id: UUID, body: ScriptVersionCreate) -> ScriptVersion:
    """Create the next version of the episode's script, active unless the body says otherwise.

    Raises:
        InvalidInputError: The body has neither a text nor a file reference.
        NotFoundError: The episode does not exist or is deleted.
    """
    if body.script_text is None and body.script_file_reference is None:
        raise InvalidInputError("Required unless script_file_reference is sent", field="body.script_text")
    episode = EPISODES.get_for_update(transaction, caller, episode_id, IfMatch())
    version = repository.insert(
        transaction.connection,
        episode_id=episode_id,
        script_text=body.script_text,
        script_file_reference=body.script_file_reference,
        change_notes=body.change_notes,
        is_active=body.activate,
        user_id=caller.user_id,
    )
    _log(transaction, caller, ActionType.CREATE, None, version)
    if version.is_active:
        _copy_to_episode(transaction, caller, episode, version)
    return version


def activate(transaction: Transaction, caller: Caller, episode_id: UUID, script_version_id: UUID) -> ScriptVersion:
    """Make the version the episode's active one; no change if it is active already.

    Raises:
        NotFoundError: The episode or the version does not exist.
    """
    episode = EPISODES.get_for_update(transaction, caller, episode_id, IfMatch())
    before = _require_found(repository.find(transaction.connection, episode_id, script_version_id))
    if before.is_active:
        return before
    after = repository.activate(transaction.connection, script_version_id, user_id=caller.user_id)
    _log(transaction, caller, ActionType.ACTIVATE, before, after)
    _copy_to_episode(transaction, caller, episode, after)
    return after


def get(connection: Connection, episode_id: UUID, script_version_id: UUID) -> ScriptVersion:
    """Return the version; NotFoundError if it or the episode does not exist."""
    EPISODES.ensure_exists(connection, episode_id)
    return _require_found(repository.find(connection, episode_id, script_version_id))


def get_active(connection: Connection, episode_id: UUID) -> ScriptVersion:
    """Return the active version; NotFoundError if the episode does not exist or has no script."""
    EPISODES.ensure_exists(connection, episode_id)
    active = repository.find_active(connection, episode_id)
    if active is None:
        raise NotFoundError("The episode has no script", field="path.episode_id")
    return active


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """List the versions of the episode's script; NotFoundError if the episode does not exist."""
    EPISODES.ensure_exists(connection, episode_id)
    return repository.list_page(connection, page, episode_id)


def _copy_to_episode(transaction: Transaction, caller: Caller, episode: Episode, version: ScriptVersion) -> None:
    # `sync_active_version`, which follows every change of an episode, finds the active version equal and inserts none.
    columns = {"script_text": version.script_text, "script_file_reference": version.script_file_reference}
    EPISODES.update_locked(transaction, caller, episode, columns)


def _log(
    transaction: Transaction, caller: Caller, action: ActionType, before: ScriptVersion | None, after: ScriptVersion
) -> None:
    activity.record_change(
        transaction,
        caller,
        action,
        ResourceType.SCRIPT_VERSION,
        after.script_version_id,
        before=_without_text(before) if before else None,
        after=_without_text(after),
    )


def _without_text(version: ScriptVersion) -> ScriptVersionSummary:
    # The version is stored permanently, so the log needs no copy of its text.
    return ScriptVersionSummary.model_validate(version.model_dump(exclude={"script_text"}))


def _require_found(version: ScriptVersion | None) -> ScriptVersion:
    if version is None:
        raise NotFoundError("Script version not found", field="path.script_version_id")
    return version
