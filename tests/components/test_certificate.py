from typing import Any

import pulumi_aws as aws

from components.certificate import Certificate, CertificateArgs

HOST = "api-staging.example.com"
COUNTS = {"Certificate": 1, "Record": 1, "CertificateValidation": 1}


def args(**changes: Any) -> Any:
    return CertificateArgs(**{"host_name": HOST, "zone_id": "Z1"} | changes)


class TestRegister:
    def test_name_is_proven_by_a_record_of_its_zone(self, register: Any) -> None:
        found: list[Any] = []
        graph = register(lambda: Certificate("api", args()).arn.apply(found.append))
        assert graph.counts == COUNTS
        assert graph.one("Certificate").inputs == {
            "domainName": HOST,
            "validationMethod": "DNS",
            "options": {"certificateTransparencyLoggingPreference": "ENABLED"},
        }
        asked = "api-certificate-domainValidationOptions-resourceRecord"
        assert graph.one("Record").inputs == {
            "zoneId": "Z1",
            "name": f"{asked}Name",
            "type": "CNAME",
            "records": [f"{asked}Value"],
            "ttl": 60,
            "allowOverwrite": True,
        }
        assert graph.depends("api-validation", "api-proof")
        assert found == [graph.output("api-certificate", "arn")]

    def test_whoever_uses_it_waits_until_it_is_issued(self, register: Any) -> None:
        graph = register(lambda: aws.cloudwatch.LogGroup("user", name=Certificate("api", args()).arn))
        assert graph.depends("user", "api-validation")

    def test_it_stands_where_it_is_used(self, register: Any) -> None:
        graph = register(lambda: Certificate("media", args(region="us-east-1")))
        for kind in ("Certificate", "CertificateValidation"):
            assert graph.one(kind).inputs["region"] == "us-east-1"
        assert "region" not in graph.one("Record").inputs
