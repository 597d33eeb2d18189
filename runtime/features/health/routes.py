"""Health checks and version. Public, so that probes need no token; without confidential details."""

from datetime import UTC, datetime

from runtime.features.health.schemas import Health, Version
from runtime.web.dependencies import ResourcesDep
from runtime.web.routing import feature_router

router = feature_router("health")


@router.get("/health", response_model=Health)
@router.get("/api/v1/health", response_model=Health, include_in_schema=False)
def get_health(resources: ResourcesDep) -> Health:
    """Check that the process is running.

    It checks no dependency, so that an unavailable database does not get the process replaced.
    """
    return Health(timestamp=datetime.now(UTC), environment=resources.settings.environment)


@router.get("/health/ready", response_model=Health)
def get_readiness(resources: ResourcesDep) -> Health:
    """Check that the process and the database are available. 503 with `Retry-After` while the database is not."""
    resources.database.check()
    return Health(timestamp=datetime.now(UTC), environment=resources.settings.environment)


@router.get("/version", response_model=Version)
def get_version(resources: ResourcesDep) -> Version:
    """Get the deployed release."""
    return Version(release=resources.settings.release, environment=resources.settings.environment)
