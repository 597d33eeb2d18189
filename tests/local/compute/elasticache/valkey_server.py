"""A Valkey server for the tests of a worker."""

import uuid
from collections.abc import Iterator

import pytest

from local.compute.elasticache.caches import Caches
from local.provider.protocol import Registration
from local.supervisor import Supervisor


@pytest.fixture(scope="session")
def valkey_endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Host and port of a running server."""
    supervisor = Supervisor(tmp_path_factory.mktemp("valkey"))
    try:
        outputs = Caches(supervisor).start(registration(engine="valkey"))
        yield f"{outputs['primaryEndpointAddress']}:{outputs['port']}"
    finally:
        supervisor.stop_all()


def registration(**inputs: str) -> Registration:
    """Return the registration of a replication group with these inputs."""
    return Registration(
        urn=f"urn:pulumi:test::test::aws:elasticache/replicationGroup:ReplicationGroup::{uuid.uuid4()}",
        type="aws:elasticache/replicationGroup:ReplicationGroup",
        name="cache",
        id="cache",
        inputs=inputs,
        outputs={},
    )
