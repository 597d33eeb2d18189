from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.content_delivery import ContentDelivery
from tests.components.examples.content_delivery import PEM, args


class TestArgs:
    @given(
        names=st.lists(st.from_regex(r"[a-z]{3}", fullmatch=True), min_size=2, max_size=8, unique=True),
        signed=st.integers(0, 8),
    )
    def test_possible_values_register(self, register: Any, names: Any, signed: Any) -> None:
        prefixes = [f"{name}/" for name in names]
        chosen = args(
            public_prefixes=prefixes[signed:],
            private_prefixes=prefixes[:signed],
            signing_public_keys={"one": PEM},
        )
        graph = register(lambda: ContentDelivery("media", chosen))
        behaviours = graph.one("Distribution").inputs["orderedCacheBehaviors"]
        guarded = {each["pathPattern"] for each in behaviours if each.get("trustedKeyGroups")}
        assert guarded == {f"/{prefix}*" for prefix in prefixes[:signed]}
        assert len(behaviours) == len(prefixes)
