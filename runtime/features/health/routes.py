"""Health and version: public, so that probes need no token, and without any detail that is worth hiding."""

from datetime import UTC, datetime

from runtime.features.health.schemas import Health, Version
from runtime.web.dependencies import ResourcesDep
from runtime.web.routing import feature_router

router = feature_router("health")


@router.get("/health", response_model=Health)
@router.get("/api/v1/health", response_model=Health, include_in_schema=False)
def get_health(resources: ResourcesDep) -> Health:
    """The process is alive. It asks no other part, so a database that is away never gets the process replaced."""
    return Health(timestamp=datetime.now(UTC), environment=resources.settings.environment)


@router.get("/health/ready", response_model=Health)
def get_readiness(resources: ResourcesDep) -> Health:
    """The database answers too; 503 with Retry-After while it does not."""
    resources.database.check()
    return Health(timestamp=datetime.now(UTC), environment=resources.settings.environment)


@router.get("/version", response_model=Version)
def get_version(resources: ResourcesDep) -> Version:
    """The release that is deployed here."""
    return Version(release=resources.settings.release, environment=resources.settings.environment)
