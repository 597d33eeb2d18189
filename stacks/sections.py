"""The parts of an environment's settings: every size, every timing, every protection, typed and frozen.

Nothing has a default here: what an environment is can be read off its file alone. None stands for what an environment has not.
"""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from components.choices import Mfa, Nat

Days = Annotated[int, Field(ge=1, le=3653)]
Seconds = Annotated[int, Field(ge=1)]


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
