"""A worker process that runs one function's handler: `python -P -s -S function_worker.py DESCRIPTOR MEMORY_LIMIT`.

It is started by path and without the installed packages (-S), so a handler can import only its own archive and the standard
library. DESCRIPTOR is an inherited socket. Both sides send messages of two frames, a header and a payload; a frame is a length
(four bytes, big endian) and JSON text. Standard output and error are the handler's log. MEMORY_LIMIT is the address space in
bytes, 0 for no limit. The process ends when the other side closes the socket, even while the handler is running.
"""

import ctypes
import decimal
import importlib
import json
import logging
import math
import os
import queue
import resource
import signal
import socket
import struct
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

Handler = Callable[[Any, "LambdaContext"], Any]
Message = tuple[dict[str, Any], bytes]

LENGTH = struct.Struct(">I")
M_ARENA_MAX = -8  # from glibc's malloc.h
# Lambda's limit for the response of a synchronous invocation.
MAXIMUM_PAYLOAD_BYTES = 6_291_556
LOG_FORMAT = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s"


class Channel:
    """The socket to the parent process. A thread reads it continuously, so that its end is always noticed."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self._socket = socket.socket(fileno=descriptor)
        self._messages: queue.SimpleQueue[Message] = queue.SimpleQueue()
        threading.Thread(target=self._read, name="channel", daemon=True).start()

    def receive(self) -> Message:
        """Wait for the next message and return it."""
        return self._messages.get()

    def send(self, header: dict[str, Any], payload: bytes = b"null") -> None:
        """Send a header and a JSON payload."""
        encoded = json.dumps(header).encode()
        self._socket.sendall(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(payload)) + payload)

    def _read(self) -> None:
        try:
            with self._socket.makefile("rb") as stream:
                while True:
                    header = json.loads(_read_frame(stream.read))
                    self._messages.put((header, _read_frame(stream.read)))
        except (EOFError, OSError):
            _end_with_children()


def _read_frame(read: Callable[[int], bytes]) -> bytes:
    start = read(LENGTH.size)
    if len(start) < LENGTH.size:
        raise EOFError
    size: int = LENGTH.unpack(start)[0]
    frame = read(size)
    if len(frame) < size:
        raise EOFError
    return frame


def _end_with_children() -> None:
    # Nobody would read a result any more. The process leads its group, so child processes of the handler are killed with it.
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(0)


class LambdaContext:
    """The handler's second argument, with the attributes that Lambda documents for Python."""

    identity = None
    client_context = None

    def __init__(self, request_id: str, function_arn: str, timeout_seconds: float) -> None:
        self.aws_request_id = request_id
        self.invoked_function_arn = function_arn
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline = time.monotonic() + timeout_seconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until the function's timeout, at which this process is killed."""
        return max(0, math.floor((self._deadline - time.monotonic()) * 1000))

    def log(self, message: str) -> None:
        """Write to the function's log."""
        sys.stdout.write(message)


class RequestIdFilter(logging.Filter):
    """A filter that adds the current request id to log records, as Lambda's root handler does."""

    request_id = ""

    def filter(self, record: logging.LogRecord) -> bool:
        """Set `aws_request_id` on the record."""
        record.aws_request_id = self.request_id
        return True


class HandlerError(Exception):
    """The handler cannot be loaded, or its result cannot be sent; `kind` is Lambda's error type."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


def limit_memory(address_space: int) -> None:
    """Limit the address space of this process, in bytes: allocations beyond it raise MemoryError."""
    # glibc reserves an arena of 64 MiB of address space for every thread that allocates: 40 idle threads take 1.4 GiB with
    # these arenas and 0.5 GiB without. Two are enough for a handler, which runs on one thread.
    allocator = ctypes.CDLL(None)
    if hasattr(allocator, "mallopt"):
        allocator.mallopt(M_ARENA_MAX, 2)
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))


def load_handler(name: str) -> Handler:
    """Import the function that a handler string such as `package/module.function` names.

    Raises:
        HandlerError: The name is malformed, the module cannot be imported, or it has no such function.
    """
    module_name, _, function_name = name.rpartition(".")
    if not module_name:
        raise HandlerError(
            "Runtime.MalformedHandlerName", f"Bad handler '{name}': it is not of the form module.function"
        )
    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        raise HandlerError("Runtime.ImportModuleError", f"Unable to import module '{module_name}': {error}") from error
    except SyntaxError as error:
        raise HandlerError("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module_name}': {error}") from error
    handler: Handler | None = getattr(module, function_name, None)
    if handler is None:
        raise HandlerError("Runtime.HandlerNotFound", f"Handler '{function_name}' missing on module '{module_name}'")
    return handler


def describe(error: BaseException) -> dict[str, Any]:
    """Return an exception as Lambda reports it: type, message and the stack without the frames of this file."""
    kind = error.kind if isinstance(error, HandlerError) else type(error).__name__
    cause = error.__cause__ if isinstance(error, HandlerError) and error.__cause__ else error
    frames = traceback.extract_tb(_handler_frames(cause.__traceback__))
    return {"errorType": kind, "errorMessage": str(error), "stackTrace": traceback.format_list(frames)}


def _handler_frames(trace: TracebackType | None) -> TracebackType | None:
    while trace is not None and trace.tb_frame.f_code.co_filename in {__file__, "<frozen importlib._bootstrap>"}:
        trace = trace.tb_next
    return trace


def marshal(result: Any) -> bytes:
    """Return a handler's result as JSON.

    Raises:
        HandlerError: The result is not serializable, or longer than Lambda's limit.
    """
    try:
        payload = json.dumps(result, default=_decimal_as_number, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise HandlerError("Runtime.MarshalError", f"Unable to marshal response: {error}") from error
    if len(payload) > MAXIMUM_PAYLOAD_BYTES:
        raise HandlerError(
            "Function.ResponseSizeTooLarge",
            f"Response payload size ({len(payload)} bytes) exceeded maximum allowed payload size"
            f" ({MAXIMUM_PAYLOAD_BYTES} bytes).",
        )
    return payload


def _decimal_as_number(value: Any) -> float:
    if isinstance(value, decimal.Decimal):
        return float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def peak_memory_megabytes() -> int:
    """Return the maximum resident set size of this process.

    On Linux getrusage would return at least the size of the parent process, because that figure is kept across exec.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return math.ceil(int(line.split()[1]) / 1024)
    return math.ceil(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2)


def write_line(text: str) -> None:
    """Write a line of the platform's own to the function's log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def report_error(error: dict[str, Any]) -> None:
    """Write an error to the log in Lambda's format."""
    trace = "".join(error["stackTrace"])
    write_line(f"[ERROR] {error['errorType']}: {error['errorMessage']}" + (f"\nTraceback:\n{trace}" if trace else ""))


def handle_event(handler: Handler, message: Message, channel: Channel, init_seconds: float | None) -> None:
    """Run the handler with one event and send the result. `init_seconds` is set for the first event only."""
    header, payload = message
    request_id = header["request_id"]
    context = LambdaContext(request_id, header["function_arn"], header["timeout_seconds"])
    RequestIdFilter.request_id = request_id
    write_line(f"START RequestId: {request_id} Version: {context.function_version}")
    began = time.monotonic()
    error: dict[str, Any] | None = None
    result = b"null"
    try:
        result = marshal(handler(json.loads(payload), context))
    except Exception as raised:  # noqa: BLE001 - whatever a handler raises is the result of the invocation
        error = describe(raised)
        report_error(error)
    milliseconds, memory = (time.monotonic() - began) * 1000, peak_memory_megabytes()
    init = f"\tInit Duration: {init_seconds * 1000:.2f} ms" if init_seconds is not None else ""
    write_line(f"END RequestId: {request_id}")
    write_line(
        f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {math.ceil(milliseconds)} ms"
        f"\tMemory Size: {context.memory_limit_in_mb} MB\tMax Memory Used: {memory} MB{init}"
    )
    channel.send({"kind": "completed", "error": error, "memory_megabytes": memory}, result)


def main(descriptor: int, memory_limit: int) -> None:
    """Load the handler, report that, and handle events until the other side closes the socket."""
    began = time.monotonic()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # a process's own streams are TextIOWrappers
    channel = Channel(descriptor)
    if memory_limit:
        limit_memory(memory_limit)
    # Before the registered PYTHONPATH and the standard library, the only other entries of the path.
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    log_handler = logging.StreamHandler(sys.stdout)
    log_handler.setFormatter(logging.Formatter(LOG_FORMAT, "%Y-%m-%dT%H:%M:%S"))
    log_handler.formatter.converter = time.gmtime  # type: ignore[union-attr]  # set on the line above
    log_handler.addFilter(RequestIdFilter())
    logging.getLogger().addHandler(log_handler)
    try:
        handler = load_handler(os.environ["_HANDLER"])
    except Exception as raised:  # noqa: BLE001 - whatever the module raises is the result of its first invocation
        error = describe(raised)
        report_error(error)
        channel.send({"kind": "init_failed", "error": error, "memory_megabytes": peak_memory_megabytes()})
        return
    init_seconds: float | None = time.monotonic() - began
    channel.send({"kind": "ready", "init_seconds": init_seconds})
    while True:
        handle_event(handler, channel.receive(), channel, init_seconds)
        init_seconds = None


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
