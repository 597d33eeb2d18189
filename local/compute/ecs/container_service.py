"""One ECS service on this machine: it keeps its desired number of tasks running and registered as targets."""

import logging
import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local import ports
from local.compute.ecs.container_task import ContainerTask
from local.compute.elbv2.load_balancers import LoadBalancers
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

# The time limit for reaching a steady state. The AWS provider waits 20 minutes, which is too long for a local start.
STEADY_STATE_SECONDS = 180.0
# The interval at which a task's health is read. Its end is noticed immediately.
POLL_SECONDS = 0.1
# The wait before a failed task is replaced; it doubles until a task has been healthy.
FIRST_BACKOFF_SECONDS = 0.5
MAX_BACKOFF_SECONDS = 30.0
# ECS's deployment circuit breaker opens after half the desired count of consecutive failures, within these bounds.
MIN_FAILURES, MAX_FAILURES = 3, 200

logger = logging.getLogger(__name__)

# Starts a task: process name, port, and a callback for its end.
Launch = Callable[[str, int, Callable[[], None]], ContainerTask]


@dataclass(frozen=True, kw_only=True)
class ServiceDefinition:
    """A registered service. `target_groups` are the ARNs of the target groups of its tasks."""

    urn: str
    name: str
    desired_count: int
    target_groups: tuple[str, ...]
    grace_seconds: float
    has_circuit_breaker: bool
    waits_for_steady_state: bool

    @property
    def failure_threshold(self) -> int:
        """The number of consecutive failed tasks at which the circuit breaker opens."""
        return min(MAX_FAILURES, max(MIN_FAILURES, math.ceil(self.desired_count / 2)))


@dataclass(eq=False)
class Slot:
    """The process name and the port of one task and of its replacements."""

    name: str
    port: int
    task: ContainerTask | None = None
    problem: str = "has not started yet"
    healthy: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


class ContainerService:
    """A running service: a task that exits or becomes unhealthy is replaced, with exponential backoff.

    Before a task is stopped, it is deregistered as a target, and its requests in progress are finished.
    """

    def __init__(self, definition: ServiceDefinition, launch: Launch, balancers: LoadBalancers) -> None:
        self.definition = definition
        self._launch, self._balancers = launch, balancers
        self._slots = [
            Slot(f"container-{definition.name}-{number}", ports.free_port())
            for number in range(1, definition.desired_count + 1)
        ]
        self._threads = [
            threading.Thread(target=self._run_slot, args=(slot,), name=slot.name, daemon=True) for slot in self._slots
        ]
        self._changed = threading.Condition()
        self._closing, self._deployed = False, not self._slots
        self._failures, self._last_failure = 0, ""

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the tasks' processes."""
        return tuple(slot.name for slot in self._slots)

    def start(self) -> None:
        """Start the tasks, without waiting for them."""
        for thread in self._threads:
            thread.start()

    def wait_until_steady(self) -> None:
        """Wait until every task is healthy.

        Raises:
            RegistrationError: The circuit breaker opened, the time limit passed, or the service was closed. The message
                contains the end of a task's log.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._deployed or self._is_breaker_open or self._closing, STEADY_STATE_SECONDS
            )
            if self._deployed:
                return
            if self._is_breaker_open:
                why = f"{self._failures} tasks failed in a row; the last: {self._last_failure}"
            elif self._closing:
                why = "it was stopped while it started"
            else:
                waiting = next(slot for slot in self._slots if not slot.healthy)
                why = f"not every task became healthy within {STEADY_STATE_SECONDS:g} s: {_describe(waiting)}"
        raise RegistrationError(self.definition.urn, f"{self.definition.name}: {why}")

    def close(self) -> None:
        """Stop every task after its requests in progress. May be called more than once."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for slot in self._slots:
            slot.wake.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    @property
    def _is_breaker_open(self) -> bool:
        """Whether the circuit breaker has opened, which happens only before the first steady state."""
        too_many = self._failures >= self.definition.failure_threshold
        return self.definition.has_circuit_breaker and not self._deployed and too_many

    def _run_slot(self, slot: Slot) -> None:
        backoff = 0.0
        while not self._closing and not self._is_breaker_open:
            if backoff and self._wait_or_close(slot, backoff):
                return
            failure = self._run_task(slot)
            if failure is None:
                return
            with self._changed:
                # A task that was healthy is replaced without a wait.
                backoff = 0.0 if slot.healthy else min(max(backoff * 2, FIRST_BACKOFF_SECONDS), MAX_BACKOFF_SECONDS)
                self._failures += 0 if slot.healthy else 1
                slot.healthy, self._last_failure = False, failure
                self._changed.notify_all()
            logger.warning("task_replaced", extra={"task": slot.name, "reason": failure.partition("\n")[0]})

    def _wait_or_close(self, slot: Slot, seconds: float) -> bool:
        """Wait; return True if the service was closed meanwhile."""
        deadline = time.monotonic() + seconds
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            slot.wake.wait(left)
            slot.wake.clear()
        return self._closing

    def _run_task(self, slot: Slot) -> str | None:
        """Run one task to its end. Return why it failed, or None if the service was closed."""
        slot.wake.clear()
        if self._closing:
            return None
        try:
            task = slot.task = self._launch(slot.name, slot.port, slot.wake.set)
        except LocalPlatformError as error:
            slot.problem = f"cannot be started: {error.message}"
            return _describe(slot)
        try:
            for arn in self.definition.target_groups:
                self._balancers.add_target(arn, task.address, task.port)
            return _describe(slot) if self._watch(slot, task) else None
        finally:
            slot.task = None
            for arn in self.definition.target_groups:
                self._balancers.remove_target(arn, task.address, task.port)
            task.stop()

    def _watch(self, slot: Slot, task: ContainerTask) -> bool:
        """Wait until the task must be replaced (True) or the service is closed (False)."""
        while not self._closing:
            if (status := task.poll()) is not None:
                slot.problem = f"exited with status {status}"
                return True
            if task.check_state == "unhealthy":
                slot.problem = "fails its container health check"
                return True
            found = [
                self._balancers.target_health(arn, task.address, task.port) for arn in self.definition.target_groups
            ]
            slot.problem = "has not passed its container health check yet"
            for health in filter(None, found):
                if health.problem:
                    slot.problem = f"fails the load balancer's health check: {health.problem}"
                if health.state == "unhealthy" and time.monotonic() - task.started_at >= self.definition.grace_seconds:
                    return True
            if task.check_state == "healthy" and all(health and health.state == "healthy" for health in found):
                self._mark_healthy(slot)
            slot.wake.wait(POLL_SECONDS)
        return False

    def _mark_healthy(self, slot: Slot) -> None:
        with self._changed:
            if slot.healthy:
                return
            slot.healthy, self._failures = True, 0
            self._deployed = self._deployed or all(each.healthy for each in self._slots)
            self._changed.notify_all()


def _describe(slot: Slot) -> str:
    """Return what is wrong with a slot, and the end of its task's log."""
    task = slot.task  # read once, because the slot's thread may reset it
    log = f"; its log ends with:\n{task.log_tail()}" if task else ""
    return f"{slot.name} {slot.problem}{log}"


def read_service(registration: Registration, balancers: LoadBalancers) -> ServiceDefinition:
    """Read an aws:ecs/service:Service.

    Raises:
        RegistrationError: An input is not supported on this machine, or a target group has no listener yet.
    """
    inputs, urn = registration.inputs, registration.urn
    if (strategy := inputs.get("schedulingStrategy") or "REPLICA") != "REPLICA":
        raise RegistrationError(urn, f"schedulingStrategy: {strategy} is not supported on this machine, only REPLICA")
    if (controller := (inputs.get("deploymentController") or {}).get("type") or "ECS") != "ECS":
        raise RegistrationError(urn, f"deploymentController: {controller} is not supported on this machine, only ECS")
    return ServiceDefinition(
        urn=urn,
        name=str(inputs.get("name") or registration.name),
        desired_count=int(inputs.get("desiredCount") or 0),
        target_groups=tuple(_target_group(urn, each, balancers) for each in inputs.get("loadBalancers") or ()),
        grace_seconds=float(inputs.get("healthCheckGracePeriodSeconds") or 0),
        has_circuit_breaker=bool((inputs.get("deploymentCircuitBreaker") or {}).get("enable")),
        waits_for_steady_state=bool(inputs.get("waitForSteadyState")),
    )


def _target_group(urn: str, attachment: Mapping[str, Any], balancers: LoadBalancers) -> str:
    arn = str(attachment.get("targetGroupArn") or "")
    if not balancers.has_listener(arn):
        # AWS rejects this too, but only if the resources happen to be created in this order.
        raise RegistrationError(
            urn,
            f"loadBalancers.targetGroupArn: no listener forwards to {arn or 'none'} yet; let the service depend on the listener",
        )
    return arn
