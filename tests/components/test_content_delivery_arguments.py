import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.arguments import ArgumentError
from components.content_delivery import ContentDelivery
from tests.components.examples.content_delivery import CERTIFICATE, PEM, args


class TestArgs:
    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("resource_name", {"resource_name": ""}),
            ("public_prefixes", {"public_prefixes": []}),
            ("public_prefixes", {"public_prefixes": ["thumbnails"]}),
            ("public_prefixes", {"public_prefixes": ["/thumbnails/"]}),
            ("public_prefixes", {"public_prefixes": ["*/"]}),
            ("public_prefixes", {"public_prefixes": ["a/../"]}),
            ("public_prefixes", {"public_prefixes": ["a/", "a/b/"]}),
            ("public_prefixes", {"public_prefixes": ["a/", "a/"]}),
            ("private_prefixes", {"private_prefixes": ["thumbnails/raw/"], "signing_public_keys": {"one": PEM}}),
            ("public_prefixes", {"private_prefixes": ["thumbnails/"], "signing_public_keys": {"one": PEM}}),
            ("public_prefixes", {"public_prefixes": ["a/b/"], "private_prefixes": ["a/"]}),
            ("private_prefixes", {"private_prefixes": ["raw"]}),
            ("signing_public_keys", {"private_prefixes": ["raw/"]}),
            ("signing_public_keys", {"signing_public_keys": {"One": PEM}}),
            ("signing_public_keys", {"signing_public_keys": {"one": PEM.replace("PUBLIC", "PRIVATE")}}),
            ("signing_public_keys", {"signing_public_keys": {f"k{number}": PEM for number in range(6)}}),
            ("aliases", {"aliases": ["https://media.example.com"], "certificate_arn": CERTIFICATE}),
            ("aliases", {"aliases": ["a.example.com"] * 2, "certificate_arn": CERTIFICATE}),
            ("certificate_arn", {"aliases": ["media.example.com"]}),
            ("certificate_arn", {"certificate_arn": CERTIFICATE}),
            (
                "certificate_arn",
                {"aliases": ["a.example.com"], "certificate_arn": CERTIFICATE.replace("us-east-1", "eu-west-1")},
            ),
            ("cors_origins", {"cors_origins": ["*"]}),
            ("price_class", {"price_class": "PriceClass_1"}),
            ("geo_restriction", {"geo_restriction": "some"}),
            ("geo_locations", {"geo_restriction": "whitelist"}),
            ("geo_locations", {"geo_locations": ["DE"]}),
            ("geo_locations", {"geo_restriction": "whitelist", "geo_locations": ["Germany"]}),
            ("geo_locations", {"geo_restriction": "whitelist", "geo_locations": ["DE", "DE"]}),
        ],
    )
    def test_impossible_value_is_refused_by_field(self, field, changes):
        with pytest.raises(ArgumentError, match=rf"ContentDeliveryArgs\.{field}: must"):
            args(**changes)

    @given(
        names=st.lists(st.from_regex(r"[a-z]{3}", fullmatch=True), min_size=2, max_size=8, unique=True),
        signed=st.integers(0, 8),
    )
    def test_possible_values_register(self, register, names, signed):
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
