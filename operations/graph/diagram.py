"""A picture of an environment in Mermaid, read off its resource graph: a box for each component, an arrow for each need."""

from collections.abc import Mapping

from local.engines.registered import RegisteredResource
from operations.graph.recorder import ResourceGraph

Needs = Mapping[str, set[str]]

# With these a thing lets another one in, or tells it news: the other one needs the thing, and not the reverse.
GRANTS = frozenset(
    {
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:s3/bucketNotification:BucketNotification",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:opensearch/domainPolicy:DomainPolicy",
    }
)
WAY_OUT = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

# What tells others about everything: it needs all, and its arrows would hide the picture.
NOT_DRAWN = frozenset({"Parameters"})


def mermaid(graph: ResourceGraph) -> str:
    """The flowchart. An arrow leads from what needs to what is needed; one that others imply is left out."""
    by_urn = {each.urn: each for each in graph.resources}
    # By name: registrations arrive in no fixed order.
    homes = sorted(
        {home for each in graph.resources if _kind(by_urn[home := graph.home(each.urn)]) not in NOT_DRAWN},
        key=lambda urn: by_urn[urn].name,
    )
    node = {urn: by_urn[urn].name.replace("-", "_") for urn in homes}
    counts = {urn: sum(graph.home(each.urn) == urn for each in graph.custom) for urn in homes}
    lines = ["flowchart LR"]
    for urn in homes:
        found = by_urn[urn]
        plural = "" if counts[urn] == 1 else "s"
        label = _kind(found) if found.custom else f"{_kind(found)} · {counts[urn]} resource{plural}"
        lines.append(f'    {node[urn]}["{found.name}<br/><small>{label}</small>"]')
    reduced = transitive_reduction(component_dependencies(graph))
    lines += [f"    {node[urn]} --> {node[needed]}" for urn in homes for needed in homes if needed in reduced[urn]]
    return "\n".join(lines) + "\n"


def component_dependencies(graph: ResourceGraph) -> dict[str, set[str]]:
    """Which component (or lone resource) needs which others, because one of its resources needs one of theirs."""
    known = {each.urn for each in graph.resources}
    needs: dict[str, set[str]] = {graph.home(each.urn): set() for each in graph.resources}
    for each in graph.custom:
        home = graph.home(each.urn)
        others = {graph.home(urn) for urn in each.dependencies if urn in known} - {home}
        # A way out of somebody else's group is that one's need.
        theirs = {graph.home(urn) for urn in each.property_dependencies.get("securityGroupId", ())} - {home}
        if each.type in GRANTS or (each.type == WAY_OUT and theirs):
            for other in others:
                needs[other].add(home)
        else:
            needs[home] |= others
    return needs


def transitive_reduction(needs: Needs) -> dict[str, set[str]]:
    """The same needs without those that follow from others: what is reached over a third is not named again.

    Where two need each other, both arrows stay.
    """
    beyond = {urn: _reached(urn, needs) for urn in needs}
    return {
        urn: {
            needed
            for needed in direct
            if not any(needed in beyond[via] and urn not in beyond[via] for via in direct - {needed})
        }
        for urn, direct in needs.items()
    }


def _reached(start: str, needs: Needs) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for needed in needs[waiting.pop()] - found:
            found.add(needed)
            waiting.append(needed)
    return found


def _kind(resource: RegisteredResource) -> str:
    return resource.type.rpartition(":")[2]
