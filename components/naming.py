"""One place for names and tags: physical names, secret names and the tags that every resource carries."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# The tag spells out what names and stacks abbreviate. An environment that is not listed is tagged with its own name.
TAG_VALUES: Mapping[str, str] = MappingProxyType({"dev": "development"})

# The shortest limit among the types that we name: a bucket's 63 characters (a function and a role have 64).
LONGEST_NAME = 63
VALID_PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Naming:
    """Names of one project in one environment: `{project}-{thing}-{environment}`. Raises ValueError for what AWS refuses."""

    project: str
    environment: str

    def __post_init__(self) -> None:
        for field in ("project", "environment"):
            if not VALID_PART.fullmatch(getattr(self, field)):
                raise ValueError(
                    f"Naming.{field}: must be lower-case words joined by hyphens, not {getattr(self, field)!r}"
                )

    def physical(self, thing: str) -> str:
        """The name in AWS of a resource of which there is one in each environment."""
        return self._limited(f"{self.project}-{thing}-{self.environment}")

    def replaceable(self, thing: str, *forces_replacement: str) -> str:
        """The name of a resource that AWS can only replace when one of the given values changes.

        The suffix follows from those values, so the successor has another name and can be made before the old one goes.
        """
        digest = hashlib.sha256("\0".join(forces_replacement).encode()).hexdigest()[:6]
        return self._limited(f"{self.project}-{thing}-{self.environment}-{digest}")

    def secret(self, thing: str) -> str:
        """The name of a secret, which is a path: `{project}/{thing}-{environment}`."""
        return f"{self.project}/{thing}-{self.environment}"

    @property
    def parameter_path(self) -> str:
        """Where the parameters of this environment are found: `/{project}/{environment}`, and then each one's name."""
        return f"/{self.project}/{self.environment}"

    @property
    def environment_tag(self) -> str:
        """The value of the Environment tag: development, staging or production."""
        return TAG_VALUES.get(self.environment, self.environment)

    @property
    def default_tags(self) -> dict[str, str]:
        """What the provider puts on every resource that can carry tags."""
        return {"Environment": self.environment_tag, "Project": self.project}

    def _limited(self, name: str) -> str:
        if len(name) > LONGEST_NAME:
            raise ValueError(f"Naming: {name!r} has {len(name)} characters, AWS allows {LONGEST_NAME}")
        return name
