"""OpenSearch: domains and their access policies.

The emulator keeps a domain's settings; what can be searched is the runner's.
"""

from local.provider.resource_types.table import FromResponse, Inputs, Naming, ResourceType


def _creation(inputs: Inputs) -> Inputs:
    """AWS has a map by the log's type where the resource has a list; how Auto-Tune is rolled back is asked when it is ended."""
    made = dict(inputs)
    if tuning := made.get("autoTuneOptions"):
        made["autoTuneOptions"] = {key: value for key, value in tuning.items() if key != "rollbackOnDisable"}
    if "logPublishingOptions" in made:
        made["logPublishingOptions"] = {
            option["logType"]: {
                "cloudWatchLogsLogGroupArn": option["cloudwatchLogGroupArn"],
                "enabled": option.get("enabled", True),
            }
            for option in made["logPublishingOptions"]
        }
    return made


TYPES = (
    ResourceType(
        "aws:opensearch/domain:Domain",
        "opensearch.create_domain",
        {"encryptAtRest": "EncryptionAtRestOptions", "tags": "TagList"},
        id="{ARN}",
        naming=Naming(input_name="domainName", lowercase=True),
        prepare=_creation,
        # (In `vpcOptions`, the VPC and its zones are AWS's answers, which a request may not hold.)
        prepared=("autoTuneOptions", "logPublishingOptions", "vpcOptions"),
        outputs={"arn": "{ARN}", "endpoint": FromResponse("DomainStatus.Endpoints.vpc || DomainStatus.Endpoint")},
    ),
    ResourceType(
        "aws:opensearch/domainPolicy:DomainPolicy",
        "opensearch.update_domain_config",
        id="esd-policy-{DomainName}",
    ),
)
