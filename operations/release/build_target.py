"""Where a bundle will run: which processor, which Python, which C library."""

import platform
import sys
import sysconfig
from dataclasses import dataclass
from typing import Literal, Self, get_args

Architecture = Literal["arm64", "x86_64"]
ARCHITECTURES: tuple[Architecture, ...] = get_args(Architecture)
# Lambda's runtime for every function of ours, as `components/python_function.py` registers it.
LAMBDA_PYTHON = "3.13"
MACHINES = {"aarch64": "arm64", "amd64": "x86_64"}


@dataclass(frozen=True, kw_only=True)
class Target:
    """`platform` is uv's name of a platform to choose wheels for, or that of this machine, for which uv needs none."""

    architecture: str
    python: str
    platform: str
    is_this_machine: bool

    @classmethod
    def lambda_function(cls, architecture: Architecture) -> Self:
        """Lambda, and the container image: Amazon Linux 2023 and Debian 12 both have more than glibc 2.28."""
        processor = {"arm64": "aarch64", "x86_64": "x86_64"}[architecture]
        return cls(
            architecture=architecture,
            python=LAMBDA_PYTHON,
            platform=f"{processor}-manylinux_2_28",
            is_this_machine=False,
        )

    @classmethod
    def this_machine(cls) -> Self:
        """The interpreter that runs this, where it runs."""
        machine = platform.machine().lower()
        return cls(
            architecture=MACHINES.get(machine, machine),
            python=f"{sys.version_info.major}.{sys.version_info.minor}",
            platform=f"{sysconfig.get_platform()}-{sys.implementation.cache_tag}",
            is_this_machine=True,
        )

    @property
    def wheel_choice(self) -> list[str]:
        """What tells uv which wheels to choose."""
        if self.is_this_machine:
            return []
        return ["--python-version", self.python, "--python-platform", self.platform]
