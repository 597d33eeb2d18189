"""What the provider, the doors that call it and the compute that it starts agree on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

ResourceState = Literal["applied", "recorded-only"]


@dataclass(frozen=True, kw_only=True)
class Registration:
    """A resource as it stands after its AWS calls were made: resolved inputs, id and outputs (camelCase, no secret wrappers)."""

    urn: str
    type: str
    name: str
    inputs: Mapping[str, Any]
    id: str
    outputs: Mapping[str, Any]


# Runs what a registration describes (a server, a function, a poller, a listener) and returns the outputs that only the
# running thing knows, such as an endpoint. It raises RegistrationError when the thing does not come up, and NotRunHereError
# when this machine cannot run it and the platform goes on without: the resource is then recorded only. It is called on the
# door's executor threads, so several may run at once; blocking is fine.
Runner = Callable[[Registration], Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class AppliedResource:
    """One line of what exists: what `platform status --resources` shows."""

    urn: str
    type: str
    name: str
    parent: str
    id: str
    state: ResourceState
    reason: str = ""  # why it was recorded only
    dependencies: tuple[str, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict, repr=False)
