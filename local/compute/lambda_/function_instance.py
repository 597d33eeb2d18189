"""One instance of a function: a worker process that handles one event at a time."""

import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from local.account import LocalAccount
from local.compute.lambda_.function_definition import FunctionDefinition
from local.compute.lambda_.invocations import FunctionError, Invocation
from local.supervisor import ManagedProcess, Supervisor

WORKER = Path(__file__).with_name("function_worker.py")
LENGTH = struct.Struct(">I")
# Lambda allows ten seconds for loading and then retries within the invocation. A busy machine needs more, and there is no
# retry here.
INIT_SECONDS = 60.0
# How long a process may take to exit after its channel has closed.
EXIT_SECONDS = 2.0


class InstanceEndedError(Exception):
    """The worker has closed its end of the channel."""


class FunctionInstance:
    """A worker process and the channel to it.

    The process is started on construction; the handler loads in the background. Methods are for one thread at a time, except
    `end`, which any thread may call.
    """

    def __init__(
        self,
        definition: FunctionDefinition,
        number: int,
        account: LocalAccount,
        supervisor: Supervisor,
        on_exit: Callable[["FunctionInstance"], None],
    ) -> None:
        """Start the process.

        Args:
            definition: The function.
            number: The number of the instance, unique among the running instances of the function.
            account: The account for AWS calls.
            supervisor: Starts the process.
            on_exit: Called from another thread when the process exits without having been stopped.

        Raises:
            ProcessFailedError: The process cannot be started.
        """
        self.number, self.ended = number, False
        self.name = f"function-{definition.name}-{number}"
        self._definition, self._supervisor, self._on_exit = definition, supervisor, on_exit
        self._ready = self._stopped = False
        self._ending = threading.Lock()
        self._channel, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = self._start(account, theirs)
            except BaseException:
                self._channel.close()
                raise

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; to be read between two events.

        Both the process and the channel are checked: a killed process is a zombie while its last threads still hold the
        channel open, and the channel may be closed before the process has been reaped.
        """
        try:
            if psutil.Process(self._process.pid).status() == psutil.STATUS_ZOMBIE:
                return False
        except psutil.NoSuchProcess:
            return False
        self._channel.settimeout(0)
        try:
            return self._channel.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False

    def wait_until_ready(self, request_id: str) -> Invocation | None:
        """Wait until the handler is loaded. Return None, or the failed invocation if it cannot be loaded."""
        if self._ready:
            return None
        try:
            header, _ = self._receive(time.monotonic() + INIT_SECONDS)
        except TimeoutError:
            self.end()
            return self._timed_out(request_id, f"Init timed out after {INIT_SECONDS:.2f} seconds", INIT_SECONDS)
        except InstanceEndedError:
            return self._crashed(request_id, 0.0)
        if header["kind"] == "init_failed":
            self.end()
            return _unhandled(request_id, header["error"], 0.0)
        self._ready = True
        return None

    def invoke(self, request_id: str, event: bytes) -> Invocation:
        """Run the handler with an event (JSON) and wait for the result, at most for the function's timeout."""
        if failed := self.wait_until_ready(request_id):
            return failed
        timeout = self._definition.timeout_seconds
        header = {"request_id": request_id, "function_arn": self._definition.arn, "timeout_seconds": timeout}
        began = time.monotonic()
        try:
            self._send(header, event, began + timeout)
            result, payload = self._receive(began + timeout)
        except TimeoutError:
            self.end()
            return self._timed_out(request_id, f"Task timed out after {timeout:.2f} seconds", timeout)
        except InstanceEndedError:
            return self._crashed(request_id, time.monotonic() - began)
        seconds = time.monotonic() - began
        if result["error"]:
            return _unhandled(request_id, result["error"], seconds)
        return Invocation(request_id=request_id, payload=json.loads(payload), seconds=seconds)

    def end(self) -> None:
        """Kill the process group. Only the first call has an effect: the process name may be reused by a later instance."""
        with self._ending:
            if self._stopped:
                return
            self._stopped = self.ended = True
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._supervisor.stop(self.name)
            self._shut_channel()

    def close(self) -> None:
        """Close the channel. To be called by the thread that used it last."""
        self._channel.close()

    def _start(self, account: LocalAccount, theirs: socket.socket) -> ManagedProcess:
        stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{self.name}"
        limit = str(self._definition.address_space_bytes)
        return self._supervisor.start(
            self.name,
            [sys.executable, "-P", "-s", "-S", str(WORKER), str(theirs.fileno()), limit],
            environment=self._definition.environment(account, stream),
            cwd=self._definition.task_root,
            pass_fds=[theirs.fileno()],
            stop_signal=signal.SIGKILL,  # Lambda kills at a timeout, and an idle worker has nothing to save.
            on_exit=self._exited,
        )

    def _exited(self, _status: int) -> None:
        self.ended = True
        # A child process of the handler may hold the other end open, so a read would not see the end of the stream.
        self._shut_channel()
        self._on_exit(self)

    def _shut_channel(self) -> None:
        with contextlib.suppress(OSError):
            self._channel.shutdown(socket.SHUT_RDWR)

    def _send(self, header: dict[str, Any], payload: bytes, deadline: float) -> None:
        encoded = json.dumps(header).encode()
        self._channel.settimeout(max(0.001, deadline - time.monotonic()))
        try:
            self._channel.sendall(LENGTH.pack(len(encoded)) + encoded + LENGTH.pack(len(payload)) + payload)
        except TimeoutError:
            raise
        except OSError as error:
            raise InstanceEndedError from error

    def _receive(self, deadline: float) -> tuple[dict[str, Any], bytes]:
        header: dict[str, Any] = json.loads(self._frame(deadline))
        return header, self._frame(deadline)

    def _frame(self, deadline: float) -> bytes:
        size: int = LENGTH.unpack(self._exactly(LENGTH.size, deadline))[0]
        return self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytes:
        received = bytearray()
        while len(received) < size:
            if (remaining := deadline - time.monotonic()) <= 0:
                raise TimeoutError
            self._channel.settimeout(remaining)
            try:
                piece = self._channel.recv(min(size - len(received), 1 << 20))
            except TimeoutError:
                raise
            except OSError as error:
                raise InstanceEndedError from error
            if not piece:
                raise InstanceEndedError
            received += piece
        return bytes(received)

    def _timed_out(self, request_id: str, message: str, seconds: float) -> Invocation:
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        milliseconds = seconds * 1000
        self._log(
            f"{now} {request_id} {message}",
            f"END RequestId: {request_id}",
            f"REPORT RequestId: {request_id}\tDuration: {milliseconds:.2f} ms\tBilled Duration: {milliseconds:.0f} ms"
            f"\tMemory Size: {self._definition.memory_megabytes} MB\tStatus: timeout",
        )
        detail = f"RequestId: {request_id} Error: {message}"
        error = FunctionError(type="Timeout", message=message)
        return Invocation.failed(request_id, error, kind="Sandbox.Timedout", detail=detail, seconds=seconds)

    def _crashed(self, request_id: str, seconds: float) -> Invocation:
        message = _exit_message(self._exit_status())
        self._log(f"RequestId: {request_id} Error: {message}", f"END RequestId: {request_id}")
        detail = f"RequestId: {request_id} Error: {message}"
        error = FunctionError(type="Crashed", message=message)
        return Invocation.failed(request_id, error, kind="Runtime.ExitError", detail=detail, seconds=seconds)

    def _exit_status(self) -> int:
        # A process that closed the channel but still runs gets a short time for an orderly exit, and is then killed.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)
        self.end()
        return self._process.wait(EXIT_SECONDS)

    def _log(self, *lines: str) -> None:
        """Append the lines that Lambda writes to the function's log when the process could not report its end."""
        with self._process.log.open("a") as log:
            log.write("".join(f"{line}\n" for line in lines))


def _unhandled(request_id: str, error: dict[str, Any], seconds: float) -> Invocation:
    kind, message = str(error["errorType"]), str(error["errorMessage"])
    return Invocation.failed(
        request_id,
        FunctionError(type="Unhandled", message=f"{kind}: {message}", trace=tuple(error["stackTrace"])),
        kind=kind,
        detail=message,
        seconds=seconds,
    )


def _exit_message(status: int) -> str:
    """Return Lambda's message for a runtime that ended with this status."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"Runtime exited with error: exit status {status}"
