"""The environment variables of the application, typed. Variables with our prefix have no defaults: the stacks set them all.

`stacks/wiring.py` sets exactly these variables, and a test compares the two. Each function loads its own settings class, so that
no function gets a variable that it does not read.
"""

from functools import cache
from typing import Self, TypeVar
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from runtime.loopback import is_loopback

PREFIX = "PLATFORM_"
# The value of the search endpoint's parameter where no engine runs: a parameter cannot be empty.
NO_SEARCH_ENGINE = "none"
S = TypeVar("S", bound="RuntimeSettings")


class RuntimeSettings(BaseSettings):
    """Settings of every function."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="ignore", populate_by_name=True)

    environment: str = Field(description="The environment's tag value: development, staging or production.")
    release: str = Field(description="The deployed release, as `platform --version` prints it.")
    log_level: str
    region: str = Field(
        validation_alias=AliasChoices("region", "AWS_REGION"), description="Set by Lambda and ECS themselves."
    )
    aws_endpoint_url: str | None = Field(
        default=None,
        validation_alias=AliasChoices("aws_endpoint_url", "AWS_ENDPOINT_URL"),
        description="Standard variable of the AWS SDK.",
    )


class DatabaseSettings(RuntimeSettings):
    """Settings of the database connection, as the application's role."""

    database_secret_arn: str = Field(description="Secret with host, port, database, username, password.")
    database_pool_min: int = Field(ge=0, le=100)
    database_pool_max: int = Field(ge=1, le=100)
    database_connect_timeout_seconds: int = Field(ge=1)
    database_statement_timeout_seconds: int = Field(ge=1)


class SearchSettings(RuntimeSettings):
    """Settings of the search domain."""

    search_endpoint_parameter: str = Field(
        description="Name of the parameter with the domain's endpoint, created with the domain; empty where there is none.",
    )


class ApiSettings(DatabaseSettings, SearchSettings):
    """Settings of the API."""

    storage_bucket: str
    temp_bucket: str
    thumbnails_bucket: str
    user_pool_id: str
    user_pool_endpoint: str = Field(description="Host and path of the pool without a scheme, as Cognito returns it.")
    user_pool_client_ids: tuple[str, ...] = Field(description="JSON list of the app clients of people.")
    machine_client_ids: tuple[str, ...] = Field(
        description="JSON list of the app clients of machines, whose callers have the role `system`."
    )
    machine_scope: str = Field(description="The scope that a machine's token must contain.")
    token_max_lifetime_seconds: int = Field(ge=60)
    allowed_hosts: tuple[str, ...] = Field(description="JSON list; a leading `*.` matches any one subdomain.")
    allowed_origins: tuple[str, ...] = Field(description="JSON list of exact origins for CORS.")
    upload_expiry_seconds: int = Field(ge=1, le=3600)
    download_expiry_seconds: int = Field(ge=1, le=3600)
    outbox_grace_seconds: int = Field(ge=1, description="How long the relay leaves a new message to its writer.")
    caller_requests_per_minute: int = Field(
        ge=0, le=1_000_000, description="Sustained rate limit of each caller; 0 means no limit."
    )
    caller_burst_requests: int = Field(ge=1, le=1_000_000, description="Burst size of each caller.")
    cache_endpoint: str = Field(
        description="Host and port of the cache that counts requests; empty where the database counts them."
    )
    editors_create_episodes: bool = Field(description="Whether editors may create episodes.")
    queue_depth_limit: int = Field(
        ge=1, description="How many jobs may be queued or running; further ones are rejected with 503."
    )

    @property
    def issuer(self) -> str:
        """Issuer of the pool's tokens."""
        return f"https://cognito-idp.{self.region}.amazonaws.com/{self.user_pool_id}"

    @property
    def jwks_url(self) -> str:
        """URL of the pool's public keys; over http only on loopback."""
        scheme = "http" if is_loopback(urlsplit(f"//{self.user_pool_endpoint}").hostname or "") else "https"
        return f"{scheme}://{self.user_pool_endpoint}/.well-known/jwks.json"

    @model_validator(mode="after")
    def _validate_machine_clients(self) -> Self:
        if self.machine_client_ids and not self.machine_scope:
            raise ValueError("machine_scope: must not be empty where there are machine_client_ids")
        if both := sorted(set(self.machine_client_ids) & set(self.user_pool_client_ids)):
            raise ValueError(f"machine_client_ids: {', '.join(both)} must not be in user_pool_client_ids too")
        return self

    @model_validator(mode="after")
    def _validate_key_address(self) -> Self:
        # The emulator's signing key is public. A key address other than the issuer's is therefore accepted only on loopback, and
        # only by a process whose AWS endpoint is on loopback too.
        if f"https://{self.user_pool_endpoint}" == self.issuer:
            return self
        keys = urlsplit(f"//{self.user_pool_endpoint}").hostname or ""
        aws = urlsplit(self.aws_endpoint_url or "").hostname or ""
        if not (is_loopback(keys) and is_loopback(aws)):
            raise ValueError(
                f"user_pool_endpoint: must be the address of {self.issuer}, not {self.user_pool_endpoint}; "
                "another address is accepted only on loopback, with AWS_ENDPOINT_URL on loopback too"
            )
        return self


class ThumbnailSettings(DatabaseSettings):
    """Settings of the thumbnail worker."""

    storage_bucket: str
    thumbnails_bucket: str
    job_lease_seconds: int = Field(ge=1, description="Must be shorter than the queue's visibility timeout.")
    image_max_pixels: int = Field(ge=1)
    image_max_bytes: int = Field(ge=1)


class MaintenanceSettings(DatabaseSettings, SearchSettings):
    """Settings of the maintenance function."""

    outbox_grace_seconds: int = Field(ge=1)
    outbox_retention_days: int = Field(ge=1)


class MigrateSettings(SearchSettings):
    """Settings of the migrate function, the only one that reads the master secret and writes the application's secret."""

    database_master_secret_arn: str
    database_secret_arn: str
    database_host: str
    database_port: int
    database_name: str
    database_application_user: str
    database_application_host: str = Field(
        description="Host that the application connects to: the proxy where there is one, otherwise the database."
    )
    lock_timeout_seconds: int = Field(ge=1)
    statement_timeout_seconds: int = Field(ge=1)
    seeding: bool = Field(description="Whether the function may create sample episodes for measurements.")


@cache
def load_settings(kind: type[S]) -> S:
    """Return the settings of this process, read once.

    Raises:
        pydantic.ValidationError: Names each missing or invalid variable.
    """
    return kind()
