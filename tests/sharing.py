"""What the tests of one run share, across the processes that run them."""

import fcntl
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

DIRECTORY = pytest.StashKey[Path]()
WORKER_DIRECTORY = "shared_directory"


class SharedResults:
    """Results that the first process to ask for them makes; the others wait, and read them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def get(self, name: str, make: Callable[[], bytes]) -> bytes:
        path = self._directory / name
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not path.exists():
                path.write_bytes(make())
        return path.read_bytes()


def pytest_configure(config: pytest.Config) -> None:
    worker: dict[str, Any] | None = getattr(config, "workerinput", None)
    config.stash[DIRECTORY] = Path(worker[WORKER_DIRECTORY] if worker else tempfile.mkdtemp(prefix="tests-"))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput[WORKER_DIRECTORY] = str(node.config.stash[DIRECTORY])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        shutil.rmtree(config.stash[DIRECTORY], ignore_errors=True)


@pytest.fixture(scope="session")
def shared_results(pytestconfig: pytest.Config) -> SharedResults:
    return SharedResults(pytestconfig.stash[DIRECTORY])
