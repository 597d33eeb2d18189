"""The settings of one environment, section by section, before any rule that combines them."""

from typing import Literal

from pydantic import Field

from components.choices import Architecture
from stacks.sections import (
    ApiSection,
    BackupSection,
    BucketsSection,
    CacheSection,
    DatabaseSection,
    Days,
    EdgeSection,
    IdentitySection,
    MaintenanceSection,
    MigrateSection,
    MonitoringSection,
    NetworkSection,
    QueueSection,
    SearchDomainSection,
    Settings,
    ThumbnailsSection,
    UploadsSection,
)


class EnvironmentSections(Settings):
    """Everything that may differ between environments."""

    environment: str
    production_promises: bool = Field(
        description="Refuse values below that would break what production promises: its data survives and stays guarded."
    )
    region: str
    domain: str = Field(description="The host name under which clients find the API.")
    architecture: Architecture
    protected: bool = Field(description="Whether what holds data refuses to be deleted.")
    customer_managed_keys: bool = Field(description="Whether data is encrypted with keys of ours instead of AWS's.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_retention_days: Days
    cors_origins: tuple[str, ...]
    network: NetworkSection
    database: DatabaseSection
    buckets: BucketsSection
    identity: IdentitySection
    uploads: UploadsSection
    queue: QueueSection
    api: ApiSection
    thumbnails: ThumbnailsSection
    maintenance: MaintenanceSection
    migrate: MigrateSection
    search_domain: SearchDomainSection | None
    cache: CacheSection | None
    edge: EdgeSection
    monitoring: MonitoringSection
    backup: BackupSection | None
