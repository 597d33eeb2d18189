"""A plugin of coverage: measures the processes that inherit nothing, and those that are killed.

A process is measured when its environment says so. The local platform gives some of its processes a closed environment (the
functions, the emulator, the object gate), and it kills a function's process as AWS does, without a chance to save. Only a
measured run loads this; the code that is tested knows nothing of it, and sees the environment that it has unmeasured.
"""

import functools
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import coverage
from coverage import Coverage, CoveragePlugin
from coverage.plugin_support import Plugins
from coverage.types import TConfigurable

# Set by coverage's own patch for subprocesses; read at the start of every interpreter of the virtual environment.
CONFIGURATION_VARIABLE = "COVERAGE_PROCESS_CONFIG"
# Tells a process that the configuration was put into an environment that was to be without it.
CLOSED_VARIABLE = "COVERAGE_ENVIRONMENT_IS_CLOSED"
FUNCTION_VARIABLE = "LAMBDA_TASK_ROOT"
# The interpreter's option with which it reads no .pth file, and so not coverage's either: a function sees no installed package.
BARE = "-S"
MODULE = "-m"
# A program that comes as text is nothing of ours.
TEXT = "-c"
START = Path(__file__).with_name("measured_start.py")


class ClosedMeasuring(CoveragePlugin):
    """Takes out of a closed environment what was put into it. What such a process starts itself is not measured."""

    def configure(self, config: TConfigurable) -> None:
        """Called by coverage before it starts."""
        config.set_option("run:patch", ["_exit"])
        del os.environ[CONFIGURATION_VARIABLE], os.environ[CLOSED_VARIABLE]


def coverage_init(registry: Plugins, _options: dict[str, Any]) -> None:
    """Called by coverage once in every measured process, before anything of ours is imported."""
    if CLOSED_VARIABLE in os.environ:
        registry.add_configurer(ClosedMeasuring())
    else:
        _hand_on_to_closed_environments()
    if FUNCTION_VARIABLE in os.environ:
        _save_before_every_answer()


def _hand_on_to_closed_environments() -> None:
    start = subprocess.Popen.__init__

    @functools.wraps(start)
    def start_measured(self: subprocess.Popen[Any], args: Any, *arguments: Any, **options: Any) -> None:
        configuration = os.environ.get(CONFIGURATION_VARIABLE)
        given = options.get("env")
        if configuration and given is not None and CONFIGURATION_VARIABLE not in given:
            options["env"] = {**given, CONFIGURATION_VARIABLE: configuration, CLOSED_VARIABLE: "1"}
        start(self, through_start(args) if configuration else args, *arguments, **options)

    subprocess.Popen.__init__ = start_measured  # type: ignore[method-assign]


def through_start(command: Any) -> Any:
    """The command of a bare interpreter with coverage between it and its program or module; any other as it is."""
    if not isinstance(command, Sequence) or isinstance(command, str) or command[0] != sys.executable:
        return command
    place = next((place for place, part in enumerate(command) if place and not part.startswith("-")), 0)
    # What -m and -c are told follows them, and they end the interpreter's own options.
    place -= command[place - 1] in {MODULE, TEXT}
    if BARE not in command[:place] or command[place] == TEXT:
        return command
    packages = Path(coverage.__file__).parents[1]
    return [*command[:place], str(START), str(packages), *command[place:]]


def _save_before_every_answer() -> None:
    """Whoever has the answer of a function may kill its process: what was seen until then has to be on disk by then."""
    send = socket.socket.sendall

    @functools.wraps(send)
    def save_and_send(self: socket.socket, *arguments: Any) -> None:
        # The channel to the pool is a pair of Unix sockets; what a handler itself opens is TCP and is not slowed down.
        if self.family == socket.AF_UNIX and (measuring := Coverage.current()):
            measuring.save()
        send(self, *arguments)

    socket.socket.sendall = save_and_send  # type: ignore[method-assign,assignment]
