"""What can go wrong with a local platform.

LocalPlatformError                 carries one clear sentence, and what to do next
├── PortTakenError                 another program listens where we should
├── ProcessFailedError             a program that we start did not come up
├── RegistrationError              a resource cannot be applied; names the resource
├── NotRunHereError                a resource is recorded, but nothing runs for it on this machine
└── ProgramError                   the Pulumi program itself failed
"""

from collections.abc import Mapping
from typing import Any


class LocalPlatformError(Exception):
    """One clear sentence for a person, and the command or change that helps."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class PortTakenError(LocalPlatformError):
    """Another program listens on the port."""


class ProcessFailedError(LocalPlatformError):
    """A program ended, or did not answer, while it was starting."""


class RegistrationError(LocalPlatformError):
    """A registration cannot be applied: an input nobody consumes, an unknown operation, or a call that AWS refuses."""

    def __init__(self, resource: str, problem: str) -> None:
        super().__init__(f"{resource}: {problem}")
        self.resource = resource
        self.problem = problem


class NotRunHereError(LocalPlatformError):
    """What a runner raises where this machine cannot run a thing that the platform can do without.

    The message is the reason; `outputs` win over AWS's, which would name what is not there.
    """

    def __init__(self, reason: str, *, outputs: Mapping[str, Any], next_step: str = "") -> None:
        super().__init__(reason, next_step=next_step)
        self.outputs = outputs


class ProgramError(LocalPlatformError):
    """The program raised, or registrations of it failed."""
