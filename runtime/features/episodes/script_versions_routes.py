"""Versions of an episode's script: create, list, get, activate. None is ever changed or deleted."""

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
    """Makes the next version of an episode's script, which is the active one from now on unless `activate` is false. The
    episode's `script_text` and `script_file_reference` say what the active version says."""
    return DataEnvelope(data=service.create(transaction, caller, episode_id, body))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions",
    response_model=PageEnvelope[ScriptVersionSummary],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def list_script_versions(episode_id: UUID, page: Paging, database: DatabaseDep) -> Response:
    """The history of an episode's script: its versions without their texts, newest first. Also a change of the episode's own
    `script_text` or `script_file_reference` makes a version."""
    with database.autocommit() as connection:
        return list_response(service.list_page(connection, page, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions/active",
    response_model=DataEnvelope[ScriptVersion],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def get_active_script_version(episode_id: UUID, database: DatabaseDep) -> DataEnvelope[ScriptVersion]:
    """The version that is the episode's script; 404 when it has none."""
    with database.autocommit() as connection:
        return DataEnvelope(data=service.get_active(connection, episode_id))


@router.get(
    "/api/v1/episodes/{episode_id}/script-versions/{script_version_id}",
    response_model=DataEnvelope[ScriptVersion],
    dependencies=[allow(Permission.SCRIPTS_READ)],
)
def get_script_version(episode_id: UUID, script_version_id: UUID, database: DatabaseDep) -> DataEnvelope[ScriptVersion]:
    """One version of an episode's script."""
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
    """Makes a version the episode's script, instead of the one that is."""
    return DataEnvelope(data=service.activate(transaction, caller, episode_id, script_version_id))
