"""ACM: certificates. The emulator asks for a proof and issues by itself after a minute, whether or not the proof is there."""

from local.provider.resource_types.table import Call, FromResponse, ResourceType

_ASKED = "Certificate.DomainValidationOptions[].{domainName: DomainName, resourceRecordName: ResourceRecord.Name, "
_FOR = "resourceRecordType: ResourceRecord.Type, resourceRecordValue: ResourceRecord.Value}"

TYPES = (
    ResourceType(
        "aws:acm/certificate:Certificate",
        "acm.request_certificate",
        {"validationOptions": "DomainValidationOptions"},
        id="{CertificateArn}",
        # Imported certificates, and how early a private authority renews.
        unsupported=(
            "certificateBody",
            "certificateChain",
            "earlyRenewalDuration",
            "privateKey",
            "privateKeyWo",
            "privateKeyWoVersion",
        ),
        then=(Call(operation="describe_certificate", always=True),),
        outputs={"arn": "{CertificateArn}", "domainValidationOptions": FromResponse(_ASKED + _FOR)},
    ),
    ResourceType(
        "aws:acm/certificateValidation:CertificateValidation",
        "acm.describe_certificate",
        id="{CertificateArn}",
        # Pulumi's provider waits for the proof; there is nothing here that could fail to find it.
        ignore=("validationRecordFqdns",),
    ),
)
