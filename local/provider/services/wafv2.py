"""WAFv2: web ACLs, associations and logging. The emulator stores them and does not filter requests."""

from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.table import Inputs, ResourceType

_NESTED_STATEMENTS = ("andStatement", "orStatement", "notStatement", "scopeDownStatement")


def _check_rules(inputs: Inputs) -> Inputs:
    """Return the rules unchanged, since their members are AWS's. Nested statements are recursive and not supported."""
    for rule in inputs.get("rules") or ():
        if found := _find_nested_statement(rule.get("statement") or {}):
            raise ResourceError(f"rules: {rule['name']}: {found}: not supported by the local account")
    return inputs


def _find_nested_statement(statement: Mapping[str, Any]) -> str:
    for name, inner in statement.items():
        if inner is not None and name in _NESTED_STATEMENTS:
            return name
        if isinstance(inner, Mapping) and (found := _find_nested_statement(inner)):
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
        prepare=_check_rules,
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
