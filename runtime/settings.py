"""Every environment variable that the application reads, once and typed. None of ours has a default: the stacks set them all.

`stacks/wiring.py` writes exactly these; a test compares both ends. A function loads the one class made for it, so that no
function is given a variable it does not read.
"""

from functools import cache
from typing import Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.loopback import is_loopback

PREFIX = "PLATFORM_"
# What the parameter of the search domain's endpoint says where no engine runs: a parameter is never empty.
NO_SEARCH_ENGINE = "none"
S = TypeVar("S", bound="RuntimeSettings")


class RuntimeSettings(BaseSettings):
    """What every function reads."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True)

    environment: str = Field(description="The environment's tag value: development, staging or production.")
    release: str = Field(description="The release that is deployed, as `platform --version` prints it.")
    log_level: str
    region: str = Field(
        validation_alias=AliasChoices("region", "AWS_REGION"), description="Set by Lambda and ECS themselves."
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("aws_endpoint_url", "AWS_ENDPOINT_URL"),
        description="The SDK's own variable.",
    )


class DatabaseSettings(RuntimeSettings):
    """How to reach the database as the application's role."""

    database_secret_arn: str = Field(description="Secret with host, port, database, username, password.")
    database_pool_min: int = Field(ge=0, le=100)
    database_pool_max: int = Field(ge=1, le=100)
    database_connect_timeout_seconds: int = Field(ge=1)
    database_statement_timeout_seconds: int = Field(ge=1)


class SearchSettings(RuntimeSettings):
    """Where to learn of the search domain."""

    search_endpoint_parameter: str = Field(
        description="Name of the parameter that holds the domain's endpoint once it stands; empty where there is no domain.",
    )


class ApiSettings(DatabaseSettings, SearchSettings):
    """What the API reads."""

    storage_bucket: str
    temp_bucket: str
    thumbnails_bucket: str
    user_pool_id: str
    user_pool_endpoint: str = Field(
        description="Host and path of the pool, no scheme, as Cognito's resource answers it."
    )
    user_pool_client_ids: tuple[str, ...] = Field(description="JSON list of the clients whose tokens are accepted.")
    machine_client_ids: tuple[str, ...] = Field(
        description="JSON list of the clients that are machines, whose tokens are the system's."
    )
    machine_scope: str = Field(description="What a machine's token has to name in `scope`.")
    token_max_lifetime_seconds: int = Field(ge=60)
    allowed_hosts: tuple[str, ...] = Field(description="JSON list; a leading `*.` stands for any one host below.")
    allowed_origins: tuple[str, ...] = Field(description="JSON list of exact origins for CORS.")
    upload_expiry_seconds: int = Field(ge=1, le=3600)
    download_expiry_seconds: int = Field(ge=1, le=3600)
    outbox_grace_seconds: int = Field(ge=1, description="How long a message is left to whoever wrote it.")
    caller_requests_per_minute: int = Field(
        ge=0, le=1_000_000, description="What each caller may ask in the long run; 0: as much as they like."
    )
    caller_burst_requests: int = Field(ge=1, le=1_000_000, description="How many of them may come at once.")
    cache_endpoint: str = Field(
        description="Host and port of the cache that counts callers; empty where the database counts them."
    )
    editors_create_episodes: bool = Field(description="Whether editors, too, may create episodes.")
    queue_depth_limit: int = Field(
        ge=1, description="How many jobs may wait or run; more are refused for the time being."
    )

    @property
    def issuer(self) -> str:
        """The issuer follows from the pool and from nothing else."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.user_pool_id}"

    @property
    def jwks_url(self) -> str:
        """Where the pool's keys are: at the issuer, or on this machine when the whole AWS is."""
        scheme = "http" if is_loopback(urlsplit(f"//{self.user_pool_endpoint}").hostname or "") else "https"
        return f"{scheme}://{self.user_pool_endpoint}/.well-known/jwks.json"

    @model_validator(mode="after")
    def _machines_are_told_from_people(self) -> Self:
        if self.machine_client_ids and not self.machine_scope:
            raise ValueError("machine_scope: machines need one, or any token of theirs would be the system's")
        if both := sorted(set(self.machine_client_ids) & set(self.user_pool_client_ids)):
            raise ValueError(f"machine_client_ids: {', '.join(both)} cannot be a client of people too")
        return self

    @model_validator(mode="after")
    def _keys_come_from_the_issuer(self) -> Self:
        # The emulator's signing key is public. A key address other than the issuer's is therefore accepted only on
        # loopback, and only by a process whose whole AWS is on loopback too.
        if f"https://{self.user_pool_endpoint}" == self.issuer:
            return self
        keys = urlsplit(f"//{self.user_pool_endpoint}").hostname or ""
        aws = urlsplit(self.aws_endpoint_url or "").hostname or ""
        if not (is_loopback(keys) and is_loopback(aws)):
            raise ValueError(
                f"user_pool_endpoint: keys must come from {self.issuer}, not from {self.user_pool_endpoint}; "
                "another address is accepted only where all of AWS is on loopback"
            )
        return self


class ThumbnailSettings(DatabaseSettings):
    """What the thumbnail worker reads."""

    storage_bucket: str
    thumbnails_bucket: str
    job_lease_seconds: int = Field(ge=1, description="Shorter than the queue's visibility timeout.")
    image_max_pixels: int = Field(ge=1)
    image_max_bytes: int = Field(ge=1)


class MaintenanceSettings(DatabaseSettings, SearchSettings):
    """What the maintenance function reads."""

    outbox_grace_seconds: int = Field(ge=1)
    outbox_retention_days: int = Field(ge=1)


class MigrateSettings(SearchSettings):
    """What the migrate function reads. It alone may read the master's secret, and it alone writes the application's."""

    database_master_secret_arn: str
    database_secret_arn: str
    database_host: str
    database_port: int
    database_name: str
    database_application_user: str
    database_application_host: str = Field(
        description="Where the application connects: the proxy, where there is one, or the database itself."
    )
    lock_timeout_seconds: int = Field(ge=1)
    statement_timeout_seconds: int = Field(ge=1)
    seeding: bool = Field(description="Whether it makes episodes to measure with when it is asked to.")


@cache
def load_settings(kind: type[S]) -> S:
    """The settings of this process, read once. Raises pydantic's ValidationError, which names each variable."""
    return kind()
