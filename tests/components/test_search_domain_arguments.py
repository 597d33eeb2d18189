from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.naming import Naming
from components.search_domain import SearchDomain
from tests.components.examples.search_domain import SUBNETS, args

REFUSED = [
    ("subnet_ids", {"subnet_ids": []}),
    ("naming", {"naming": Naming("films", "staging-of-many-episodes")}),
    ("instance_type", {"instance_type": "t3.small"}),
    ("instance_type", {"instance_type": "t3.small.elasticsearch"}),
    ("dedicated_master_type", {"dedicated_master_type": "m6g.large"}),
    ("instance_count", {"instance_count": 0}),
    ("instance_count", {"instance_count": 82}),
    ("instance_count", {"instance_count": 3}),
    ("instance_count", {"subnet_ids": ["subnet-1"], "instance_count": 2}),
    ("instance_count", {"subnet_ids": SUBNETS, "instance_count": 5}),
    ("volume_gb", {"volume_gb": 9}),
    ("volume_gb", {"volume_gb": 101}),
    ("volume_gb", {"instance_type": "t3.medium.search", "volume_gb": 201}),
    ("volume_gb", {"instance_type": "m6g.large.search", "volume_gb": 24_577}),
    ("log_retention_days", {"log_retention_days": 13}),
]


class TestArgs:
    @pytest.mark.requirement("A-12")
    @pytest.mark.parametrize(("field", "changes"), REFUSED)
    def test_impossible_value_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"SearchDomainArgs\.{field}: must") as refusal:
            args(**changes)
        assert refusal.value.field == field

    @given(
        zones=st.integers(1, 3),
        multiple=st.integers(1, 26),
        volume=st.integers(10, 100),
        masters=st.none() | st.just("t3.small.search"),
        protected=st.booleans(),
    )
    def test_possible_values_register(
        self, register: Any, *, zones: Any, multiple: Any, volume: Any, masters: Any, protected: Any
    ) -> None:
        chosen = args(
            subnet_ids=SUBNETS[:zones],
            instance_count=zones * multiple if zones > 1 else 1,
            volume_gb=volume,
            dedicated_master_type=masters,
            protected=protected,
        )
        domain = register(lambda: SearchDomain("search", chosen)).one("Domain")
        cluster = domain.inputs["clusterConfig"]
        assert cluster["instanceCount"] % len(domain.inputs["vpcOptions"]["subnetIds"]) == 0
        assert cluster["zoneAwarenessEnabled"] is (len(domain.inputs["vpcOptions"]["subnetIds"]) > 1)
        assert cluster.get("dedicatedMasterCount") == (masters and 3)
        assert domain.protect is protected
