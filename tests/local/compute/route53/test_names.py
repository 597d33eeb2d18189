from types import MappingProxyType

import pytest

from local.compute.route53.names import Names
from local.provider.protocol import Registration


def record(name, *, target=None, kind="A"):
    aliases = [{"name": target, "zoneId": "Z1", "evaluateTargetHealth": False}] if target else None
    inputs = {"name": name, "type": kind, "aliases": aliases, "records": None if target else ["1.2.3.4"]}
    return Registration(
        urn="urn", type="aws:route53/record:Record", name="r", inputs=MappingProxyType(inputs), id="r", outputs={}
    )


@pytest.fixture
def names():
    known = Names()
    known.add(record("api.example.com.", target="127.0.0.1:3000"))
    known.add(record("media.example.com", target="d1.cloudfront.net"))
    known.add(record("plain.example.com"))
    return known


class TestReach:
    @pytest.mark.parametrize(
        ("url", "reached"),
        [
            ("https://api.example.com", "http://127.0.0.1:3000"),
            ("https://API.example.com/health?x=1#y", "http://127.0.0.1:3000/health?x=1#y"),
            ("https://127.0.0.1:4000/a", "http://127.0.0.1:4000/a"),
        ],
    )
    def test_a_name_of_ours_leads_to_loopback_without_tls(self, names, url, reached):
        assert names.reach(url) == reached

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
    def test_any_other_text_stays_as_it_is(self, names, url):
        assert names.reach(url) == url
