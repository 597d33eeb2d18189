"""File lock of an environment; the system releases it when its holder ends."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

# Start times of the same process may differ between two readings, because the system clock is adjusted in between.
START_TIME_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process identified by id and start time: the system reuses ids, but not the pair."""

    pid: int
    started_at: float

    @classmethod
    def current(cls) -> Self:
        """Return the identity of the calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self:
        """Return the identity of a running process.

        Raises:
            psutil.NoSuchProcess: No process has this id.
        """
        return cls(pid=pid, started_at=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """Return the process; None if it has ended or its id belongs to another process now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < START_TIME_TOLERANCE_SECONDS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


class EnvironmentLock:
    """An exclusive file lock that also records its holder. Its descriptor can be inherited by a child process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Try to take the lock without waiting; return whether that succeeded."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                return False
            if self._is_current(descriptor):
                break
            # The file was removed between opening and locking: nobody else would see a lock on it.
            os.close(descriptor)
        self._descriptor = descriptor
        self.write_holder()
        return True

    def adopt(self, descriptor: int) -> None:
        """Take over the lock from the parent process by its descriptor, and record this process as the holder."""
        # Child processes must not inherit the descriptor, or they would keep the lock.
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self.write_holder()

    def write_holder(self) -> None:
        """Record the calling process in the file, so that other commands can end the holder."""
        os.pwrite(self.descriptor, json.dumps(asdict(ProcessIdentity.current())).ljust(120).encode(), 0)

    @property
    def descriptor(self) -> int:
        """Return the descriptor that holds the lock.

        Raises:
            RuntimeError: The lock is not held.
        """
        if self._descriptor is None:
            raise RuntimeError(f"{self.path}: the lock is not held")
        return self._descriptor

    def release(self) -> None:
        """Release the lock; does nothing if it is not held. A child process that adopted it keeps it."""
        if self._descriptor is None:
            return
        if self.holder() == ProcessIdentity.current():
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = None

    def is_held(self) -> bool:
        """Return whether the recorded holder is alive.

        Trying to take the lock would be more reliable, but another command that tries at the same moment would fail.
        """
        holder = self.holder()
        return holder is not None and holder.find() is not None

    def holder(self) -> ProcessIdentity | None:
        """Return the recorded holder; None if there is none."""
        try:
            return ProcessIdentity(**json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False
