"""ACM: certificates. The emulator issues a certificate after a minute, whether or not its validation record exists."""

from local.provider.resource_types.table import Call, FromResponse, ResourceType

_VALIDATION_OPTIONS = (
    "Certificate.DomainValidationOptions[].{domainName: DomainName, resourceRecordName: ResourceRecord.Name, "
    "resourceRecordType: ResourceRecord.Type, resourceRecordValue: ResourceRecord.Value}"
)

TYPES = (
    ResourceType(
        "aws:acm/certificate:Certificate",
        "acm.request_certificate",
        {"validationOptions": "DomainValidationOptions"},
        id="{CertificateArn}",
        # Imported certificates, and the renewal of private ones.
        unsupported=(
            "certificateBody",
            "certificateChain",
            "earlyRenewalDuration",
            "privateKey",
            "privateKeyWo",
            "privateKeyWoVersion",
        ),
        then=(Call(operation="describe_certificate", always=True),),
        outputs={"arn": "{CertificateArn}", "domainValidationOptions": FromResponse(_VALIDATION_OPTIONS)},
    ),
    ResourceType(
        "aws:acm/certificateValidation:CertificateValidation",
        "acm.describe_certificate",
        id="{CertificateArn}",
        # Pulumi's provider waits for the validation; the emulator does not validate.
        ignore=("validationRecordFqdns",),
    ),
)
