"""The security groups of components that others connect to: closed, and opened to one group and one port by `allow_from`."""

from collections.abc import Callable
from typing import Any

import pytest

from components import cache, database_proxy, postgres_database, search_domain
from components.naming import Naming
from tests.components.conftest import Register

NAMING = Naming("episode-metadata", "dev")
SUBNETS = ["subnet-1", "subnet-2"]
NETWORK: dict[str, Any] = {"naming": NAMING, "vpc_id": "vpc-1", "subnet_ids": SUBNETS}

Servers = Callable[[], Any]
SERVERS: dict[str, tuple[int, str, Servers]] = {
    "cache": (6379, "Valkey for api", lambda: cache.Cache("it", cache.CacheArgs(**NETWORK))),
    "database proxy": (
        5432,
        "PostgreSQL for api",
        lambda: database_proxy.DatabaseProxy(
            "it",
            database_proxy.DatabaseProxyArgs(
                **NETWORK,
                database_identifier="db",
                database_security_group_id="sg-database",
                secret_arn="arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf",
            ),
        ),
    ),
    "database": (
        5432,
        "PostgreSQL for api",
        lambda: postgres_database.PostgresDatabase(
            "it",
            postgres_database.PostgresDatabaseArgs(
                **NETWORK, database_name="episodes", instance_class="db.t3.small", storage_gb=20
            ),
        ),
    ),
    "search domain": (
        443,
        "OpenSearch for api",
        lambda: search_domain.SearchDomain(
            "it",
            search_domain.SearchDomainArgs(**NETWORK, administrator_role_arn="arn:aws:iam::123456789012:role/admin"),
        ),
    ),
}


@pytest.mark.requirement("ROAD-32")
@pytest.mark.parametrize(("port", "description", "create"), SERVERS.values(), ids=SERVERS)
def test_allow_from_opens_one_port_to_one_group(
    register: Register, port: int, description: str, create: Servers
) -> None:
    groups: list[str] = []

    def program() -> None:
        server = create()
        server.security_group_id.apply(groups.append)
        server.allow_from("api", "sg-api")

    rule = register(program).named("it-from-api").inputs
    assert rule == {
        "securityGroupId": groups[0],
        "referencedSecurityGroupId": "sg-api",
        "ipProtocol": "tcp",
        "fromPort": port,
        "toPort": port,
        "description": description,
    }
