"""`platform status`: whether the platform runs, where it answers, what it is made of."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from rich.tree import Tree

from operations.project import checkout
from operations.state import platform_status
from operations.state.files import Resource
from operations.state.platform_status import PlatformStatus
from operations.terminal.console import Screen, key_value_table, table
from operations.terminal.exit_codes import ExitCode

STYLES = {"running": "green", "degraded": "yellow", "stopped": "dim", "exited": "red"}
EXIT_CODES = {"running": ExitCode.OK, "degraded": ExitCode.DEGRADED, "stopped": ExitCode.STOPPED}


def status(environment: str, screen: Screen, *, with_resources: bool) -> ExitCode:
    """Shows the platform's condition. A host that died leaves a stopped platform with named remains; a start is degraded."""
    condition = platform_status.read_status(environment)
    screen.write_json(as_data(environment, condition, with_resources=with_resources))
    _show(environment, condition, screen)
    if with_resources and condition.state:
        screen.show(Text(), resource_tree(condition.state.resources))
    return EXIT_CODES[condition.health]


def as_data(environment: str, condition: PlatformStatus, *, with_resources: bool = False) -> dict[str, Any]:
    """The stable JSON form."""
    state = condition.state
    endpoints = state.endpoints if state else None
    resources: dict[str, Any] = dict(state.resource_counts() if state else {"applied": 0, "recorded_only": 0})
    if with_resources:
        resources["items"] = [resource.model_dump() for resource in state.resources] if state else []
    return {
        "state": condition.health,
        "environment": environment,
        "release": state.release if state else checkout.release(),
        "reason": condition.reason,
        "next": condition.next_step,
        "endpoints": {name: getattr(endpoints, name, None) for name in ("api", "docs", "aws")},
        "resources": resources,
        "processes": [process.model_dump() for process in condition.processes],
    }


def resource_tree(resources: tuple[Resource, ...]) -> Tree:
    """The registrations, each below its component, with what became of it."""
    root = Tree(Text("resources", style="bold"))
    nodes: dict[str, Tree] = {}
    by_urn: Mapping[str, Resource] = {resource.urn: resource for resource in resources}

    def node(resource: Resource) -> Tree:
        if resource.urn not in nodes:
            parent = by_urn.get(resource.parent)
            nodes[resource.urn] = (node(parent) if parent else root).add(_label(resource))
        return nodes[resource.urn]

    for resource in sorted(resources, key=lambda resource: resource.name):
        node(resource)
    return root


def _label(resource: Resource) -> Text:
    name = Text.assemble(resource.name, (f"  {resource.type}", "dim"))
    if resource.state == "component":
        return name
    name.append(f"  {resource.state}", "green" if resource.state == "applied" else "yellow")
    return name.append(f": {resource.reason}", "yellow") if resource.reason else name


def _show(environment: str, condition: PlatformStatus, screen: Screen) -> None:
    state = condition.state
    screen.show(Text.assemble(("platform ", "bold"), environment, " is ", (condition.health, STYLES[condition.health])))
    lines = {"why": condition.reason, "next": condition.next_step}
    if state:
        lines["release"] = state.release
        lines["since"] = state.started_at
    if state and state.endpoints:
        counts = state.resource_counts()
        lines |= {"api": state.endpoints.api, "docs": state.endpoints.docs, "aws": state.endpoints.aws}
        lines["resources"] = f"{counts['applied']} applied, {counts['recorded_only']} recorded only"
    screen.show(key_value_table({name: value for name, value in lines.items() if value}))
    if condition.processes:
        rows = [(one.name, str(one.pid), Text(one.state, style=STYLES[one.state])) for one in condition.processes]
        screen.show(Text(), table("process", "pid", "state", rows=rows, right=["pid"]))
