"""Hosted zones and records, read back from the emulator."""

from collections.abc import Callable
from typing import Any

import pulumi
import pytest

from components.dns_zone import DnsZone, DnsZoneArgs
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

ZONE, RECORD = "aws:route53/zone:Zone", "aws:route53/record:Record"
Create = Callable[..., Created]


def records(account: LocalAccount, zone_id: str, *kinds: str) -> dict[str, dict[str, Any]]:
    listed = account.client("route53").list_resource_record_sets(HostedZoneId=zone_id)["ResourceRecordSets"]
    return {each["Type"]: each for each in listed if each["Type"] in kinds}


class TestZone:
    def test_zone_is_stored_with_tags_and_pulumi_outputs(self, provider: LocalProvider, account: LocalAccount) -> None:
        zone = provider.create(
            urn="z",
            type=ZONE,
            name="zone",
            inputs={"name": "api.example.com", "comment": "Why", "forceDestroy": False},
            default_tags={"Project": "films"},
        )
        client = account.client("route53")
        read = client.get_hosted_zone(Id=zone.id)
        assert read["HostedZone"]["Id"] == f"/hostedzone/{zone.id}"
        assert (read["HostedZone"]["Name"], read["HostedZone"]["Config"]["Comment"]) == ("api.example.com.", "Why")
        assert zone.outputs["zoneId"] == zone.id
        assert zone.outputs["arn"] == f"arn:aws:route53:::hostedzone/{zone.id}"
        assert zone.outputs["nameServers"] == read["DelegationSet"]["NameServers"]
        assert zone.outputs["primaryNameServer"] == zone.outputs["nameServers"][0]
        tags = client.list_tags_for_resource(ResourceType="hostedzone", ResourceId=zone.id)["ResourceTagSet"]["Tags"]
        assert tags == [{"Key": "Project", "Value": "films"}]

    def test_private_zone_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match="vpcs: not supported by the local account"):
            create(ZONE, "private", name="inside.example.com", vpcs=[{"vpcId": "vpc-1"}])


class TestRecord:
    def test_alias_record_points_to_target(self, account: LocalAccount) -> None:
        def program() -> None:
            zone = DnsZone("dns", DnsZoneArgs(host_name="media.example.com"))
            zone.add_alias_records(
                "media",
                host_name="media.example.com",
                target_domain_name="d1.cloudfront.net",
                target_zone_id="Z2FDTNDATAQYW2",
            )
            pulumi.export("zone", zone.zone_id)
            pulumi.export("servers", zone.name_servers)

        provider = LocalProvider(account, {})
        deployment = deploy(program, project="films", stack="dev", config={}, provider=provider)
        assert len(deployment.outputs["servers"]) == 4
        found = records(account, deployment.outputs["zone"], "A", "AAAA")
        assert found.keys() == {"A", "AAAA"}
        for record in found.values():
            assert record["Name"] == "media.example.com."
            assert record["AliasTarget"] == {
                "HostedZoneId": "Z2FDTNDATAQYW2",
                "DNSName": "d1.cloudfront.net",
                "EvaluateTargetHealth": False,
            }

    def test_plain_record_is_stored_with_outputs(self, create: Create, account: LocalAccount) -> None:
        zone = create(ZONE, "plain", name="plain.example.com")
        record = create(
            RECORD,
            "text",
            zoneId=zone.id,
            name="x.plain.example.com.",
            type="TXT",
            ttl=60.0,
            records=['"one"', '"two"'],
        )
        assert record.id == f"{zone.id}_x.plain.example.com_TXT"
        assert record.outputs["fqdn"] == "x.plain.example.com"
        (read,) = records(account, zone.id, "TXT").values()
        assert (read["Name"], read["TTL"]) == ("x.plain.example.com.", 60)
        assert read["ResourceRecords"] == [{"Value": '"one"'}, {"Value": '"two"'}]

    def test_existing_record_is_overwritten_only_if_allowed(self, create: Create, account: LocalAccount) -> None:
        zone = create(ZONE, "twice", name="twice.example.com")
        inputs = {
            "zoneId": zone.id,
            "name": "x.twice.example.com",
            "type": "CNAME",
            "ttl": 60,
            "records": ["a.example.com"],
        }
        create(RECORD, "first", **inputs)
        with pytest.raises(RegistrationError, match="InvalidChangeBatch"):
            create(RECORD, "second", **inputs)
        create(RECORD, "third", **{**inputs, "records": ["b.example.com"]}, allowOverwrite=True)
        (read,) = records(account, zone.id, "CNAME").values()
        assert read["ResourceRecords"] == [{"Value": "b.example.com"}]

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"name": "x.other.com"}, "InvalidChangeBatch"),
            ({"type": "COLOUR"}, "'COLOUR' must be one of"),
            (
                {"weightedRoutingPolicies": [{"weight": 1}]},
                "weightedRoutingPolicies: not supported by the local account",
            ),
        ],
    )
    def test_invalid_inputs_are_rejected(self, create: Create, changes: dict[str, Any], problem: str) -> None:
        zone = create(ZONE, "bad", name="bad.example.com")
        inputs = {
            "zoneId": zone.id,
            "name": "x.bad.example.com",
            "type": "CNAME",
            "ttl": 60,
            "records": ["a.example.com"],
        }
        with pytest.raises(RegistrationError, match=problem):
            create(RECORD, "bad", **{**inputs, **changes})
