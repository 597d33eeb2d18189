from typing import Any

import pytest

from components.cache import Cache, CacheArgs
from components.naming import Naming

NAMING = Naming("episode-metadata", "staging")
KEY = "arn:aws:kms:us-east-1:123456789012:key/1"
COUNTS = {"SecurityGroup": 1, "SubnetGroup": 1, "ReplicationGroup": 1}


def args(**changes: Any) -> Any:
    return CacheArgs(
        **dict[str, Any]({"naming": NAMING, "vpc_id": "vpc-1", "subnet_ids": ["subnet-1", "subnet-2"]}) | changes
    )


class TestRegister:
    @pytest.mark.requirement("C-30")
    def test_it_is_encrypted_at_rest_and_on_the_way(self, register: Any) -> None:
        graph = register(lambda: Cache("cache", args(key_arn=KEY)))
        assert graph.counts == COUNTS
        group = dict(graph.one("ReplicationGroup").inputs)
        assert len(group.pop("securityGroupIds")) == 1
        assert graph.one("ReplicationGroup").property_dependencies["securityGroupIds"] == (
            graph.one("SecurityGroup").urn,
        )
        assert group == {
            "replicationGroupId": "episode-metadata-cache-staging",
            "description": "Cache of episode-metadata staging",
            "engine": "valkey",
            "engineVersion": "8.0",
            "nodeType": "cache.t4g.micro",
            "numCacheClusters": 1,
            "port": 6379,
            "automaticFailoverEnabled": False,
            "multiAzEnabled": False,
            "subnetGroupName": "episode-metadata-cache-subnet-group-staging",
            "atRestEncryptionEnabled": True,
            "kmsKeyId": KEY,
            "transitEncryptionEnabled": True,
            "transitEncryptionMode": "required",
            "autoMinorVersionUpgrade": True,
            "maintenanceWindow": "sun:05:00-sun:06:00",
            "snapshotRetentionLimit": 0,
            "applyImmediately": True,
        }
        assert graph.one("SubnetGroup").inputs["subnetIds"] == ["subnet-1", "subnet-2"]

    def test_several_nodes_survive_the_loss_of_a_zone(self, register: Any) -> None:
        group = register(lambda: Cache("cache", args(nodes=2))).one("ReplicationGroup").inputs
        assert (group["numCacheClusters"], group["automaticFailoverEnabled"], group["multiAzEnabled"]) == (
            2,
            True,
            True,
        )
