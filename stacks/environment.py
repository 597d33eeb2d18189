"""What makes one environment differ from another: every size, every timing, every protection, typed and frozen.

The values stand in `Pulumi.<environment>.yaml` as one object, `settings`, of the same shape in each file. Nothing has a
default here: what an environment is can be read off its file alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from components.choices import Architecture
from stacks import combinations
from stacks.sections import (
    ApiSection,
    BackupSection,
    BucketsSection,
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
    Section,
    ThumbnailsSection,
    UploadsSection,
)

PROJECT = "episode-metadata"
CONFIG_KEY = f"{PROJECT}:settings"


class SettingsError(ValueError):
    """Settings that are refused. Each problem begins with the path of its key, such as `settings.queue.visibility_seconds`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class EnvironmentSettings(Section):
    """One environment."""

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
    edge: EdgeSection
    monitoring: MonitoringSection
    backup: BackupSection | None

    @model_validator(mode="after")
    def _combinations_are_possible(self) -> Self:
        if problems := combinations.problems(self):
            raise ValueError("\n".join(problems))
        return self

    @classmethod
    def parse(cls, values: Any) -> Self:
        """The settings from plain data. Raises SettingsError, which names every key that is wrong."""
        if not isinstance(values, Mapping):
            raise SettingsError([f"settings: must be an object, not {type(values).__name__}"])
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise SettingsError(described(error)) from error


def read(stack_file: Path) -> EnvironmentSettings:
    """The settings in a `Pulumi.<environment>.yaml`. Raises SettingsError."""
    content = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping) or CONFIG_KEY not in config:
        raise SettingsError([f"settings: {stack_file.name} has no config value {CONFIG_KEY}"])
    return EnvironmentSettings.parse(config[CONFIG_KEY])


def described(error: ValidationError) -> list[str]:
    """Each problem of settings in one line that begins with the path of its key."""
    problems = []
    for found in error.errors(include_url=False):
        path = ".".join(["settings", *(str(part) for part in found["loc"])])
        if found["type"] == "extra_forbidden":
            problems.append(f"{path}: unknown key")
        elif found["type"] == "missing":
            problems.append(f"{path}: missing")
        elif found["loc"]:
            problems.append(f"{path}: {found['msg']}, not {found['input']!r}")
        else:
            # A combination: its lines already begin with the paths of the keys.
            problems += [f"settings.{line}" for line in str(found["ctx"]["error"]).splitlines()]
    return problems
