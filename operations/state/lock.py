"""The lock of an environment: its holder starts, runs or stops its platform. The system releases it however the holder ends."""

import contextlib
import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

import psutil

# The start time that two processes read of a third may differ by the clock's corrections between the two readings.
START_TIME_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """A process by its id and its start time: ids are used again by the system, the pair is not."""

    pid: int
    started_at: float

    @classmethod
    def own(cls) -> Self:
        """The calling process."""
        return cls.of(os.getpid())

    @classmethod
    def of(cls, pid: int) -> Self:
        """A process that runs now; raises psutil.NoSuchProcess otherwise."""
        return cls(pid=pid, started_at=psutil.Process(pid).create_time())

    def find(self) -> psutil.Process | None:
        """The process, or None when it ended or its id belongs to another by now."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started_at) < START_TIME_TOLERANCE_SECONDS
            if same and process.status() != psutil.STATUS_ZOMBIE:
                return process
        return None


class EnvironmentLock:
    """An exclusive lock on a file, which also says who holds it. Its descriptor can be handed to a child process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Takes the lock without waiting and says whether it was free."""
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
            # The file was wiped between opening and locking: a lock on a file that nobody else can see locks nothing.
            os.close(descriptor)
        self._descriptor = descriptor
        self.sign()
        return True

    def adopt(self, descriptor: int) -> None:
        """Takes over the lock from the parent process, which handed its descriptor down, and signs for it."""
        # Processes that this one starts must not keep the lock alive.
        os.set_inheritable(descriptor, False)
        self._descriptor = descriptor
        self.sign()

    def sign(self) -> None:
        """Writes the calling process into the file, for those who want to end the holder."""
        os.pwrite(self.descriptor, json.dumps(asdict(ProcessIdentity.own())).ljust(120).encode(), 0)

    @property
    def descriptor(self) -> int:
        """The descriptor that holds the lock; the lock must have been acquired."""
        if self._descriptor is None:
            raise RuntimeError(f"{self.path}: the lock is not held")
        return self._descriptor

    def release(self) -> None:
        """Gives the lock up; does nothing when it is not held. A child that adopted it goes on holding it."""
        if self._descriptor is None:
            return
        if self.holder() == ProcessIdentity.own():
            os.ftruncate(self._descriptor, 0)
        os.close(self._descriptor)
        self._descriptor = None

    def is_held(self) -> bool:
        """Whether somebody who signed for the lock is alive.

        Trying the lock would be surer, but would make a command that takes it in that instant believe it to be taken.
        """
        holder = self.holder()
        return holder is not None and holder.find() is not None

    def holder(self) -> ProcessIdentity | None:
        """Who signed the file last; None when nobody did."""
        try:
            return ProcessIdentity(**json.loads(self.path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def _is_current(self, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.fstat(descriptor), self.path.stat())
        except FileNotFoundError:
            return False
