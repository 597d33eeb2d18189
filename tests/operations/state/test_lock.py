"""The environment's lock: one holder at a time, recorded in the file, and released however it ends."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from operations.state.lock import EnvironmentLock, ProcessIdentity

HOLDER_PROGRAM = """
import sys, time
from pathlib import Path
from operations.state.lock import EnvironmentLock
lock = EnvironmentLock(Path(sys.argv[1]))
if len(sys.argv) > 2:
    lock.adopt(int(sys.argv[2]))
    print(True, flush=True)
else:
    print(lock.acquire(), flush=True)
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "dev" / "lock"


@contextmanager
def hold(path: Path, *, inherited: EnvironmentLock | None = None) -> Iterator[subprocess.Popen[str]]:
    """Start a process that holds the lock; it is killed at the end of the block."""
    descriptors = [inherited.descriptor] if inherited else []
    argv = [sys.executable, "-c", HOLDER_PROGRAM, str(path), *map(str, descriptors)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, pass_fds=descriptors) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "True\n"
            yield process
        finally:
            process.kill()


class TestAcquire:
    def test_lock_has_one_holder(self, path: Path) -> None:
        first, second = EnvironmentLock(path), EnvironmentLock(path)
        assert first.acquire()
        assert not second.acquire()
        assert second.is_held()
        assert second.holder() == ProcessIdentity.current()
        first.release()
        assert not second.is_held()
        assert second.acquire()
        second.release()

    def test_killed_holder_releases_the_lock(self, path: Path) -> None:
        with hold(path) as process:
            lock = EnvironmentLock(path)
            assert not lock.acquire()
            assert lock.is_held()
            assert process.poll() is None
        assert not lock.is_held()
        assert lock.acquire()
        lock.release()

    def test_lock_on_a_removed_file_is_not_shared(self, path: Path) -> None:
        first, second = EnvironmentLock(path), EnvironmentLock(path)
        assert first.acquire()
        path.unlink()
        assert second.acquire()
        assert not EnvironmentLock(path).acquire()
        first.release()
        assert not EnvironmentLock(path).acquire()
        second.release()

    def test_file_removed_while_locking_is_locked_again(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        is_current = EnvironmentLock._is_current
        checked_descriptors: list[int] = []

        def remove_file_at_first_check(lock: EnvironmentLock, descriptor: int) -> bool:
            if not checked_descriptors:
                path.unlink()
            checked_descriptors.append(descriptor)
            return is_current(lock, descriptor)

        monkeypatch.setattr(EnvironmentLock, "_is_current", remove_file_at_first_check)
        lock = EnvironmentLock(path)
        assert lock.acquire()
        assert len(checked_descriptors) == 2
        monkeypatch.undo()
        assert not EnvironmentLock(path).acquire()
        lock.release()


class TestAdopt:
    def test_child_keeps_the_lock_that_its_parent_released(self, path: Path) -> None:
        lock = EnvironmentLock(path)
        assert lock.acquire()
        with hold(path, inherited=lock) as child:
            lock.release()
            assert lock.holder() == ProcessIdentity.of(child.pid)
            assert not EnvironmentLock(path).acquire()
        assert EnvironmentLock(path).acquire()


class TestProcessIdentity:
    def test_reused_process_id_is_not_found(self) -> None:
        identity = ProcessIdentity.current()
        assert identity.find() is not None
        assert ProcessIdentity(pid=identity.pid, started_at=identity.started_at - 60).find() is None

    def test_zombie_is_not_found(self, sleeper: Callable[..., subprocess.Popen[bytes]]) -> None:
        process = sleeper(collected=False)
        identity = ProcessIdentity.of(process.pid)
        process.kill()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert identity.find() is None
