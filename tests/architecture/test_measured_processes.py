"""A measured run sees the processes that inherit no environment and those that are killed."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from coverage import CoverageData

from tests.measured_processes import FUNCTION_VARIABLE, through_start

CONFIGURATION = """
    [run]
    parallel = true
    patch = subprocess
    plugins = tests.measured_processes
    data_file = data/measured
    source_dirs = .
"""
# Starts child.py with an environment and options of its own and reads what it says; then kills it, or lets it come to its end.
PARENT = """
    import json, os, socket, subprocess, sys

    ours, theirs = socket.socketpair()
    command = [sys.executable, *sys.argv[3:], str(theirs.fileno())]
    child = subprocess.Popen(command, env=json.loads(sys.argv[1]), pass_fds=[theirs.fileno()])
    theirs.close()
    print(ours.recv(100_000).decode())
    if sys.argv[2] == "kill":
        child.kill()
    ours.close()
    child.wait()
"""
CHILD = """
    import json, os, socket, sys

    channel = socket.socket(fileno=int(sys.argv[1]))
    seen = {"environment": dict(os.environ), "path": sys.path, "arguments": sys.argv[:-1], "name": __name__}
    channel.sendall(json.dumps(seen).encode())
    channel.recv(1)
"""
# Python is told where modules are, as it is in containers.
CLOSED = {"LANG": "C.UTF-8", "LC_CTYPE": "C.UTF-8", "PYTHONPATH": "."}


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    for name, text in {"measured.ini": CONFIGURATION, "parent.py": PARENT, "child.py": CHILD}.items():
        (tmp_path / name).write_text(dedent(text).lstrip())
    return tmp_path


def run(
    programs: Path, environment: dict[str, str], *coverage: str, command: Sequence[str], end: str = "wait"
) -> dict[str, Any]:
    """What the child saw: its environment, import path and arguments."""
    # The run that this test belongs to may be measured itself, and is not what is measured here.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    done = subprocess.run(
        [sys.executable, *coverage, "parent.py", json.dumps(environment), end, *command],
        cwd=programs,
        env=outside,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert isinstance(seen, dict)
    return seen


def lines(programs: Path, name: str) -> set[int]:
    """The lines of a program that all data files together saw."""
    found: set[int] = set()
    for file in (programs / "data").iterdir():
        data = CoverageData(str(file))
        data.read()
        found |= set(data.lines(str(programs / name)) or ())
    return found


MEASURED = ("-m", "coverage", "run", "--rcfile=measured.ini")
# As functions and containers are started: without the installed packages, and so without what starts coverage in every process.
BARE = ("-P", "-s", "-S")
COMMANDS = {"file": ("child.py",), "bare file": (*BARE, "child.py"), "bare module": (*BARE, "-m", "child")}
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@every_command
@pytest.mark.parametrize("environment", [CLOSED, CLOSED | {FUNCTION_VARIABLE: "/"}], ids=["closed", "function"])
class TestClosedEnvironment:
    def test_child_is_measured(self, programs: Path, environment: dict[str, str], command: Sequence[str]) -> None:
        run(programs, environment, *MEASURED, command=command)
        assert lines(programs, "child.py") == {1, 3, 4, 5, 6}

    def test_child_sees_what_it_sees_unmeasured(
        self, programs: Path, environment: dict[str, str], command: Sequence[str]
    ) -> None:
        seen = run(programs, environment, *MEASURED, command=command)
        assert seen == run(programs, environment, command=command)
        assert (seen["environment"], seen["name"]) == (environment, "__main__")
        assert [Path(argument).name for argument in seen["arguments"]] == ["child.py"]


class TestFunction:
    @every_command
    def test_killed_after_its_answer_it_was_measured(self, programs: Path, command: Sequence[str]) -> None:
        run(programs, CLOSED | {FUNCTION_VARIABLE: "/"}, *MEASURED, end="kill", command=command)
        assert lines(programs, "child.py") == {1, 3, 4, 5}


class TestOtherPrograms:
    def test_their_own_options_are_left_alone(self) -> None:
        # `-S` of a program that is no interpreter, and of one that an interpreter runs.
        for command in (
            ["initdb", "-S"],
            [sys.executable, "child.py", "-S"],
            [sys.executable, "-S"],
            [sys.executable, "-S", "-c", "print()"],
            "python -S child.py",
        ):
            assert through_start(command) == command
