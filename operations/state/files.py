"""The state of an environment's local platform, on disk in `.platform/<environment>/`: written by its host, read by every verb."""

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
    """Where the platform answers; all on loopback."""

    api: str
    docs: str
    aws: str
    s3: str
    functions: str = ""


class Credentials(_Frozen):
    """What signs requests to the local AWS; worth nothing anywhere else."""

    region: str
    access_key_id: str
    secret_access_key: str


class Resource(_Frozen):
    """One registration of the program and what became of it. A component is only the program's own grouping.

    `reason` says why a registration was only recorded.
    """

    urn: str
    type: str
    name: str
    parent: str
    id: str
    state: Literal["applied", "recorded-only", "component"]
    reason: str = ""


class Process(_Frozen):
    """One process of the platform; `exited` is one that ended unasked."""

    name: str
    pid: int
    state: Literal["running", "stopped", "exited"]


class EnvironmentState(_Frozen):
    """All that is known of a local platform. `endpoints` and `credentials` are absent while it starts."""

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
        """The process that holds the platform."""
        return ProcessIdentity(pid=self.pid, started_at=self.process_started_at)

    def resource_counts(self) -> dict[str, int]:
        """How many registrations were applied to the local AWS, and how many were only recorded."""
        states = Counter(resource.state for resource in self.resources)
        return {"applied": states["applied"], "recorded_only": states["recorded-only"]}

    def account(self) -> LocalAccount:
        """The local AWS account; the platform must be up."""
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
    """The files of one environment."""

    environment: str
    directory: Path

    @classmethod
    def of(cls, environment: str) -> "StateFiles":
        """The files of an environment; nothing is created."""
        return cls(environment, checkout.state_root() / environment)

    @property
    def state(self) -> Path:
        return self.directory / "state.json"

    @property
    def progress(self) -> Path:
        """One line of JSON for each piece of news of the start."""
        return self.directory / "progress.jsonl"

    @property
    def logs(self) -> Path:
        """One `<process>.log` each; they outlive the platform."""
        return self.directory / "logs"

    @property
    def host_log(self) -> Path:
        return self.logs / "host.log"

    @property
    def journey(self) -> Path:
        """What the last journey fetched, and its result."""
        return self.directory / "journey"

    @property
    def lock(self) -> EnvironmentLock:
        """A new, unheld lock object on the environment's lock file."""
        return EnvironmentLock(self.directory / "lock")

    def read(self) -> EnvironmentState | None:
        """The recorded state; None when there is none, or when what stands there is not one of ours."""
        try:
            return EnvironmentState.model_validate_json(self.state.read_bytes())
        except (FileNotFoundError, NotADirectoryError, ValidationError):
            return None

    def write(self, state: EnvironmentState) -> None:
        """Replaces the state in one step, so that a reader never sees half of it; readable by its owner alone (credentials)."""
        write_atomically(self.state, state.model_dump_json(indent=1))

    def remains(self) -> list[str]:
        """The names of what an earlier platform left in the directory, the logs and the lock file aside."""
        if not self.directory.is_dir():
            return []
        return sorted(entry.name for entry in self.directory.iterdir() if entry.name not in ("logs", "lock"))

    def wipe(self, *, keep_lock: bool = False) -> None:
        """Removes everything but the logs. The caller holds the lock, and goes on holding it only with `keep_lock`."""
        if not self.directory.is_dir():
            return
        kept = ("logs", "lock") if keep_lock else ("logs",)
        # The lock file goes last: while it is there, no other command believes the environment to be free.
        for entry in sorted(self.directory.iterdir(), key=lambda entry: entry.name == "lock"):
            if entry.name in kept:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """Writes a file in one step: under another name in the same folder, mode 0600, then renamed."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(temporary).replace(path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise
