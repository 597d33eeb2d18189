"""The deployment: what every slice of the program receives."""

from dataclasses import dataclass
from importlib.metadata import version
from typing import Self

import pulumi

from components.naming import Naming
from stacks.environment import PROJECT, EnvironmentSettings
from stacks.provider import create_provider


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """One release in one environment."""

    settings: EnvironmentSettings
    naming: Naming
    release: str
    image: str | None
    """The digest of the container's image; None where the stack's config names none."""
    opts: pulumi.ResourceOptions
    """Of whatever is made: the provider, which puts the tags on it."""

    @classmethod
    def of_this_stack(cls) -> Self:
        """Read the stack's config.

        Raises:
            SettingsError: The settings are invalid.
        """
        config = pulumi.Config(PROJECT)
        settings = EnvironmentSettings.parse(config.require_object("settings"))
        naming = Naming(PROJECT, settings.environment)
        return cls(
            settings=settings,
            naming=naming,
            release=version(PROJECT),
            image=config.get("image_digest"),
            opts=pulumi.ResourceOptions(provider=create_provider(settings.region, naming, config)),
        )
