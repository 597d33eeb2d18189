from typing import Any

import pytest

from components.dns_zone import DnsZone, DnsZoneArgs

HOST = "api-staging.example.com"


def alias(zone: Any, host_name: Any = HOST) -> Any:
    return zone.add_alias_records(
        "api", host_name=host_name, target_domain_name="b.elb.amazonaws.com", target_zone_id="Z1"
    )


class TestRegister:
    def test_zone_of_the_host(self, register: Any) -> None:
        found: list[Any] = []

        def program() -> None:
            zone = DnsZone("dns", DnsZoneArgs(host_name=HOST))
            zone.name_servers.apply(found.append)

        graph = register(program)
        assert graph.counts == {"Zone": 1}
        assert graph.one("Zone").inputs == {
            "name": HOST,
            "comment": f"{HOST} and what is below it",
            "forceDestroy": False,
        }
        assert len(found) == 1

    def test_names_lead_to_their_target_over_both_protocols(self, register: Any) -> None:
        graph = register(lambda: alias(DnsZone("dns", DnsZoneArgs(host_name=HOST)), f"media.{HOST}"))
        assert graph.counts == {"Zone": 1, "Record": 2}
        for name, kind in (("dns-api-a", "A"), ("dns-api-aaaa", "AAAA")):
            record = dict(graph.named(name).inputs)
            assert record.pop("zoneId")
            assert record == {
                "name": f"media.{HOST}",
                "type": kind,
                "aliases": [{"name": "b.elb.amazonaws.com", "zoneId": "Z1", "evaluateTargetHealth": False}],
            }
            assert graph.depends(name, "dns-zone")

    @pytest.mark.parametrize("host_name", ["example.com", f"x{HOST}", "other.com"])
    def test_name_outside_the_zone_is_refused(self, register: Any, host_name: Any) -> None:
        def program() -> None:
            with pytest.raises(ValueError, match=f"dns: {host_name} is not in the zone {HOST}"):
                alias(DnsZone("dns", DnsZoneArgs(host_name=HOST)), host_name)

        assert register(program).counts == {"Zone": 1}
