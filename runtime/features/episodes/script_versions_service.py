"""The rules of script versions: they are counted without gaps, one at most is active, and the episode says what that one says.

A version that is made here or made active has its own row in the log of what users did. One that is made because the episode's
script was changed has none: the episode's row says it all.
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
    """The next version, the episode's script from now on unless the body says otherwise. NotFoundError for the episode,
    InvalidInputError for a version of nothing."""
    if body.script_text is None and body.script_file_reference is None:
        raise InvalidInputError("Send the script here or its file in script_file_reference", field="body.script_text")
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
        _have_episode_say(transaction, caller, episode, version)
    return version


def activate(transaction: Transaction, caller: Caller, episode_id: UUID, script_version_id: UUID) -> ScriptVersion:
    """The version, which is the episode's script from now on; as it was when it is already. NotFoundError for the episode and
    for the version."""
    episode = EPISODES.get_for_update(transaction, caller, episode_id, IfMatch())
    before = _there(repository.find(transaction.connection, episode_id, script_version_id))
    if before.is_active:
        return before
    after = repository.activate(transaction.connection, script_version_id, user_id=caller.user_id)
    _log(transaction, caller, ActionType.ACTIVATE, before, after)
    _have_episode_say(transaction, caller, episode, after)
    return after


def get(connection: Connection, episode_id: UUID, script_version_id: UUID) -> ScriptVersion:
    """The version. NotFoundError for the episode and for the version."""
    EPISODES.ensure_exists(connection, episode_id)
    return _there(repository.find(connection, episode_id, script_version_id))


def get_active(connection: Connection, episode_id: UUID) -> ScriptVersion:
    """The version that is the episode's script. NotFoundError for the episode, and when it has no script."""
    EPISODES.ensure_exists(connection, episode_id)
    active = repository.find_active(connection, episode_id)
    if active is None:
        raise NotFoundError("The episode has no script", field="path.episode_id")
    return active


def list_page(connection: Connection, page: PageRequest, episode_id: UUID) -> JsonPage:
    """The history of the episode's script. NotFoundError for the episode."""
    EPISODES.ensure_exists(connection, episode_id)
    return repository.list_page(connection, page, episode_id)


def _have_episode_say(transaction: Transaction, caller: Caller, episode: Episode, version: ScriptVersion) -> None:
    # The episode's own rule sees that the active version says this already, and makes none.
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
    # The log needs no second copy of what is kept with the version for good.
    return ScriptVersionSummary.model_validate(version.model_dump(exclude={"script_text"}))


def _there(version: ScriptVersion | None) -> ScriptVersion:
    if version is None:
        raise NotFoundError("The episode has no such script version", field="path.script_version_id")
    return version
