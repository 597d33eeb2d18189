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
# Lambda gives loading ten seconds and then starts over within the invocation; a busy machine gets more, and no second try.
INIT_SECONDS = 60.0
# How long a process whose channel has closed may take to be gone.
EXIT_SECONDS = 2.0


class InstanceEndedError(Exception):
    """The worker's end of the channel is closed."""


class FunctionInstance:
    """Starts its process at once, without waiting for the handler to load. Used by one thread at a time; `end` may come from
    any. Raises ProcessFailedError when the process cannot be started.
    """

    def __init__(
        self,
        definition: FunctionDefinition,
        number: int,
        account: LocalAccount,
        supervisor: Supervisor,
        on_exit: Callable[["FunctionInstance"], None],
    ) -> None:
        """`on_exit` is called, from another thread, when the process ends unasked."""
        self.number, self.ended = number, False
        self.name = f"function-{definition.name}-{number}"
        self._definition, self._supervisor, self._on_exit = definition, supervisor, on_exit
        self._ready = self._forgotten = False
        self._ending = threading.Lock()
        self._channel, theirs = socket.socketpair()
        with theirs:
            try:
                self._process = self._start(account, theirs)
            except BaseException:
                self._channel.close()
                raise

    @property
    def alive(self) -> bool:
        """Whether its process runs, asked between two events.

        A killed process is a zombie while its last threads still hold the channel open, and the channel is closed while nobody
        has noticed the end yet: either tells.
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
        """Waits until the handler is loaded. Returns None, or what an invocation answers when it cannot be."""
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
        """Gives the event (JSON) to the handler and waits for its answer, at most for the function's timeout."""
        if failed := self.wait_until_ready(request_id):
            return failed
        timeout = self._definition.timeout_seconds
        header = {"request_id": request_id, "function_arn": self._definition.arn, "timeout_seconds": timeout}
        began = time.monotonic()
        try:
            self._send(header, event, began + timeout)
            answer, payload = self._receive(began + timeout)
        except TimeoutError:
            self.end()
            return self._timed_out(request_id, f"Task timed out after {timeout:.2f} seconds", timeout)
        except InstanceEndedError:
            return self._crashed(request_id, time.monotonic() - began)
        seconds = time.monotonic() - began
        if answer["error"]:
            return _unhandled(request_id, answer["error"], seconds)
        return Invocation(request_id=request_id, payload=json.loads(payload), seconds=seconds)

    def end(self) -> None:
        """Kills the process, and what the handler started with it. Once: the name may be a later instance's by then."""
        with self._ending:
            if self._forgotten:
                return
            self._forgotten = self.ended = True
            if self._process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(self._process.pid, signal.SIGKILL)
            self._supervisor.stop(self.name)
            self._shut_channel()

    def close(self) -> None:
        """Gives the channel back to the system. For the thread that used it last."""
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
            stop_signal=signal.SIGKILL,  # a timeout is no request, and an idle worker has nothing to save
            on_exit=self._exited,
        )

    def _exited(self, _status: int) -> None:
        self.ended = True
        # A child of the handler may hold the other end open, so its closing alone cannot be relied on.
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
        message = _exit_in_words(self._exit_status())
        self._log(f"RequestId: {request_id} Error: {message}", f"END RequestId: {request_id}")
        detail = f"RequestId: {request_id} Error: {message}"
        error = FunctionError(type="Crashed", message=message)
        return Invocation.failed(request_id, error, kind="Runtime.ExitError", detail=detail, seconds=seconds)

    def _exit_status(self) -> int:
        # A handler that closed the channel but runs on is given the moment that an orderly exit takes, and then ended.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)
        self.end()
        return self._process.wait(EXIT_SECONDS)

    def _log(self, *lines: str) -> None:
        """Lines that Lambda, not the handler, writes about an end that the worker could not report itself."""
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


def _exit_in_words(status: int) -> str:
    """Lambda's words for how a runtime ended."""
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        return f"Runtime exited with error: signal: {(signal.strsignal(-status) or str(-status)).lower()}"
    return f"Runtime exited with error: exit status {status}"
