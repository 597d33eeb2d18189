"""A certificate of ACM for one host name, proven by a record in its DNS zone and renewed by that record for ever."""

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, check

# A name is asked for its proof while it is not yet delegated; answers that say "no" should be forgotten soon.
RECORD_TTL_SECONDS = 60
# How long to wait for the proof. A deployment that ran out of it goes on where it was when it is repeated.
VALIDATION_TIMEOUT_MINUTES = 45


@dataclass(frozen=True, kw_only=True)
class CertificateArgs:
    """A certificate."""

    host_name: str
    """The one name that it is for. A wildcard is refused: its key would speak for every name."""
    zone_id: pulumi.Input[str]
    """The public zone that the name lies in. Nothing is proven before the parent delegates it."""
    region: str | None = None
    """Where it is used: us-east-1 for a distribution; None for the provider's region."""

    def __post_init__(self) -> None:
        # ACM puts the first name into a field that takes 64 characters.
        shape = bool(HOST_NAME.fullmatch(self.host_name)) and len(self.host_name) <= 64
        check(self, "host_name", shape, f"must be a host name in lower case of up to 64, not {self.host_name!r}")
        region = self.region is None or bool(re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", self.region))
        check(self, "region", region, f"must be a region such as us-east-1, not {self.region!r}")


class Certificate(pulumi.ComponentResource):
    """The certificate, its record, and the wait until ACM has seen it."""

    arn: pulumi.Output[str]
    """Known once it is issued: a listener refuses one that is pending."""

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
        # One name, so one record, whose place in the list is known before ACM answers.
        proof = self._certificate.domain_validation_options[0]
        record = aws.route53.Record(
            f"{self._name}-proof",
            zone_id=args.zone_id,
            name=proof.resource_record_name,
            type="CNAME",
            records=[proof.resource_record_value],
            ttl=RECORD_TTL_SECONDS,
            # ACM asks for the same record in every region, so another certificate for the name may have made it.
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
