"""The cache component, read back from the emulator."""

from collections.abc import Callable

import pytest

from components.cache import Cache, CacheArgs
from components.naming import Naming
from components.network import Network, NetworkArgs
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

GROUP = "aws:elasticache/replicationGroup:ReplicationGroup"
Create = Callable[..., Created]


class TestCache:
    def test_component_is_stored_as_registered(self, provider: LocalProvider, account: LocalAccount) -> None:
        def program() -> None:
            naming = Naming("cached", "dev")
            zones = ["us-east-1a", "us-east-1b"]
            network = Network(
                "network",
                NetworkArgs(naming=naming, region="us-east-1", cidr="10.0.0.0/16", availability_zones=zones),
            )
            Cache(
                "cache",
                CacheArgs(
                    naming=naming,
                    vpc_id=network.vpc_id,
                    subnet_ids=network.private_subnet_ids,
                    nodes=2,
                    node_type="cache.t4g.medium",
                ),
            )

        deployment = deploy(program, project="cached", stack="dev", config={}, provider=provider)
        assert {each.state for each in deployment.resources} == {"applied"}
        made = {each.name: each for each in deployment.resources}
        (read,) = account.client("elasticache").describe_replication_groups(ReplicationGroupId="cached-cache-dev")[
            "ReplicationGroups"
        ]
        expected = {
            "Engine": "valkey",
            "CacheNodeType": "cache.t4g.medium",
            "AtRestEncryptionEnabled": True,
            "TransitEncryptionEnabled": True,
            "TransitEncryptionMode": "required",
            "AutomaticFailover": "enabled",
            "MultiAZ": "enabled",
        }
        assert {name: read.get(name) for name in expected} == expected
        outputs = made["cache-group"].outputs
        assert outputs["arn"] == read["ARN"]
        assert outputs["primaryEndpointAddress"] == read["NodeGroups"][0]["PrimaryEndpoint"]["Address"]
        assert outputs["memberClusters"] == read["MemberClusters"]
        (subnets,) = account.client("elasticache").describe_cache_subnet_groups(
            CacheSubnetGroupName="cached-cache-subnet-group-dev"
        )["CacheSubnetGroups"]
        assert len(subnets["Subnets"]) == 2

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"colour": "blue"}, "no call accepts colour"),
            ({"transitEncryptionMode": "maybe"}, "'maybe' must be one of"),
            ({"logDeliveryConfigurations": []}, "not supported by the local account"),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, object], problem: str) -> None:
        with pytest.raises(RegistrationError, match=problem):
            create(GROUP, "bad", description="any", **changes)
