"""The bridge between infrastructure and application: what each function's environment variables are.

Names are those of the settings classes' fields, so neither end can spell them differently; a field without a value, or a
value without a field, is refused.
"""

import json
from collections.abc import Mapping

import pulumi

from components.naming import Naming
from runtime.settings import (
    PREFIX,
    ApiSettings,
    MaintenanceSettings,
    MigrateSettings,
    RuntimeSettings,
    ThumbnailSettings,
)
from stacks.data import Data
from stacks.environment import EnvironmentSettings
from stacks.identity import Identity
from stacks.sections import FunctionSection

Value = pulumi.Input[str] | pulumi.Input[int] | list[pulumi.Input[str]]
Variables = dict[str, pulumi.Input[str]]


class WiringError(ValueError):
    """The application reads a variable that nobody sets, or is given one that it does not read."""


def api_variables(
    settings: EnvironmentSettings, naming: Naming, release: str, identity: Identity, data: Data
) -> Variables:
    """What the API reads."""
    return variables(
        ApiSettings,
        {
            **_runtime(settings, naming, release),
            **_database(settings.api, data),
            "storage_bucket": data.storage.name,
            "temp_bucket": data.temp.name,
            "thumbnails_bucket": data.thumbnails.name,
            "user_pool_id": identity.pool_id,
            "user_pool_endpoint": identity.pool_endpoint,
            "user_pool_client_ids": [identity.client_id],
            "token_max_lifetime_seconds": settings.identity.access_token_hours * 3600,
            # The API's own name is not known before the function exists, but its pattern is.
            "allowed_hosts": [settings.domain, f"*.execute-api.{settings.region}.amazonaws.com"],
            "allowed_origins": list(settings.cors_origins),
            "outbox_grace_seconds": settings.maintenance.outbox_grace_seconds,
            "upload_expiry_seconds": settings.uploads.upload_expiry_seconds,
            "download_expiry_seconds": settings.uploads.download_expiry_seconds,
        },
    )


def thumbnail_variables(settings: EnvironmentSettings, naming: Naming, release: str, data: Data) -> Variables:
    """What the thumbnail worker reads."""
    return variables(
        ThumbnailSettings,
        {
            **_runtime(settings, naming, release),
            **_database(settings.thumbnails, data),
            "storage_bucket": data.storage.name,
            "thumbnails_bucket": data.thumbnails.name,
            "job_lease_seconds": settings.thumbnails.job_lease_seconds,
            "image_max_pixels": settings.thumbnails.image_max_pixels,
            "image_max_bytes": settings.thumbnails.image_max_bytes,
        },
    )


def maintenance_variables(settings: EnvironmentSettings, naming: Naming, release: str, data: Data) -> Variables:
    """What the maintenance function reads."""
    return variables(
        MaintenanceSettings,
        {
            **_runtime(settings, naming, release),
            **_database(settings.maintenance, data),
            "outbox_grace_seconds": settings.maintenance.outbox_grace_seconds,
            "outbox_retention_days": settings.maintenance.outbox_retention_days,
        },
    )


def migrate_variables(settings: EnvironmentSettings, naming: Naming, release: str, data: Data) -> Variables:
    """What the migrate function reads."""
    return variables(
        MigrateSettings,
        {
            **_runtime(settings, naming, release),
            "database_master_secret_arn": data.database.master_secret_arn,
            "database_secret_arn": data.database_secret_arn,
            "database_host": data.database.address,
            "database_port": data.database.port,
            "database_name": data.database.database_name,
            "database_application_user": settings.database.application_username,
            "lock_timeout_seconds": settings.migrate.lock_timeout_seconds,
            "statement_timeout_seconds": settings.migrate.statement_timeout_seconds,
        },
    )


def fields(kind: type[RuntimeSettings]) -> set[str]:
    """The fields whose variables are ours to set. Those with a name of their own are set by Lambda and read by every SDK."""
    return {name for name, field in kind.model_fields.items() if field.validation_alias is None}


def variables(kind: type[RuntimeSettings], values: Mapping[str, Value]) -> Variables:
    """The environment of a function that loads `kind`. Raises WiringError unless the values are exactly its fields."""
    wanted = fields(kind)
    if missing := sorted(wanted - set(values)):
        raise WiringError(f"{kind.__name__} reads {', '.join(missing)}, which nobody sets")
    if unread := sorted(set(values) - wanted):
        raise WiringError(f"{kind.__name__} does not read {', '.join(unread)}")
    return {f"{PREFIX}{name.upper()}": _text(values[name]) for name in sorted(wanted)}


def _runtime(settings: EnvironmentSettings, naming: Naming, release: str) -> dict[str, Value]:
    return {"environment": naming.environment_tag, "release": release, "log_level": settings.log_level}


def _database(section: FunctionSection, data: Data) -> dict[str, Value]:
    return {
        "database_secret_arn": data.database_secret_arn,
        "database_pool_min": section.database_pool_min,
        "database_pool_max": section.database_pool_max,
        "database_connect_timeout_seconds": section.database_connect_timeout_seconds,
        "database_statement_timeout_seconds": section.database_statement_timeout_seconds,
    }


def _text(value: Value) -> pulumi.Input[str]:
    match value:
        case str():
            return value
        case int():
            return str(value)
        case list() if not any(isinstance(item, pulumi.Output) for item in value):
            return json.dumps(value)
        case list():
            return pulumi.Output.json_dumps(value)
        case _:
            return pulumi.Output.format("{0}", value)
