"""Host names are resolved by registered alias records."""

from types import MappingProxyType

import pytest

from local.compute.route53.host_resolver import HostResolver
from local.provider.protocol import Registration


def record(name: str, *, target: str | None = None) -> Registration:
    aliases = [{"name": target, "zoneId": "Z1", "evaluateTargetHealth": False}] if target else None
    inputs = {"name": name, "type": "A", "aliases": aliases, "records": None if target else ["1.2.3.4"]}
    return Registration(
        urn="urn", type="aws:route53/record:Record", name="r", inputs=MappingProxyType(inputs), id="r", outputs={}
    )


@pytest.fixture
def resolver() -> HostResolver:
    made = HostResolver()
    made.add_record(record("api.example.com.", target="127.0.0.1:3000"))
    made.add_record(record("media.example.com", target="d1.cloudfront.net"))
    made.add_record(record("plain.example.com"))
    return made


class TestResolveUrl:
    @pytest.mark.parametrize(
        ("url", "resolved"),
        [
            ("https://api.example.com", "http://127.0.0.1:3000"),
            ("https://API.example.com/health?x=1#y", "http://127.0.0.1:3000/health?x=1#y"),
            ("https://127.0.0.1:4000/a", "http://127.0.0.1:4000/a"),
        ],
    )
    def test_alias_of_a_listener_resolves_to_loopback_without_tls(
        self, resolver: HostResolver, url: str, resolved: str
    ) -> None:
        assert resolver.resolve_url(url) == resolved

    @pytest.mark.parametrize(
        "url",
        [
            "https://media.example.com/x",
            "https://plain.example.com",
            "https://elsewhere.example.com",
            "http://127.0.0.1.example.com",
            "us-east-1_x",
        ],
    )
    def test_any_other_text_is_unchanged(self, resolver: HostResolver, url: str) -> None:
        assert resolver.resolve_url(url) == url
