"""Runs tasks in processes with the function's limits, one per core. A killed process is the outcome of its task."""

import json
import os
import queue
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WORKER = Path(__file__).with_name("limited_worker.py")
FUNCTION_MEMORY_MEGABYTES = 1_024
MAX_MEGABYTES = 0.65 * FUNCTION_MEMORY_MEGABYTES  # the maximum that the function may use
TASK_SECONDS = 10


@dataclass(frozen=True)
class Outcome:
    """The outcome of a task.

    `outcome` is `rendered`, `answered`, the reason of a rejection, or a description of a failure. `peak_megabytes` is the peak
    memory of the process so far, `seconds` the CPU time of this task.
    """

    outcome: str
    digest: str | None = None
    answer: Any = None
    seconds: float = 0
    peak_megabytes: float = 0


class LimitedWorkers:
    """A pool of worker processes; see `limited_workers`."""

    def __init__(self, count: int, environment: Mapping[str, str], memory_megabytes: int) -> None:
        self._environment = {
            "PATH": os.environ["PATH"],
            # As in a function's process (local/compute): each additional malloc arena reserves 64 MB of the limit.
            "MALLOC_ARENA_MAX": "2",
            # Coverage measurement would use some of the measured memory.
            "COVERAGE_PROCESS_CONFIG": "",
            **environment,
        }
        self._memory_megabytes = memory_megabytes
        self._idle: queue.SimpleQueue[subprocess.Popen[str]] = queue.SimpleQueue()
        self._executor = ThreadPoolExecutor(count)
        for _ in range(count):
            self._idle.put(self._start())

    def run(self, tasks: Iterable[Mapping[str, Any]]) -> list[Outcome]:
        """Run the tasks and return their outcomes in order."""
        return list(self._executor.map(self._one, tasks))

    def stop(self) -> None:
        self._executor.shutdown()
        while not self._idle.empty():
            worker = self._idle.get()
            worker.kill()
            _close(worker)

    def _one(self, task: Mapping[str, Any]) -> Outcome:
        worker = self._idle.get()
        try:
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(json.dumps(task) + "\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
        except BrokenPipeError:
            line = ""
        if line:
            self._idle.put(worker)
            return Outcome(**json.loads(line))
        code = _close(worker)
        self._idle.put(self._start())
        assert code < 0, f"the worker ended with {code} at {task}"
        return Outcome("OUT OF TIME" if code == -signal.SIGXCPU else f"KILLED BY {signal.Signals(-code).name}")

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, str(WORKER), str(self._memory_megabytes), str(TASK_SECONDS)],
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


def _close(worker: subprocess.Popen[str]) -> int:
    code = worker.wait()
    with suppress(BrokenPipeError):
        worker.communicate()
    return code


@contextmanager
def limited_workers(
    *,
    count: int = os.cpu_count() or 1,
    environment: Mapping[str, str] | None = None,
    memory_megabytes: int = FUNCTION_MEMORY_MEGABYTES,
) -> Iterator[LimitedWorkers]:
    """Provide a pool of processes that ends with the block."""
    workers = LimitedWorkers(count, environment or {}, memory_megabytes)
    try:
        yield workers
    finally:
        workers.stop()
