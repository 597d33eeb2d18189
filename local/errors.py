"""What can go wrong with a local platform.

LocalPlatformError                 carries one clear sentence, and what to do next
├── PortTakenError                 another program listens where we should
├── ProcessFailedError             a program that we start did not come up
├── RegistrationError              a resource cannot be applied; names the resource
└── ProgramError                   the Pulumi program itself failed
"""


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


class ProgramError(LocalPlatformError):
    """The program raised, or registrations of it failed."""
