"""WAFv2: web ACLs, what they log and what they stand in front of. The emulator keeps them and filters nothing."""

from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Inputs, ResourceType

_COMBINATIONS = ("andStatement", "orStatement", "notStatement")


def _plain_rules(inputs: Inputs) -> Inputs:
    """Rules as they are, for their members are AWS's. Statements inside statements have no end and are not read here."""
    for rule in inputs.get("rules") or ():
        if found := _combined(rule.get("statement") or {}):
            raise ProblemError(f"rules: {rule['name']}: {found}: the local account does not support this")
    return inputs


def _combined(statement: Mapping[str, Any]) -> str:
    for name, inner in statement.items():
        if inner is not None and (name in _COMBINATIONS or name == "scopeDownStatement"):
            return name
        if isinstance(inner, Mapping) and (found := _combined(inner)):
            return found
    return ""


TYPES = (
    ResourceType(
        "aws:wafv2/webAcl:WebAcl",
        "wafv2.create_web_acl",
        id="{Id}",
        unsupported=(
            "associationConfig",
            "customResponseBodies",
            "dataProtectionConfig",
            "monetizationConfig",
            "ruleJson",
        ),
        prepare=_plain_rules,
        prepared=("rules",),
    ),
    ResourceType(
        "aws:wafv2/webAclAssociation:WebAclAssociation",
        "wafv2.associate_web_acl",
        id="{WebACLArn},{ResourceArn}",
    ),
    ResourceType(
        "aws:wafv2/webAclLoggingConfiguration:WebAclLoggingConfiguration",
        "wafv2.put_logging_configuration",
        id="{ResourceArn}",
    ),
)
