"""What makes one environment differ from another: every size, every timing, every protection, typed and frozen.

The values stand in `Pulumi.<environment>.yaml` as one object, `settings`, of the same shape in each file. Nothing has a
default here: what an environment is can be read off its file alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from components.choices import Architecture, Mfa, Nat
from stacks import combinations

PROJECT = "episode-metadata"
CONFIG_KEY = f"{PROJECT}:settings"

Days = Annotated[int, Field(ge=1, le=3653)]
Seconds = Annotated[int, Field(ge=1)]


class SettingsError(ValueError):
    """Settings that are refused. Each problem begins with the path of its key, such as `settings.queue.visibility_seconds`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Section(BaseModel):
    """A part of the settings. A key that is not known is a mistake, never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class NetworkSection(Section):
    """Addresses, and the ways out of private subnets."""

    cidr: str
    availability_zones: tuple[str, str]
    nat: Nat
    interface_endpoints: tuple[str, ...]
    flow_log_retention_days: Days | None


class DatabaseSection(Section):
    """The PostgreSQL instance. Storage in gigabytes, windows in UTC."""

    name: str
    application_username: str
    instance_class: str
    storage_gb: int
    storage_limit_gb: int | None
    iops: int | None
    max_connections: int
    multi_az: bool
    backup_retention_days: int = Field(ge=0, le=35)
    backup_window: str
    maintenance_window: str
    log_exports: tuple[str, ...]
    slow_statement_ms: int


class BucketsSection(Section):
    """Names and ages of what is stored. None for a rule that this environment has not."""

    name_suffix: str
    storage_noncurrent_days: Days
    thumbnails_noncurrent_days: Days
    temp_expiry_days: Days
    archive_raw_after_days: Days | None
    archive_tagged_after_days: Days | None


class IdentitySection(Section):
    """Who signs in, how, and for how long."""

    mfa: Mfa
    access_token_hours: int
    id_token_hours: int
    refresh_token_days: int


class UploadsSection(Section):
    """How long presigned requests hold."""

    upload_expiry_seconds: int = Field(ge=1, le=3600)
    download_expiry_seconds: int = Field(ge=1, le=3600)


class QueueSection(Section):
    """The thumbnail queue and its dead letters."""

    visibility_seconds: Seconds
    retention_seconds: int
    max_receive_count: int = Field(ge=1, le=1000)


class FunctionSection(Section):
    """What a function that talks to the database is given."""

    memory_mb: int
    timeout_seconds: Seconds
    concurrency: int = Field(ge=1, description="The most that run at once, set aside from the account's.")
    database_pool_min: int = Field(ge=0, le=100)
    database_pool_max: int = Field(ge=1, le=100)
    database_connect_timeout_seconds: Seconds
    database_statement_timeout_seconds: Seconds


class ApiSection(FunctionSection):
    """The API's function and the gateway in front of it."""

    requests_per_second: int
    burst_requests: int


class ThumbnailsSection(FunctionSection):
    """The thumbnail worker, its mapping and what it takes on."""

    batch_size: int
    batching_window_seconds: int = Field(ge=0)
    job_lease_seconds: Seconds
    image_max_pixels: int = Field(ge=1)
    image_max_bytes: int = Field(ge=1)


class MaintenanceSection(FunctionSection):
    """The function that does what has to be done now and then, and how often that is."""

    every: str = Field(description="Between two runs, in EventBridge's words, such as `rate(1 minute)`.")
    outbox_grace_seconds: Seconds = Field(description="How long a message of the outbox is left to whoever wrote it.")
    outbox_retention_days: Days = Field(description="How long a message that was sent is kept.")


class MigrateSection(Section):
    """The function that applies migrations."""

    memory_mb: int
    timeout_seconds: Seconds
    lock_timeout_seconds: Seconds
    statement_timeout_seconds: Seconds


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
            raise SettingsError(_described(error)) from error


def read(stack_file: Path) -> EnvironmentSettings:
    """The settings in a `Pulumi.<environment>.yaml`. Raises SettingsError."""
    content = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping) or CONFIG_KEY not in config:
        raise SettingsError([f"settings: {stack_file.name} has no config value {CONFIG_KEY}"])
    return EnvironmentSettings.parse(config[CONFIG_KEY])


def _described(error: ValidationError) -> list[str]:
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
