"""One holder at a time, known by name, and released however it ends."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from operations.state.lock import EnvironmentLock, ProcessIdentity

HOLD = """
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
def hold(path: Path, *, handed: EnvironmentLock | None = None) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock, until it is killed at the latest when the block ends."""
    descriptors = [handed.descriptor] if handed else []
    argv = [sys.executable, "-c", HOLD, str(path), *map(str, descriptors)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, pass_fds=descriptors) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "True\n"
            yield process
        finally:
            process.kill()


class TestAcquire:
    def test_second_holder_is_refused(self, path: Path) -> None:
        first, second = EnvironmentLock(path), EnvironmentLock(path)
        assert first.acquire()
        assert not second.acquire()
        assert second.is_held()
        assert second.holder() == ProcessIdentity.current()
        first.release()
        assert not second.is_held()
        assert second.acquire()
        second.release()

    def test_killed_holder_leaves_it_free(self, path: Path) -> None:
        with hold(path) as process:
            lock = EnvironmentLock(path)
            assert not lock.acquire()
            assert lock.is_held()
            assert process.poll() is None
        assert not lock.is_held()
        assert lock.acquire()
        lock.release()

    def test_wiped_file_is_no_lock(self, path: Path) -> None:
        first, second = EnvironmentLock(path), EnvironmentLock(path)
        assert first.acquire()
        path.unlink()
        assert second.acquire()
        assert not EnvironmentLock(path).acquire()
        first.release()
        assert not EnvironmentLock(path).acquire()
        second.release()

    def test_file_wiped_while_it_is_taken_is_taken_anew(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        current, looks = EnvironmentLock._is_current, []

        def wiped_at_first_look(lock: EnvironmentLock, descriptor: int) -> bool:
            if not looks:
                path.unlink()
            looks.append(descriptor)
            return current(lock, descriptor)

        monkeypatch.setattr(EnvironmentLock, "_is_current", wiped_at_first_look)
        lock = EnvironmentLock(path)
        assert lock.acquire()
        assert len(looks) == 2
        monkeypatch.undo()
        assert not EnvironmentLock(path).acquire()
        lock.release()


class TestAdopt:
    def test_child_goes_on_holding_what_its_parent_released(self, path: Path) -> None:
        lock = EnvironmentLock(path)
        assert lock.acquire()
        with hold(path, handed=lock) as child:
            lock.release()
            assert lock.holder() == ProcessIdentity.of(child.pid)
            assert not EnvironmentLock(path).acquire()
        assert EnvironmentLock(path).acquire()


class TestProcessIdentity:
    def test_id_of_another_process_is_not_found(self) -> None:
        own = ProcessIdentity.current()
        assert own.find() is not None
        assert ProcessIdentity(pid=own.pid, started_at=own.started_at - 60).find() is None

    def test_ended_process_that_nobody_collected_is_not_found(
        self, sleeper: Callable[..., subprocess.Popen[bytes]]
    ) -> None:
        process = sleeper(collected=False)
        identity = ProcessIdentity.of(process.pid)
        process.kill()
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            pass
        assert identity.find() is None
