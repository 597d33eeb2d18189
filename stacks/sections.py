"""The parts of an environment's settings: every size, every timing, every protection, typed and frozen.

Nothing has a default here: what an environment is can be read off its file alone. None stands for what an environment has not.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from components.choices import DatabaseInsights, Deployment, Mfa, Nat, PriceClass, ThreatProtection

Days = Annotated[int, Field(ge=1, le=3653)]
Seconds = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the settings. Unknown keys are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SettingsError(ValueError):
    """Invalid settings. Each problem starts with the path of its key, such as `settings.queue.visibility_seconds`."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class Settings(Section):
    """All settings of a stack file."""

    @classmethod
    def parse(cls, values: Any) -> Self:
        """Return the settings parsed from plain data.

        Raises:
            SettingsError: Some keys are invalid; the error names every one.
        """
        if not isinstance(values, Mapping):
            raise SettingsError([f"settings: must be an object, not {type(values).__name__}"])
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            raise SettingsError(_described(error)) from error


class NetworkSection(Section):
    """Addresses, and egress from private subnets."""

    cidr: str
    availability_zones: tuple[str, str]
    nat: Nat
    interface_endpoints: tuple[str, ...]
    flow_log_retention_days: Days | None


class DatabaseProxySection(Section):
    """An RDS Proxy in front of the database, which pools the connections of the functions."""

    connections_percent: int = Field(ge=1, le=100, description="How many of the database's connections it may hold.")
    borrow_timeout_seconds: int = Field(ge=0, le=300, description="How long a client waits for a connection.")
    idle_client_timeout_seconds: int = Field(ge=1, le=28_800)


class CacheSection(Section):
    """A Valkey cache, which counts the requests of each caller instead of the database."""

    node_type: str
    nodes: int = Field(ge=1, le=6, description="One that writes; the others take over when it fails.")
    maintenance_window: str


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
    insights: DatabaseInsights
    monitoring_interval_seconds: int = Field(description="Between two looks at the operating system; 0 for none.")
    proxy: DatabaseProxySection | None


class BucketsSection(Section):
    """Bucket names and retention. None for a rule that this environment does not have."""

    name_suffix: str
    storage_noncurrent_days: Days
    thumbnails_noncurrent_days: Days
    temp_expiry_days: Days
    archive_raw_after_days: Days | None
    archive_tagged_after_days: Days | None
    archive_unread_items_after_days: Days | None
    archive_documents_after_days: Days | None
    access_log_days: Days | None = Field(description="How long who read what is kept; None: it is not written down.")
    malware_protection: bool = Field(description="Whether GuardDuty scans uploads and tags each with what it found.")


class IdentitySection(Section):
    """Sign-in: MFA, token lifetimes, first administrator."""

    mfa: Mfa
    access_token_hours: int
    id_token_hours: int
    refresh_token_days: int
    threat_protection: ThreatProtection
    first_administrator: str | None = Field(description="The e-mail address of the first admin; None makes nobody.")
    system_client: bool = Field(description="Whether machines may sign in as the system.")


class UploadsSection(Section):
    """Lifetimes of presigned requests."""

    upload_expiry_seconds: int = Field(ge=1, le=3600)
    download_expiry_seconds: int = Field(ge=1, le=3600)


class QueueSection(Section):
    """The thumbnail queue and its dead letters."""

    visibility_seconds: Seconds
    retention_seconds: int
    max_receive_count: int = Field(ge=1, le=1000)
    depth_limit: int = Field(
        ge=1, description="How many jobs may wait or run; the API refuses more for the time being."
    )


class FunctionSection(Section):
    """Resources of a function that uses the database."""

    memory_mb: int
    timeout_seconds: Seconds
    concurrency: int = Field(ge=1, description="The most that run at once, set aside from the account's.")
    database_pool_min: int = Field(ge=0, le=100)
    database_pool_max: int = Field(ge=1, le=100)
    database_connect_timeout_seconds: Seconds
    database_statement_timeout_seconds: Seconds


class ContainerSection(Section):
    """The API as a container service: Fargate sizes and task counts."""

    repository: str = Field(description="The image repository's name in this account.")
    cpu_units: int
    memory_mb: int
    desired_count: int = Field(ge=1)
    maximum_count: int | None = Field(description="As many as load may call for; None: desired_count and no more.")
    deployment: Deployment


class ApiSection(FunctionSection):
    """The API host: a function behind a gateway, or a container service behind a load balancer."""

    host: Literal["lambda", "container"]
    requests_per_second: int = Field(description="What the gateway lets through of all callers together.")
    burst_requests: int
    caller_requests_per_minute: int = Field(
        ge=0, le=1_000_000, description="What each caller may ask in the long run; 0: as much as they like."
    )
    caller_burst_requests: int = Field(ge=1, le=1_000_000, description="How many of them may come at once.")
    editors_create_episodes: bool = Field(description="Whether editors, too, may create episodes.")
    container: ContainerSection


class ThumbnailsSection(FunctionSection):
    """The thumbnail worker, its event source mapping and its limits."""

    batch_size: int
    batching_window_seconds: int = Field(ge=0)
    job_lease_seconds: Seconds
    image_max_pixels: int = Field(ge=1)
    image_max_bytes: int = Field(ge=1)


class MaintenanceSection(FunctionSection):
    """The maintenance function and its schedule."""

    every: str = Field(description="Between two runs, in EventBridge's words, such as `rate(1 minute)`.")
    outbox_grace_seconds: Seconds = Field(description="How long a message of the outbox is left to whoever wrote it.")
    outbox_retention_days: Days = Field(description="How long a message that was sent is kept.")


class MigrateSection(Section):
    """The function that applies migrations."""

    memory_mb: int
    timeout_seconds: Seconds
    lock_timeout_seconds: Seconds
    statement_timeout_seconds: Seconds
    seeding: bool = Field(description="Whether it makes any number of episodes to measure with when it is asked to.")


class SearchDomainSection(Section):
    """The OpenSearch domain."""

    instance_type: str
    instance_count: int = Field(ge=1)
    dedicated_masters: bool
    volume_gb: int
    create_service_role: bool = Field(description="An account has this role once, for all its domains.")


class DeliverySection(Section):
    """The CDN in front of the thumbnails."""

    host_name: str | None = Field(description="A name in the platform's own zone; None for the one that AWS gives.")
    price_class: PriceClass
    signing_public_keys: dict[str, str] = Field(description="Names and PEM texts of the keys that sign private URLs.")
    blocked_countries: tuple[str, ...]


class EdgeSection(Section):
    """The domain name, the firewall and the CDN."""

    manages_zone: bool = Field(description="Whether the domain is a DNS zone of ours, with a certificate made in it.")
    certificate_arn: str | None = Field(description="One that exists already, for a domain whose zone is elsewhere.")
    requests_per_address: int | None = Field(
        description="The most that an address may send in five minutes; None: no web firewall."
    )
    delivery: DeliverySection | None


class MonitoringSection(Section):
    """Dashboard, alarms, their recipients and the budget."""

    dashboard: bool
    alarms: bool
    recipients: tuple[str, ...] = Field(description="E-mail addresses; each is asked to confirm.")
    monthly_budget_usd: int | None = Field(ge=1)


class BackupSection(Section):
    """Monthly archives, beyond the database's own daily backups."""

    keep_days: Days


def _described(error: ValidationError) -> list[str]:
    """Return each problem on one line that starts with the path of its key."""
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
