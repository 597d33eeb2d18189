"""Rules about combinations of settings that are valid one by one."""

from collections.abc import Iterator

from components.choices import INTEGRATION_TIMEOUT_MS, min_visibility_timeout_seconds
from stacks.environment_sections import EnvironmentSections
from stacks.sections import FunctionSection

# What the functions call from private subnets. S3 has a gateway endpoint in every network.
ALWAYS_PRIVATE = frozenset({"secretsmanager"})
# The keys of the user pool, which the API fetches over the internet where there is a NAT gateway.
PRIVATE_WITHOUT_NAT = frozenset({"cognito-idp"})

# Decoding takes up to 12 bytes a pixel beside the interpreter: a 49-megapixel image peaked at 599 MB, and 1,024 MB keep two
# fifths of it free. A WebP takes 16, and rendering gives it three fifths of the pixels.
PIXELS_PER_MEMORY_MB = 50_000

# Of ten connections; the others are for migrations, for monitoring, and for instances of a release on its way out.
CONNECTIONS_OF_TEN = 8

PRODUCTION_BACKUP_DAYS = 7

# Functions look up the search domain's endpoint here.
PRIVATE_FOR_SEARCH = frozenset({"ssm"})

# Fargate pulls the image's manifest and layers and writes the log through these.
PRIVATE_FOR_CONTAINERS = frozenset({"ecr.api", "ecr.dkr", "logs"})

# While a deployment replaces tasks, old and new ones hold their connections at the same time.
TASKS_DURING_DEPLOYMENT = 2


def problems(settings: EnvironmentSections) -> list[str]:
    """Return every contradiction; each starts with the path of the setting to change."""
    rules = (_network, _timings, _sizes, _connections, _edge, _production)
    return [problem for rule in rules for problem in rule(settings)]


def _network(settings: EnvironmentSections) -> Iterator[str]:
    needed = ALWAYS_PRIVATE | (PRIVATE_FOR_SEARCH if settings.search_domain else frozenset())
    if settings.network.nat == "none":
        needed |= PRIVATE_WITHOUT_NAT | (PRIVATE_FOR_CONTAINERS if settings.api.host == "container" else frozenset())
    missing = sorted(needed - set(settings.network.interface_endpoints))
    if missing:
        yield (
            f"network.interface_endpoints: must list {', '.join(missing)}, which is called from private subnets "
            f"(network.nat is {settings.network.nat})"
        )


def _timings(settings: EnvironmentSections) -> Iterator[str]:
    worker, visibility = settings.thumbnails, settings.queue.visibility_seconds
    least = min_visibility_timeout_seconds(worker.timeout_seconds, worker.batching_window_seconds)
    if visibility < least:
        yield (
            f"queue.visibility_seconds: must be at least {least} (six times thumbnails.timeout_seconds, "
            f"plus thumbnails.batching_window_seconds), not {visibility}"
        )
    if not worker.timeout_seconds <= worker.job_lease_seconds < visibility:
        yield (
            f"thumbnails.job_lease_seconds: must be at least thumbnails.timeout_seconds ({worker.timeout_seconds}) and "
            f"below queue.visibility_seconds ({visibility}), not {worker.job_lease_seconds}"
        )
    if settings.api.timeout_seconds * 1000 > INTEGRATION_TIMEOUT_MS:
        yield (
            f"api.timeout_seconds: must be at most {INTEGRATION_TIMEOUT_MS // 1000}, after which nobody waits for the "
            f"answer, not {settings.api.timeout_seconds}"
        )


def _sizes(settings: EnvironmentSections) -> Iterator[str]:
    worker = settings.thumbnails
    most = worker.memory_mb * PIXELS_PER_MEMORY_MB
    if worker.image_max_pixels > most:
        yield (
            f"thumbnails.image_max_pixels: must be at most {most} for {worker.memory_mb} MB of memory, "
            f"not {worker.image_max_pixels}"
        )
    tasks = settings.api.container
    if tasks.maximum_count is not None and tasks.maximum_count < tasks.desired_count:
        yield (
            f"api.container.maximum_count: must be at least api.container.desired_count ({tasks.desired_count}), "
            f"not {tasks.maximum_count}"
        )
    if worker.concurrency < 2:
        yield f"thumbnails.concurrency: must be at least 2, the least that a queue's consumer takes, not {worker.concurrency}"


def _connections(settings: EnvironmentSections) -> Iterator[str]:
    needed = 0
    sections = (("api", settings.api), ("thumbnails", settings.thumbnails), ("maintenance", settings.maintenance))
    for name, section in sections:
        needed += _instances(settings, section) * section.database_pool_max
        if section.database_pool_min > section.database_pool_max:
            yield (
                f"{name}.database_pool_min: must be at most {name}.database_pool_max ({section.database_pool_max}), "
                f"not {section.database_pool_min}"
            )
    least = -(-needed * 10 // CONNECTIONS_OF_TEN)
    if settings.database.max_connections < least:
        yield (
            f"database.max_connections: must be at least {least}, because what runs may open {needed} and is left "
            f"{CONNECTIONS_OF_TEN} of ten, not {settings.database.max_connections}"
        )


def _instances(settings: EnvironmentSections, section: FunctionSection) -> int:
    """Return the maximum number of processes that hold a connection pool at the same time."""
    tasks = settings.api.container
    if section is settings.api and settings.api.host == "container":
        return TASKS_DURING_DEPLOYMENT * (tasks.maximum_count or tasks.desired_count)
    return section.concurrency


def _edge(settings: EnvironmentSections) -> Iterator[str]:
    edge = settings.edge
    if edge.manages_zone and edge.certificate_arn is not None:
        yield "edge.certificate_arn: must be null where edge.manages_zone is true, which makes a certificate"
    if settings.api.host == "lambda":
        # The domain's certificate and its alias lead to a load balancer, and WAF guards no HTTP API.
        if edge.manages_zone:
            yield "edge.manages_zone: must be false where api.host is lambda, which has no load balancer for the domain"
        if edge.requests_per_address is not None:
            yield "edge.requests_per_address: must be null where api.host is lambda: a web firewall guards no HTTP API"
    host_name = edge.delivery.host_name if edge.delivery else None
    if host_name is not None and not (edge.manages_zone and host_name.endswith(f".{settings.domain}")):
        yield (
            f"edge.delivery.host_name: must lie below domain ({settings.domain}) with edge.manages_zone true, "
            f"or be null, not {host_name}"
        )
    if settings.monitoring.alarms and not settings.monitoring.recipients:
        yield "monitoring.recipients: must name somebody whom the alarms of monitoring.alarms reach"


def _production(settings: EnvironmentSections) -> Iterator[str]:
    if not settings.production_promises:
        return
    if not settings.protected:
        yield "protected: must be true, production promises that its data cannot be deleted"
    if not settings.database.multi_az:
        yield "database.multi_az: must be true, production promises to survive the loss of a zone"
    days = settings.database.backup_retention_days
    if days < PRODUCTION_BACKUP_DAYS:
        yield f"database.backup_retention_days: must be at least {PRODUCTION_BACKUP_DAYS} in production, not {days}"
    if settings.identity.mfa != "ON":
        yield f"identity.mfa: must be ON, production promises a second factor, not {settings.identity.mfa}"
    if settings.migrate.seeding:
        yield "migrate.seeding: must be false, production promises that nobody fills it with what was made up"
    if not (settings.edge.manages_zone or settings.edge.certificate_arn):
        yield "edge.manages_zone: must be true, or edge.certificate_arn given: production promises HTTPS"
    if settings.edge.requests_per_address is None:
        yield "edge.requests_per_address: must be given, production promises a web firewall"
    if not settings.monitoring.alarms:
        yield "monitoring.alarms: must be true, production promises that somebody is told"
    if not settings.customer_managed_keys:
        yield "customer_managed_keys: must be true, production promises keys of its own"
    plain = [origin for origin in settings.cors_origins if not origin.startswith("https://")]
    if plain:
        yield f"cors_origins: must be https in production, not {', '.join(plain)}"
