"""Registrations as the program made them, before they are applied."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

STACK_TYPE = "pulumi:pulumi:Stack"
PROVIDER_PREFIX = "pulumi:providers:"


@dataclass(frozen=True, kw_only=True)
class RegisteredResource:
    """One registration. Inputs are camelCase without secret wrappers; an unknown value is `local.engines.wire.UNKNOWN`.

    `path` is the display name: the names of its parent components and its own. `provider` is the URN of an explicit provider,
    empty for the default one.
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
    """The options that a provider applies to all its resources."""

    region: str | None = None
    default_tags: Mapping[str, str] = field(default_factory=dict)
