"""What holds for the resources of every component: hierarchy and names, log groups, protection."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from local.engines.recording import RegisteredResource
from tests.components.component_list import Component
from tests.components.configurations.deferred import DeferredOutput

NAME = "it"

Resources = tuple[RegisteredResource, ...]
Configuration = Mapping[str, Any]


def own_resource(resources: Resources) -> RegisteredResource:
    (own,) = [each for each in resources if each.name == NAME and not each.custom]
    return own


def children_of(resources: Resources) -> Sequence[RegisteredResource]:
    own = own_resource(resources)
    return [each for each in resources if each.parent == own.urn]


def identities(resources: Sequence[RegisteredResource]) -> list[tuple[str, str]]:
    return sorted((each.type, each.name) for each in resources)


def hierarchy_problems(component: Component, resources: Resources) -> Iterator[str]:
    """Yield what is wrong with the type, the parents and the names of the resources."""
    own = own_resource(resources)
    if own.type != f"episode-metadata:index:{component.resource.__name__}":
        yield f"it is a {own.type}"
    if not any(each.parent == own.urn for each in resources):
        yield "it has no child"
    parents = {each.urn: each for each in resources if not each.custom}
    for each in resources:
        if each.custom and each.parent not in parents:
            yield f"{each.path} is not the child of a component"
        elif each.custom and not each.name.startswith(f"{parents[each.parent].name}-"):
            yield f"{each.path} does not begin with the name of its component"


def argument_problems(
    component: Component, configuration: Configuration, own: Sequence[RegisteredResource]
) -> Iterator[str]:
    """Yield where the children do not follow the arguments that several components have in common."""
    for each in own:
        if each.type == "aws:ec2/securityGroup:SecurityGroup" and {"ingress", "egress"} & each.inputs.keys():
            yield f"{each.path} has inline rules"
        if each.type == "aws:cloudwatch/logGroup:LogGroup":
            yield from log_group_problems(component, configuration, each)
    if "protected" in component.fields:
        yield from protection_problems(own, protected=configuration.get("protected", False))


def log_group_problems(component: Component, configuration: Configuration, group: RegisteredResource) -> Iterator[str]:
    for name, field in component.fields.items():
        if name.endswith("log_retention_days"):
            expected = configuration.get(name, field.default)
            if group.inputs.get("retentionInDays") != expected:
                yield f"{group.path} is retained for {group.inputs.get('retentionInDays')} days, not {expected}"
    key = configuration.get("log_key_arn")
    if group.inputs.get("kmsKeyId") != (key.value if isinstance(key, DeferredOutput) else key):
        yield f"{group.path} is not encrypted with log_key_arn"


def protection_problems(own: Sequence[RegisteredResource], *, protected: bool) -> Iterator[str]:
    refusals = [each for each in own if each.inputs.get("enableDeletionProtection") or each.protect]
    if bool(refusals) != protected:
        yield f"protected is {protected}, and {len(refusals)} resources refuse deletion"
    for each in own:
        if each.protect and (each.inputs.get("forceDestroy") or each.inputs.get("forceDelete")):
            yield f"{each.path} is protected, but would be emptied"
        if each.inputs.get("deletionProtection", protected) not in (
            (True, "ACTIVE") if protected else (False, "INACTIVE")
        ):
            yield f"{each.path} has the deletion protection {each.inputs['deletionProtection']}"
