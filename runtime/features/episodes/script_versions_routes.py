"""Versions of an episode's script: create, list, get, activate. Versions are never changed or deleted."""

from typing import Annotated
from uuid import UUID

from fastapi import Response

from runtime.access.guards import allow
from runtime.access.roles import Permission
from runtime.access.tokens import Caller
from runtime.contract.envelopes import DataEnvelope, PageEnvelope
from runtime.features.episodes import script_versions_service as service
from runtime.features.episodes.script_versions_schemas import ScriptVersion, ScriptVersionCreate, ScriptVersionSummary
from runtime.web.dependencies import DatabaseDep, Paging, TransactionDep, list_response
from runtime.web.routing import feature_router

router = feature_router("script versions")


@router.post(
    "/api/v1/episodes/{episode_id}/script-versions", status_code=201, response_model=DataEnvelope[ScriptVersion]
)
def create_script_version(
    caller: Annotated[Caller, allow(Permission.SCRIPTS_CREATE)],
    episode_id: UUID,
    body: ScriptVersionCreate,
    transaction: TransactionDep,
) -> DataEnvelope[ScriptVersion]:
    """Create the next version of an episode's script and make it the active one, unless `activate` is false.

    The episode's `script_text` and `script_file_reference` are those of the active version.
    """
    return DataEnvelope(data=service.create(transaction, caller, episode_id, body))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions",
    response_model=PageEnvelope[ScriptVersionSummary],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def list_script_versions(episode_id: UUID, page: Paging, database: DatabaseDep) -> Response:
    """List the versions of an episode's script without their texts, newest first.

    Updating the episode's `script_text` or `script_file_reference` also creates a version.
    """
    with database.autocommit() as connection:
        return list_response(service.list_page(connection, page, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions/active",
    response_model=DataEnvelope[ScriptVersion],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def get_active_script_version(episode_id: UUID, database: DatabaseDep) -> DataEnvelope[ScriptVersion]:
    """Get the active version of an episode's script. 404 if the episode has no script."""
    with database.autocommit() as connection:
        return DataEnvelope(data=service.get_active(connection, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions/{script_version_id}",
    response_model=DataEnvelope[ScriptVersion],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def get_script_version(episode_id: UUID, script_version_id: UUID, database: DatabaseDep) -> DataEnvelope[ScriptVersion]:
    """Get a version of an episode's script."""
    with database.autocommit() as connection:
        return DataEnvelope(data=service.get(connection, episode_id, script_version_id))


@router.post(
    "/api/v1/episodes/{episode_id}/script-versions/{script_version_id}/activate",
    response_model=DataEnvelope[ScriptVersion],
)
def activate_script_version(
    caller: Annotated[Caller, allow(Permission.SCRIPTS_ACTIVATE)],
    episode_id: UUID,
    script_version_id: UUID,
    transaction: TransactionDep,
) -> DataEnvelope[ScriptVersion]:
    """Make a version the active one of the episode's script, instead of the current one."""
    return DataEnvelope(data=service.activate(transaction, caller, episode_id, script_version_id))
