"""The instances of one function: idle ones are reused, more are started on demand, up to its concurrency."""

import json
import logging
import threading
import time
import uuid
from typing import Any

from local.account import LocalAccount
from local.compute.lambda_.function_definition import FunctionDefinition
from local.compute.lambda_.function_instance import FunctionInstance
from local.compute.lambda_.invocations import FunctionError, Invocation
from local.errors import ProcessFailedError
from local.supervisor import Supervisor

# Lambda's limit for the event of a synchronous invocation.
MAXIMUM_EVENT_BYTES = 6_291_556
# An instance that becomes idle within this time responds sooner than a new one could load.
WARM_PREFERENCE_SECONDS = 0.05
# How long an event waits for an instance. Beyond reserved concurrency AWS would throttle immediately; beyond the local limit it
# would start another instance.
RESERVED_WAIT_SECONDS = 1.0
LOCAL_WAIT_SECONDS = 10.0

logger = logging.getLogger(__name__)


class FunctionPool:
    """A thread-safe pool of instances. After `close` every invocation fails with the error type `Crashed`."""

    def __init__(self, definition: FunctionDefinition, account: LocalAccount, supervisor: Supervisor) -> None:
        self.definition = definition
        self._account, self._supervisor = account, supervisor
        self._changed = threading.Condition()
        self._idle: list[FunctionInstance] = []
        self._instances: dict[int, FunctionInstance] = {}
        self._closed = False

    def invoke(self, event: Any) -> Invocation:
        """Run the handler with one event (a JSON value) and wait for the result."""
        request_id = str(uuid.uuid4())
        payload = json.dumps(event).encode()
        if len(payload) > MAXIMUM_EVENT_BYTES:
            return _too_large(request_id, len(payload))
        try:
            instance = self._acquire()
        except ProcessFailedError as error:
            return Invocation(request_id=request_id, error=FunctionError(type="Crashed", message=error.message))
        if instance is None:
            message = f"Rate Exceeded: all {self.definition.concurrency} instances of {self.definition.name} are busy"
            return Invocation(request_id=request_id, error=FunctionError(type="Throttled", message=message))
        try:
            return instance.invoke(request_id, payload)
        finally:
            self._release(instance)

    def close(self) -> None:
        """Kill every instance, busy or idle."""
        with self._changed:
            self._closed = True
            instances, idle = list(self._instances.values()), list(self._idle)
            self._idle.clear()
            self._changed.notify_all()
        for instance in instances:
            instance.end()
        for instance in idle:
            self._remove(instance)

    def _acquire(self) -> FunctionInstance | None:
        """Return an instance for one event, or None if none became idle in time."""
        reserved = self.definition.reserved_concurrency is not None
        deadline = time.monotonic() + (RESERVED_WAIT_SECONDS if reserved else LOCAL_WAIT_SECONDS)
        with self._changed:
            if self._instances and not self._idle:
                self._changed.wait_for(lambda: self._idle or self._closed, WARM_PREFERENCE_SECONDS)
            while not self._closed:
                if self._idle:
                    instance = self._idle.pop()
                    if instance.is_alive:
                        return instance
                    # Its process has just ended, and the exit callback has not run yet.
                    self._remove(instance)
                    continue
                if len(self._instances) < self.definition.concurrency:
                    return self._start()
                if (remaining := deadline - time.monotonic()) <= 0 or not self.definition.concurrency:
                    return None
                self._changed.wait(remaining)
        raise ProcessFailedError(f"function {self.definition.name}: the platform is stopping")

    def _start(self) -> FunctionInstance:
        # The lock is held, so no two instances get the same number; starting does not wait for the handler to load.
        number = next(number for number in range(1, len(self._instances) + 2) if number not in self._instances)
        instance = FunctionInstance(self.definition, number, self._account, self._supervisor, self._discard_idle)
        self._instances[number] = instance
        logger.info("function_instance_started", extra={"function": self.definition.name, "instance": instance.name})
        return instance

    def _release(self, instance: FunctionInstance) -> None:
        with self._changed:
            if not (instance.ended or self._closed):
                self._idle.append(instance)
                self._changed.notify()
                return
        self._remove(instance)

    def _discard_idle(self, instance: FunctionInstance) -> None:
        """Remove an idle instance whose process exited. A busy one is removed by the thread that waits for its result."""
        logger.warning("function_instance_ended", extra={"function": self.definition.name, "instance": instance.name})
        with self._changed:
            if instance not in self._idle:
                return
            self._idle.remove(instance)
        self._remove(instance)

    def _remove(self, instance: FunctionInstance) -> None:
        instance.end()
        instance.close()
        with self._changed:
            self._instances.pop(instance.number, None)
            self._changed.notify()


def _too_large(request_id: str, size: int) -> Invocation:
    message = (
        f"{size} byte payload is too large for the RequestResponse invocation type (limit {MAXIMUM_EVENT_BYTES} bytes)"
    )
    error = FunctionError(type="Unhandled", message=f"RequestEntityTooLargeException: {message}")
    return Invocation.failed(request_id, error, kind="RequestEntityTooLargeException", detail=message)
