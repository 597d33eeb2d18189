"""OpenSearch: domains and their access policies.

The emulator stores a domain's settings; the runner starts the search engine.
"""

from local.provider.resource_types.table import FromResponse, Inputs, Naming, ResourceType


def _domain(inputs: Inputs) -> Inputs:
    """Convert to the create request: log options are a map by type, and Auto-Tune's rollback applies to updates only."""
    prepared = dict(inputs)
    if tuning := prepared.get("autoTuneOptions"):
        prepared["autoTuneOptions"] = {key: value for key, value in tuning.items() if key != "rollbackOnDisable"}
    if "logPublishingOptions" in prepared:
        prepared["logPublishingOptions"] = {
            option["logType"]: {
                "cloudWatchLogsLogGroupArn": option["cloudwatchLogGroupArn"],
                "enabled": option.get("enabled", True),
            }
            for option in prepared["logPublishingOptions"]
        }
    return prepared


TYPES = (
    ResourceType(
        "aws:opensearch/domain:Domain",
        "opensearch.create_domain",
        {"encryptAtRest": "EncryptionAtRestOptions", "tags": "TagList"},
        id="{ARN}",
        naming=Naming(input_name="domainName", lowercase=True),
        prepare=_domain,
        # `vpcOptions` also has outputs (VPC and zones), which a request must not contain.
        prepared=("autoTuneOptions", "logPublishingOptions", "vpcOptions"),
        outputs={"arn": "{ARN}", "endpoint": FromResponse("DomainStatus.Endpoints.vpc || DomainStatus.Endpoint")},
    ),
    ResourceType(
        "aws:opensearch/domainPolicy:DomainPolicy",
        "opensearch.update_domain_config",
        id="esd-policy-{DomainName}",
    ),
)
