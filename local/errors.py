"""The exceptions of the local platform.

LocalPlatformError                 a message in one sentence, and the next step
├── PortTakenError                 another program listens on the port
├── ProcessFailedError             a process did not start
├── RegistrationError              a resource cannot be applied; names the resource
├── UnsupportedLocallyError        a resource is recorded, but cannot run on this machine
└── ProgramError                   the Pulumi program itself failed
"""

from collections.abc import Mapping
from typing import Any


class LocalPlatformError(Exception):
    """A message in one sentence, and the command or change that solves the problem."""

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class PortTakenError(LocalPlatformError):
    """Another program listens on the port."""


class ProcessFailedError(LocalPlatformError):
    """A process exited, or did not respond, while it was starting."""


class RegistrationError(LocalPlatformError):
    """A registration cannot be applied: an unmapped input, an unknown operation, or a failed call."""

    def __init__(self, resource: str, problem: str) -> None:
        super().__init__(f"{resource}: {problem}")
        self.resource = resource
        self.problem = problem


class UnsupportedLocallyError(LocalPlatformError):
    """Raised by a runner for an optional resource that this machine cannot run.

    The message is the reason. `outputs` replace AWS's, which would point to something that does not exist.
    """

    def __init__(self, reason: str, *, outputs: Mapping[str, Any], next_step: str = "") -> None:
        super().__init__(reason, next_step=next_step)
        self.outputs = outputs


class ProgramError(LocalPlatformError):
    """The program raised an exception, or some of its registrations failed."""
