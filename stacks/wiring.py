"""The bridge between infrastructure and application: what each function's environment variables are.

Names are those of the settings classes' fields, so neither end can spell them differently; a field without a value, or a
value without a field, is refused.
"""

import json
from collections.abc import Mapping

import pulumi

from runtime.settings import (
    PREFIX,
    ApiSettings,
    MaintenanceSettings,
    MigrateSettings,
    RuntimeSettings,
    ThumbnailSettings,
)
from stacks.data import Data
from stacks.deployment import Deployment
from stacks.identity import Identity
from stacks.sections import FunctionSection

Value = pulumi.Input[str] | pulumi.Input[int] | list[pulumi.Input[str]]
Variables = dict[str, pulumi.Input[str]]


# Host name patterns of API Gateway and of load balancers in a region.
HOST_NAMES = {"lambda": "execute-api.{}.amazonaws.com", "container": "{}.elb.amazonaws.com"}

# The port on which the container listens; the image and the load balancer use the same.
CONTAINER_PORT = 3000


class WiringError(ValueError):
    """A setting without a value, or a value that no setting reads."""


def api_variables(deployment: Deployment, identity: Identity, data: Data) -> Variables:
    """Return the environment variables of the API."""
    settings = deployment.settings
    return variables(
        ApiSettings,
        {
            **_runtime(deployment),
            **_database(settings.api, data),
            "storage_bucket": data.storage.name,
            "temp_bucket": data.temp.name,
            "thumbnails_bucket": data.thumbnails.name,
            "user_pool_id": identity.pool_id,
            "user_pool_endpoint": identity.pool_endpoint,
            "user_pool_client_ids": [identity.client_id],
            "machine_client_ids": [identity.machine.client_id] if identity.machine else [],
            "machine_scope": identity.machine.scope if identity.machine else "",
            "token_max_lifetime_seconds": settings.identity.access_token_hours * 3600,
            # The host name that AWS assigns is unknown before creation; its pattern is known.
            "allowed_hosts": [settings.domain, f"*.{HOST_NAMES[settings.api.host].format(settings.region)}"],
            "allowed_origins": list(settings.cors_origins),
            "outbox_grace_seconds": settings.maintenance.outbox_grace_seconds,
            "queue_depth_limit": settings.queue.depth_limit,
            "search_endpoint_parameter": search_endpoint_parameter(deployment),
            "cache_endpoint": data.cache_endpoint,
            "caller_requests_per_minute": settings.api.caller_requests_per_minute,
            "caller_burst_requests": settings.api.caller_burst_requests,
            "editors_create_episodes": settings.api.editors_create_episodes,
            "upload_expiry_seconds": settings.uploads.upload_expiry_seconds,
            "download_expiry_seconds": settings.uploads.download_expiry_seconds,
        },
    )


def container_variables(deployment: Deployment, identity: Identity, data: Data) -> Variables:
    """Return the environment variables of the API's container: the API's own, and the server's."""
    return {
        **api_variables(deployment, identity, data),
        # All addresses of the task's network interface, which only the load balancer reaches.
        "HOST": "0.0.0.0",  # noqa: S104
        "PORT": str(CONTAINER_PORT),
        # Trust X-Forwarded-For from the load balancer, which is in this network; nobody else reaches the container.
        "FORWARDED_ALLOW_IPS": deployment.settings.network.cidr,
    }


def thumbnail_variables(deployment: Deployment, data: Data) -> Variables:
    """Return the environment variables of the thumbnail worker."""
    settings = deployment.settings
    return variables(
        ThumbnailSettings,
        {
            **_runtime(deployment),
            **_database(settings.thumbnails, data),
            "storage_bucket": data.storage.name,
            "thumbnails_bucket": data.thumbnails.name,
            "job_lease_seconds": settings.thumbnails.job_lease_seconds,
            "image_max_pixels": settings.thumbnails.image_max_pixels,
            "image_max_bytes": settings.thumbnails.image_max_bytes,
        },
    )


def maintenance_variables(deployment: Deployment, data: Data) -> Variables:
    """Return the environment variables of the maintenance function."""
    settings = deployment.settings
    return variables(
        MaintenanceSettings,
        {
            **_runtime(deployment),
            **_database(settings.maintenance, data),
            "outbox_grace_seconds": settings.maintenance.outbox_grace_seconds,
            "outbox_retention_days": settings.maintenance.outbox_retention_days,
            "search_endpoint_parameter": search_endpoint_parameter(deployment),
        },
    )


def migrate_variables(deployment: Deployment, data: Data) -> Variables:
    """Return the environment variables of the migrate function."""
    settings = deployment.settings
    return variables(
        MigrateSettings,
        {
            **_runtime(deployment),
            "database_master_secret_arn": data.database.master_secret_arn,
            "database_secret_arn": data.database_secret_arn,
            "database_host": data.database.address,
            "database_port": data.database.port,
            "database_name": data.database.database_name,
            "database_application_host": data.application_host,
            "database_application_user": settings.database.application_username,
            "search_endpoint_parameter": search_endpoint_parameter(deployment),
            "lock_timeout_seconds": settings.migrate.lock_timeout_seconds,
            "statement_timeout_seconds": settings.migrate.statement_timeout_seconds,
            "seeding": settings.migrate.seeding,
        },
    )


def search_endpoint_parameter(deployment: Deployment) -> str:
    """The parameter that holds the search domain's endpoint once it stands; empty where there is no domain.

    The endpoint itself would make every function wait for the domain, which takes AWS up to an hour.
    """
    return f"{deployment.naming.parameter_path}/search_endpoint" if deployment.settings.search_domain else ""


def fields(kind: type[RuntimeSettings]) -> set[str]:
    """Return the settings that the stacks must set. Fields with an alias are set by Lambda and read by every SDK."""
    return {name for name, field in kind.model_fields.items() if field.validation_alias is None}


def variables(kind: type[RuntimeSettings], values: Mapping[str, Value]) -> Variables:
    """Return the environment variables of a function that loads `kind`.

    Raises:
        WiringError: The values are not exactly its fields.
    """
    wanted = fields(kind)
    if missing := sorted(wanted - set(values)):
        raise WiringError(f"{kind.__name__} reads {', '.join(missing)}, which nobody sets")
    if unread := sorted(set(values) - wanted):
        raise WiringError(f"{kind.__name__} does not read {', '.join(unread)}")
    return {f"{PREFIX}{name.upper()}": _text(values[name]) for name in sorted(wanted)}


def _runtime(deployment: Deployment) -> dict[str, Value]:
    return {
        "environment": deployment.naming.environment_tag,
        "release": deployment.release,
        "log_level": deployment.settings.log_level,
    }


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
        case bool() | int():
            return json.dumps(value)
        case list() if not any(isinstance(item, pulumi.Output) for item in value):
            return json.dumps(value)
        case list():
            return pulumi.Output.json_dumps(value)
        case _:
            return pulumi.Output.format("{0}", value)
