"""What makes one environment differ from another: every size, every timing, every protection, typed and frozen.

The values stand in `Pulumi.<environment>.yaml` as one object, `settings`, of the same shape in each file. Nothing has a
default here: what an environment is can be read off its file alone.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Self

import yaml
from pydantic import model_validator

from stacks import combinations
from stacks.environment_sections import EnvironmentSections
from stacks.sections import SettingsError

PROJECT = "episode-metadata"
CONFIG_KEY = f"{PROJECT}:settings"


class EnvironmentSettings(EnvironmentSections):
    """Settings of one environment, valid in combination."""

    @model_validator(mode="after")
    def _combinations_are_possible(self) -> Self:
        if problems := combinations.problems(self):
            raise ValueError("\n".join(problems))
        return self


def read(stack_file: Path) -> EnvironmentSettings:
    """Return the settings in a `Pulumi.<environment>.yaml`.

    Raises:
        SettingsError: The file has no settings or invalid ones.
    """
    content = yaml.safe_load(stack_file.read_text(encoding="utf-8"))
    config = content.get("config") if isinstance(content, Mapping) else None
    if not isinstance(config, Mapping) or CONFIG_KEY not in config:
        raise SettingsError([f"settings: {stack_file.name} has no config value {CONFIG_KEY}"])
    return EnvironmentSettings.parse(config[CONFIG_KEY])
