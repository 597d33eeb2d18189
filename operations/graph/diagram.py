"""Mermaid diagram of an environment's resource graph: a node for each component, an arrow for each dependency."""

from collections.abc import Mapping

from local.engines.registrations import RegisteredResource
from operations.graph.recorder import ResourceGraph

Dependencies = Mapping[str, set[str]]

# These resources grant access to others or notify them, so their dependency is drawn in the opposite direction.
REVERSED_TYPES = frozenset(
    {
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        "aws:s3/bucketNotification:BucketNotification",
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:opensearch/domainPolicy:DomainPolicy",
    }
)
EGRESS_RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"

# Components that depend on everything: their arrows would clutter the diagram.
HIDDEN_COMPONENTS = frozenset({"Parameters"})


def mermaid(graph: ResourceGraph) -> str:
    """Return the flowchart. Arrows lead from a component to its dependencies; transitive ones are omitted."""
    by_urn = {resource.urn: resource for resource in graph.resources}
    # Sorted by name, because the order of registrations is not deterministic.
    components = sorted(
        {
            component
            for resource in graph.resources
            if _type_name(by_urn[component := graph.root_component(resource.urn)]) not in HIDDEN_COMPONENTS
        },
        key=lambda urn: by_urn[urn].name,
    )
    node = {urn: by_urn[urn].name.replace("-", "_") for urn in components}
    counts = {urn: sum(graph.root_component(resource.urn) == urn for resource in graph.custom) for urn in components}
    lines = ["flowchart LR"]
    for urn in components:
        found = by_urn[urn]
        plural = "" if counts[urn] == 1 else "s"
        label = _type_name(found) if found.custom else f"{_type_name(found)} · {counts[urn]} resource{plural}"
        lines.append(f'    {node[urn]}["{found.name}<br/><small>{label}</small>"]')
    reduced = transitive_reduction(component_dependencies(graph))
    lines += [
        f"    {node[urn]} --> {node[dependency]}"
        for urn in components
        for dependency in components
        if dependency in reduced[urn]
    ]
    return "\n".join(lines) + "\n"


def component_dependencies(graph: ResourceGraph) -> dict[str, set[str]]:
    """Return which components (or resources without one) depend on which others, derived from their resources."""
    known = {resource.urn for resource in graph.resources}
    dependencies: dict[str, set[str]] = {graph.root_component(resource.urn): set() for resource in graph.resources}
    for resource in graph.custom:
        component = graph.root_component(resource.urn)
        others = {graph.root_component(urn) for urn in resource.dependencies if urn in known} - {component}
        # An egress rule in another component's security group is a dependency of that component.
        groups = resource.property_dependencies.get("securityGroupId", ())
        foreign_groups = {graph.root_component(urn) for urn in groups} - {component}
        if resource.type in REVERSED_TYPES or (resource.type == EGRESS_RULE and foreign_groups):
            for other in others:
                dependencies[other].add(component)
        else:
            dependencies[component] |= others
    return dependencies


def transitive_reduction(dependencies: Dependencies) -> dict[str, set[str]]:
    """Return the dependencies without those that are implied by others. In a cycle all arrows remain."""
    reachable = {urn: _reachable(urn, dependencies) for urn in dependencies}
    return {
        urn: {
            dependency
            for dependency in direct
            if not any(dependency in reachable[via] and urn not in reachable[via] for via in direct - {dependency})
        }
        for urn, direct in dependencies.items()
    }


def _reachable(start: str, dependencies: Dependencies) -> set[str]:
    found: set[str] = set()
    pending = [start]
    while pending:
        for dependency in dependencies[pending.pop()] - found:
            found.add(dependency)
            pending.append(dependency)
    return found


def _type_name(resource: RegisteredResource) -> str:
    return resource.type.rpartition(":")[2]
