"""The platform that a bundle is built for: processor, Python version and C library."""

import platform
import sys
import sysconfig
from dataclasses import dataclass
from typing import Literal, Self, get_args

Architecture = Literal["arm64", "x86_64"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
# The Lambda runtime of all functions, as `components/python_function.py` registers it.
LAMBDA_PYTHON = "3.13"
MACHINES = {"aarch64": "arm64", "amd64": "x86_64"}


@dataclass(frozen=True, kw_only=True)
class BuildTarget:
    """A build target.

    Attributes:
        platform: uv's platform tag for choosing wheels; for this machine, a description that uv does not need.
    """

    architecture: str
    python: str
    platform: str
    is_this_machine: bool

    @classmethod
    def lambda_function(cls, architecture: Architecture) -> Self:
        """Return the target for Lambda and the container image.

        Amazon Linux 2023 and Debian 12 both have a glibc newer than 2.28.
        """
        processor = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
        return cls(
            architecture=architecture,
            python=LAMBDA_PYTHON,
            platform=f"{processor}-manylinux_2_28",
            is_this_machine=False,
        )

    @classmethod
    def this_machine(cls) -> Self:
        """Return the target for the running interpreter on this machine."""
        machine = platform.machine().lower()
        return cls(
            architecture=MACHINES.get(machine, machine),
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            platform=f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}",
            is_this_machine=True,
        )

    @property
    def uv_options(self) -> list[str]:
        """Return the options that tell uv which wheels to choose."""
        if self.is_this_machine:
            return []
        return ["--python-version", self.python, "--python-platform", self.platform]
