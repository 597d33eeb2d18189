"""Physical names, secret names and tags of the resources of one environment."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

# Tag values for abbreviated environments. Others are tagged with their own name.
TAG_VALUES: Mapping[str, str] = MappingProxyType({"dev": "development"})

# The shortest limit among the named types: 63 characters of a bucket (functions and roles have 64).
MAX_NAME_LENGTH = 63
VALID_PART = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Naming:
    """Names of one project in one environment: `{project}-{resource_name}-{environment}`.

    Raises:
        ValueError: AWS rejects the project or the environment as part of a name.
    """

    project: str
    environment: str

    def __post_init__(self) -> None:
        for field in ("project", "environment"):
            if not VALID_PART.fullmatch(getattr(self, field)):
                raise ValueError(
                    f"Naming.{field}: must be lower-case words joined by hyphens, not {getattr(self, field)!r}"
                )

    def physical(self, resource_name: str) -> str:
        """Return the physical name of a resource."""
        return self._validated(f"{self.project}-{resource_name}-{self.environment}")

    def replaceable(self, resource_name: str, *forces_replacement: str) -> str:
        """Return the physical name of a resource that AWS can only replace when one of the given values changes.

        The suffix depends on those values: the replacement has another name, and is created before the old one is deleted.
        """
        digest = hashlib.sha256("\0".join(forces_replacement).encode()).hexdigest()[:6]
        return self._validated(f"{self.project}-{resource_name}-{self.environment}-{digest}")

    def secret(self, resource_name: str) -> str:
        """Return the name of a secret, which is a path: `{project}/{resource_name}-{environment}`."""
        return f"{self.project}/{resource_name}-{self.environment}"

    @property
    def parameter_path(self) -> str:
        """The path of this environment's parameters, `/{project}/{environment}`."""
        return f"/{self.project}/{self.environment}"

    @property
    def environment_tag(self) -> str:
        """The value of the Environment tag: development, staging or production."""
        return TAG_VALUES.get(self.environment, self.environment)

    @property
    def default_tags(self) -> dict[str, str]:
        """The tags that the provider puts on every resource that supports tags."""
        return {"Environment": self.environment_tag, "Project": self.project}

    def _validated(self, name: str) -> str:
        if len(name) > MAX_NAME_LENGTH:
            raise ValueError(f"Naming: {name!r} has {len(name)} characters, AWS allows {MAX_NAME_LENGTH}")
        return name
