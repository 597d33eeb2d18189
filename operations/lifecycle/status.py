"""`platform status`: shows whether the platform is running, its endpoints, processes and resources."""

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
    """Show the platform's status: degraded while it is starting, and stopped after its host process died."""
    current = platform_status.read_status(environment)
    screen.write_json(as_data(environment, current, with_resources=with_resources))
    _show(environment, current, screen)
    if with_resources and current.state:
        screen.show(Text(), resource_tree(current.state.resources))
    return EXIT_CODES[current.health]


def as_data(environment: str, current: PlatformStatus, *, with_resources: bool = False) -> dict[str, Any]:
    """Return the stable JSON form."""
    state = current.state
    endpoints = state.endpoints if state else None
    resources: dict[str, Any] = dict(state.resource_counts() if state else {"applied": 0, "recorded_only": 0})
    if with_resources:
        resources["items"] = [resource.model_dump() for resource in state.resources] if state else []
    return {
        "state": current.health,
        "environment": environment,
        "release": state.release if state else checkout.release(),
        "reason": current.reason,
        "next": current.next_step,
        "endpoints": {name: getattr(endpoints, name, None) for name in ("api", "docs", "aws")},
        "resources": resources,
        "processes": [process.model_dump() for process in current.processes],
    }


def resource_tree(resources: tuple[Resource, ...]) -> Tree:
    """Return the resources as a tree, each under its component, with their states."""
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


def _show(environment: str, current: PlatformStatus, screen: Screen) -> None:
    state = current.state
    screen.show(Text.assemble(("platform ", "bold"), environment, " is ", (current.health, STYLES[current.health])))
    values = {"why": current.reason, "next": current.next_step}
    if state:
        values["release"] = state.release
        values["since"] = state.started_at
    if state and state.endpoints:
        counts = state.resource_counts()
        values |= {"api": state.endpoints.api, "docs": state.endpoints.docs, "aws": state.endpoints.aws}
        values["resources"] = f"{counts['applied']} applied, {counts['recorded_only']} recorded only"
    screen.show(key_value_table({name: value for name, value in values.items() if value}))
    if current.processes:
        rows = [
            (process.name, str(process.pid), Text(process.state, style=STYLES[process.state]))
            for process in current.processes
        ]
        screen.show(Text(), table("process", "pid", "state", rows=rows, right=["pid"]))
