"""State files of a local platform in `.platform/<environment>/`: written by its host, read by every command."""

import contextlib
import os
import shutil
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from local.account import LocalAccount
from operations.project import checkout
from operations.state.lock import EnvironmentLock, ProcessIdentity


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Endpoints(_Frozen):
    """URLs of the platform, all on loopback."""

    api: str
    docs: str
    aws: str
    s3: str
    functions: str = ""


class Credentials(_Frozen):
    """Credentials for requests to the local AWS; not valid anywhere else."""

    region: str
    access_key_id: str
    secret_access_key: str


class Resource(_Frozen):
    """A registered resource and its state. A component only groups other resources.

    Attributes:
        reason: Why a resource was recorded only.
    """

    urn: str
    type: str
    name: str
    parent: str
    id: str
    state: Literal["applied", "recorded-only", "component"]
    reason: str = ""


class Process(_Frozen):
    """A process of the platform; `exited` means that it ended without being told to."""

    name: str
    pid: int
    state: Literal["running", "stopped", "exited"]


class EnvironmentState(_Frozen):
    """State of a local platform. `endpoints` and `credentials` are None while it starts."""

    state: Literal["starting", "running", "degraded"]
    environment: str
    release: str
    pid: int
    process_started_at: float
    started_at: str
    reason: str = ""
    endpoints: Endpoints | None = None
    credentials: Credentials | None = None
    outputs: dict[str, Any] = {}
    resources: tuple[Resource, ...] = ()
    processes: tuple[Process, ...] = ()

    @property
    def host(self) -> ProcessIdentity:
        """Return the identity of the host process."""
        return ProcessIdentity(pid=self.pid, started_at=self.process_started_at)

    def resource_counts(self) -> dict[str, int]:
        """Return how many resources were applied to the local AWS, and how many were recorded only."""
        states = Counter(resource.state for resource in self.resources)
        return {"applied": states["applied"], "recorded_only": states["recorded-only"]}

    def account(self) -> LocalAccount:
        """Return the local AWS account.

        Raises:
            RuntimeError: The platform is still starting.
        """
        if self.endpoints is None or self.credentials is None:
            raise RuntimeError(f"{self.environment}: the platform is not up yet")
        return LocalAccount(
            endpoint=self.endpoints.aws,
            s3_endpoint=self.endpoints.s3,
            lambda_endpoint=self.endpoints.functions,
            region=self.credentials.region,
            access_key_id=self.credentials.access_key_id,
            secret_access_key=self.credentials.secret_access_key,
        )


@dataclass(frozen=True)
class StateFiles:
    """Paths of an environment's state files, and operations on them."""

    environment: str
    directory: Path

    @classmethod
    def of(cls, environment: str) -> "StateFiles":
        """Return the files of an environment. Creates nothing."""
        return cls(environment, checkout.state_root() / environment)

    @property
    def state(self) -> Path:
        """Return the path of the recorded state."""
        return self.directory / "state.json"

    @property
    def progress(self) -> Path:
        """Return the path of the progress log of the start, one JSON object per line."""
        return self.directory / "progress.jsonl"

    @property
    def logs(self) -> Path:
        """Return the folder with one `<process>.log` per process; logs are kept when the platform ends."""
        return self.directory / "logs"

    @property
    def host_log(self) -> Path:
        """Return the path of the host's log."""
        return self.logs / "host.log"

    @property
    def journey(self) -> Path:
        """Return the folder with the last journey's result and downloads."""
        return self.directory / "journey"

    @property
    def lock(self) -> EnvironmentLock:
        """Return a new, unheld lock object for the environment's lock file."""
        return EnvironmentLock(self.directory / "lock")

    def read(self) -> EnvironmentState | None:
        """Return the recorded state; None if there is none or it is not valid."""
        try:
            return EnvironmentState.model_validate_json(self.state.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def write(self, state: EnvironmentState) -> None:
        """Replace the recorded state atomically. Only its owner can read the file, because it holds credentials."""
        write_atomically(self.state, state.model_dump_json(indent=1))

    def leftovers(self) -> list[str]:
        """Return the names of files that an earlier platform left behind, except for logs and the lock file."""
        if not self.directory.is_dir():
            return []
        return sorted(entry.name for entry in self.directory.iterdir() if entry.name not in ("logs", "lock"))

    def wipe(self, *, keep_lock: bool = False) -> None:
        """Remove everything but the logs. The caller must hold the lock, and keeps holding it only with `keep_lock`."""
        if not self.directory.is_dir():
            return
        excluded = ("logs", "lock") if keep_lock else ("logs",)
        # The lock file goes last: while it exists, no other command takes the environment to be free.
        for entry in sorted(self.directory.iterdir(), key=lambda entry: entry.name == "lock"):
            if entry.name in excluded:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Write a file atomically: to a temporary file in the same folder with mode 0600, which is then renamed."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
