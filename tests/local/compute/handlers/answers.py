"""Handlers of every kind of outcome."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from decimal import Decimal
from pathlib import Path


def echo(event, context):
    return event


def environment(event, context):
    return dict(os.environ)


def describe_context(event, context):
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


def fail(event, context):
    raise KeyError("Records")


def fail_if_told(event, context):
    if event:
        raise ValueError("told to")
    return os.getpid()


def log(event, context):
    sys.stdout.write("printed\n")
    logging.getLogger("room").warning("warned")


def sleep(event, context):
    Path(event["began"]).write_text(str(os.getpid()))
    time.sleep(event["seconds"])
    return os.getpid()


def sleep_if_told(event, context):
    time.sleep(event.get("seconds", 0))
    return os.getpid()


def hold_the_interpreter(event, context):
    # One C call that neither yields to other threads nor to a Python signal handler.
    return sum(range(10**11))


def leave_a_child(event, context):
    child = subprocess.Popen(["/bin/sleep", "600"])
    Path(event["child"]).write_text(str(child.pid))
    time.sleep(600)


def exit_with(event, context):
    sys.exit(event)


def kill_itself(event, context):
    os.kill(os.getpid(), signal.SIGKILL)


def crash_if_told(event, context):
    if event:
        os._exit(7)
    return os.getpid()


def unserialisable(event, context):
    return {"at": object()}


def decimal(event, context):
    return {"price": Decimal("1.5")}


def too_long(event, context):
    return "x" * 7_000_000


def allocate(event, context):
    return len(bytearray(event * 1024 * 1024))


def many_threads(event, context):
    gate = threading.Event()
    threads = [threading.Thread(target=lambda: (bytearray(4096), gate.wait())) for _ in range(event)]
    for thread in threads:
        thread.start()
    gate.set()
    for thread in threads:
        thread.join()
    return len(threads)


def import_path(event, context):
    return sys.path


def try_import(event, context):
    return __import__(event).__name__
