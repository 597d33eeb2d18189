"""A registration as a program made it, before anything is done about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class RegisteredResource:
    """One registration. Inputs are camelCase without secret wrappers; an unknown value is `local.engines.wire.UNKNOWN`.

    `path` names the resource for people: the names of its components and its own. `provider` is the URN of an explicit
    provider, empty for the default one.
    """

    urn: str
    type: str
    name: str
    path: str
    parent: str
    custom: bool
    inputs: Mapping[str, Any] = field(repr=False)
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    protect: bool = False
    provider: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderOptions:
    """What a provider says to all its resources."""

    region: str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)
