"""An ACM certificate for one host name, validated and renewed through a record in its DNS zone."""

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, check

# ACM looks the record up before the zone is delegated, and a negative response should not be cached for long.
RECORD_TTL_SECONDS = 60
# How long to wait for the validation. When it times out, repeating the deployment continues it.
VALIDATION_TIMEOUT_MINUTES = 45


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """A certificate."""

    host_name: str
    """The only name of the certificate. Wildcards are rejected: the key would be valid for every name."""
    zone_id: pulumi.Input[str]
    """The public hosted zone of the name. Validation needs the delegation by the parent zone."""
    region: str | None = None
    """The region in which it is used: us-east-1 for a distribution; None for the provider's region."""

    def __post_init__(self) -> None:
        # ACM stores the first name in a field of 64 characters.
        shape = bool(HOST_NAME.fullmatch(self.host_name)) and len(self.host_name) <= 64
        check(self, "host_name", shape, f"must be a host name in lower case of up to 64, not {self.host_name!r}")
        region = self.region is None or bool(re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", self.region))
        check(self, "region", region, f"must be a region such as us-east-1, not {self.region!r}")


class Certificate(pulumi.ComponentResource):
    """The certificate, its validation record, and the wait for the validation."""

    arn: pulumi.Output[str]
    """Known once the certificate is issued: a listener rejects a pending one."""

    def __init__(self, name: str, args: CertificateArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Certificate", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_certificate()
        self._create_proof()

        self.arn = self._validation.certificate_arn
        self.register_outputs({"arn": self.arn})

    def _create_certificate(self) -> None:
        self._certificate = aws.acm.Certificate(
            f"{self._name}-certificate",
            domain_name=self._args.host_name,
            validation_method="DNS",
            region=self._args.region,
            options={"certificate_transparency_logging_preference": "ENABLED"},
            opts=self._child,
        )

    def _create_proof(self) -> None:
        args = self._args
        # One name has one record, whose index is known before ACM responds.
        proof = self._certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{self._name}-proof",
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type="CNAME",
            records=[proof.resource_record_value],
            ttl=RECORD_TTL_SECONDS,
            # ACM asks for the same record in every region, so another certificate for the name may have created it.
            allow_overwrite=True,
            opts=self._child,
        )
        self._validation = aws.acm.CertificateValidation(
            f"{self._name}-validation",
            certificate_arn=self._certificate.arn,
            validation_record_fqdns=[record.fqdn],
            region=args.region,
            opts=pulumi.ResourceOptions(
                parent=self, custom_timeouts=pulumi.CustomTimeouts(create=f"{VALIDATION_TIMEOUT_MINUTES}m")
            ),
        )
