"""What makes one environment differ from another: every size, every timing, every protection, typed and frozen.

The values stand in `Pulumi.<environment>.yaml` as one object, `settings`, of the same shape in each file. Nothing has a
default here: what an environment is can be read off its file alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import Field, model_validator

from components.choices import Architecture
from stacks import combinations
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
    SettingsError,
    ThumbnailsSection,
    UploadsSection,
)

PROJECT = "episode-metadata"
CONFIG_KEY = f"{PROJECT}:settings"


class EnvironmentSettings(Settings):
    """Settings of one environment."""

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

    @model_validator(mode="after")
    def _combinations_are_possible(self) -> Self:
        if problems := combinations.problems(self):
            raise ValueError("\n".join(problems))
        return self


def read(stack_file: Path) -> EnvironmentSettings:
    """Return the settings in a `Pulumi.<environment>.yaml`.

    Raises:
        SettingsError: The file has no settings or invalid ones.
    """
    content = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping) or CONFIG_KEY not in config:
        raise SettingsError([f"settings: {stack_file.name} has no config value {CONFIG_KEY}"])
    return EnvironmentSettings.parse(config[CONFIG_KEY])
