"""The types shared by the provider, the engines that call it and the compute that it starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ResourceState = Literal["applied", "recorded-only"]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A resource after its AWS calls: resolved inputs, id and outputs (camelCase, without secret wrappers)."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    id: str
    outputs: Mapping[str, Any]


# Starts what a registration describes (a server, a function, a poller, a listener) and returns the outputs that are known
# only then, such as an endpoint. It raises RegistrationError if that fails, and UnsupportedLocallyError if this machine
# cannot run an optional resource, which is then only recorded. It is called on the engine's executor threads, so several
# may run concurrently; blocking is fine.
Runner = Callable[[Registration], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AppliedResource:
    """A deployed resource: one line of `platform status --resources`."""

    urn: str
    type: str
    name: str
    parent: str
    id: str
    state: ResourceState
    reason: str = ""  # why it was only recorded
    dependencies: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
