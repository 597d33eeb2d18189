"""Handlers with every kind of outcome."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path
from typing import Any


def echo(event: Any, context: Any) -> Any:
    return event


def environment(event: Any, context: Any) -> Any:
    return dict(os.environ)


def describe_context(event: Any, context: Any) -> Any:
    first = context.get_remaining_time_in_millis()
    time.sleep(0.02)
    return {
        "request_id": context.aws_request_id,
        "name": context.function_name,
        "version": context.function_version,
        "arn": context.invoked_function_arn,
        "memory": context.memory_limit_in_mb,
        "log_group": context.log_group_name,
        "log_stream": context.log_stream_name,
        "identity": context.identity,
        "client_context": context.client_context,
        "remaining": [first, context.get_remaining_time_in_millis()],
    }


def fail(event: Any, context: Any) -> Any:
    raise KeyError("Records")


def fail_if_true(event: Any, context: Any) -> Any:
    if event:
        raise ValueError("requested")
    return os.getpid()


def log(event: Any, context: Any) -> Any:
    sys.stdout.write("printed\n")
    logging.getLogger("room").warning("warned")


def sleep(event: Any, context: Any) -> Any:
    Path(event["began"]).write_text(str(os.getpid()))
    time.sleep(event["seconds"])
    return os.getpid()


def wait_for_file(event: Any, context: Any) -> Any:
    """Write the process id to the file `began`, wait until the file `gate` exists, and return the process id."""
    Path(event["began"]).write_text(str(os.getpid()))
    while not Path(event["gate"]).exists():
        time.sleep(0.01)
    return os.getpid()


def process_id(event: Any, context: Any) -> Any:
    return os.getpid()


def hold_gil(event: Any, context: Any) -> Any:
    # One C call, during which neither other threads nor Python signal handlers run.
    return sum(range(10**11))


def start_child_and_sleep(event: Any, context: Any) -> Any:
    child = subprocess.Popen(["/bin/sleep", "600"])
    Path(event["child"]).write_text(str(child.pid))
    time.sleep(600)


def exit_with(event: Any, context: Any) -> Any:
    sys.exit(event)


def kill_itself(event: Any, context: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def crash_if_true(event: Any, context: Any) -> Any:
    if event:
        os._exit(7)
    return os.getpid()


def unserializable(event: Any, context: Any) -> Any:
    return {"at": object()}


def decimal(event: Any, context: Any) -> Any:
    return {"price": Decimal("1.5")}


def too_long(event: Any, context: Any) -> Any:
    return "x" * 7_000_000


def allocate(event: Any, context: Any) -> Any:
    return len(bytearray(event * 1024 * 1024))


def many_threads(event: Any, context: Any) -> Any:
    gate = threading.Event()

    def work() -> None:
        bytearray(4096)
        gate.wait()

    threads = [threading.Thread(target=work) for _ in range(event)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    return len(threads)


def import_path(event: Any, context: Any) -> Any:
    return sys.path


def try_import(event: Any, context: Any) -> Any:
    return __import__(event).__name__
