"""The certificate component with its validation record, read back from the emulator."""

from collections.abc import Callable

import pulumi
import pytest

from components.certificate import Certificate, CertificateArgs
from components.dns_zone import DnsZone, DnsZoneArgs
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider

CERTIFICATE = "aws:acm/certificate:Certificate"
Create = Callable[..., Created]


class TestCertificate:
    def test_component_creates_validation_record(self, account: LocalAccount, other_region: LocalAccount) -> None:
        def program() -> None:
            zone = DnsZone("dns", DnsZoneArgs(host_name="api.example.com"))
            certificate = Certificate(
                "api", CertificateArgs(host_name="api.example.com", zone_id=zone.zone_id, region="eu-west-1")
            )
            pulumi.export("arn", certificate.arn)
            pulumi.export("zone", zone.zone_id)

        deployment = deploy(
            program,
            project="films",
            stack="dev",
            config={"aws:defaultTags": '{"tags": {"Project": "films"}}'},
            provider=LocalProvider(account, {}),
        )
        assert {resource.state for resource in deployment.resources} == {"applied"}
        arn = deployment.outputs["arn"]
        assert arn.startswith("arn:aws:acm:eu-west-1:123456789012:certificate/")
        client = other_region.client("acm")
        read = client.describe_certificate(CertificateArn=arn)["Certificate"]
        assert (read["DomainName"], read["Type"]) == ("api.example.com", "AMAZON_ISSUED")
        assert read["Options"]["CertificateTransparencyLoggingPreference"] == "ENABLED"
        tags = client.list_tags_for_certificate(CertificateArn=arn)["Tags"]
        assert tags == [{"Key": "Project", "Value": "films"}]
        (option,) = read["DomainValidationOptions"]
        listed = account.client("route53").list_resource_record_sets(HostedZoneId=deployment.outputs["zone"])
        (proof,) = [each for each in listed["ResourceRecordSets"] if each["Type"] == "CNAME"]
        assert proof["Name"] == option["ResourceRecord"]["Name"]
        assert proof["ResourceRecords"] == [{"Value": option["ResourceRecord"]["Value"]}]
        assert proof["TTL"] == 60

    def test_outputs_match_pulumi_provider(self, create: Create) -> None:
        created = create(CERTIFICATE, "plain", domainName="x.example.com", validationMethod="DNS")
        assert created.id == created.outputs["arn"]
        (option,) = created.outputs["domainValidationOptions"]
        assert option["domainName"] == "x.example.com"
        assert option["resourceRecordType"] == "CNAME"
        assert option["resourceRecordName"].endswith(".x.example.com.")

    def test_validation_of_unknown_certificate_is_rejected(self, create: Create) -> None:
        arn = "arn:aws:acm:us-east-1:123456789012:certificate/none"
        with pytest.raises(RegistrationError, match="ResourceNotFoundException"):
            create("aws:acm/certificateValidation:CertificateValidation", "none", certificateArn=arn)

    def test_imported_certificate_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match="certificateBody: not supported by the local account"):
            create(CERTIFICATE, "imported", certificateBody="x")
