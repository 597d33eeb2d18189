"""One ECS service on this machine: as many healthy tasks as it desires, and the load balancer told of them."""

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

# How long a service may take to its steady state. The provider of AWS waits 20 minutes, a person at a terminal does not.
STEADY_SECONDS = 180.0
# How long a task's state is left unread; its end is told at once.
LOOK_AWAY_SECONDS = 0.1
# Before a task is started in the place of one that failed; the waits double until one has been healthy.
FIRST_BACKOFF_SECONDS = 0.5
LONGEST_BACKOFF_SECONDS = 30.0
# ECS's circuit breaker opens after half as many failures in a row as tasks are desired, within these bounds.
FEWEST_FAILURES, MOST_FAILURES = 3, 200

logger = logging.getLogger(__name__)

# Starts the task of a process name and a port; the callable is told of its end.
Launch = Callable[[str, int, Callable[[], None]], ContainerTask]


@dataclass(frozen=True, kw_only=True)
class ServiceDefinition:
    """A service as registered. `target_groups` are the ARNs of the groups that its tasks belong to."""

    urn: str
    name: str
    desired_count: int
    target_groups: tuple[str, ...]
    grace_seconds: float
    has_circuit_breaker: bool
    waits_for_steady_state: bool

    @property
    def tolerated_failures(self) -> int:
        """How many tasks in a row may fail before the first deployment is given up."""
        return min(MOST_FAILURES, max(FEWEST_FAILURES, math.ceil(self.desired_count / 2)))


@dataclass(eq=False)
class Slot:
    """The place of one task: the process name and the port that the tasks in it have one after another."""

    name: str
    port: int
    task: ContainerTask | None = None
    problem: str = "has not started yet"
    healthy: bool = False
    wake: threading.Event = field(default_factory=threading.Event)


class ContainerService:
    """Keeps its tasks: one that ends, or that a health check gives up, is replaced, after a wait that doubles.

    A task gets no new requests before it is stopped, and finishes those that it has.
    """

    def __init__(self, definition: ServiceDefinition, launch: Launch, balancers: LoadBalancers) -> None:
        self.definition = definition
        self._launch, self._balancers = launch, balancers
        self._slots = [
            Slot(f"container-{definition.name}-{number}", ports.free_port())
            for number in range(1, definition.desired_count + 1)
        ]
        self._threads = [
            threading.Thread(target=self._keep, args=(slot,), name=slot.name, daemon=True) for slot in self._slots
        ]
        self._changed = threading.Condition()
        self._closing, self._deployed = False, not self._slots
        self._failures, self._last_failure = 0, ""

    @property
    def process_names(self) -> tuple[str, ...]:
        return tuple(slot.name for slot in self._slots)

    def start(self) -> None:
        """Starts the tasks; returns before they run."""
        for thread in self._threads:
            thread.start()

    def wait_until_steady(self) -> None:
        """Returns when every task is healthy. Raises RegistrationError, with the end of a task's log, when the circuit breaker
        opens, the time is up, or the service is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._deployed or self._given_up or self._closing, STEADY_SECONDS)
            if self._deployed:
                return
            if self._given_up:
                why = f"{self._failures} tasks in a row failed; the last: {self._last_failure}"
            elif self._closing:
                why = "it was ended while it started"
            else:
                waiting = next(slot for slot in self._slots if not slot.healthy)
                why = f"not every task became healthy within {STEADY_SECONDS:g} s: {_told(waiting)}"
        raise RegistrationError(self.definition.urn, f"{self.definition.name}: {why}")

    def close(self) -> None:
        """Ends every task, each after the requests that it has. May be called again."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for slot in self._slots:
            slot.wake.set()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    @property
    def _given_up(self) -> bool:
        """Whether the circuit breaker has opened: it does so only for a service that was never steady."""
        too_many = self._failures >= self.definition.tolerated_failures
        return self.definition.has_circuit_breaker and not self._deployed and too_many

    def _keep(self, slot: Slot) -> None:
        backoff = 0.0
        while not self._closing and not self._given_up:
            if backoff and self._pauses(slot, backoff):
                return
            failure = self._run_task(slot)
            if failure is None:
                return
            with self._changed:
                # The first replacement of a task that was well comes at once.
                backoff = 0.0 if slot.healthy else min(max(backoff * 2, FIRST_BACKOFF_SECONDS), LONGEST_BACKOFF_SECONDS)
                self._failures += 0 if slot.healthy else 1
                slot.healthy, self._last_failure = False, failure
                self._changed.notify_all()
            logger.warning("task_replaced", extra={"task": slot.name, "reason": failure.partition("\n")[0]})

    def _pauses(self, slot: Slot, seconds: float) -> bool:
        """Waits; True when the service is closing meanwhile."""
        deadline = time.monotonic() + seconds
        while not self._closing and (left := deadline - time.monotonic()) > 0:
            slot.wake.wait(left)
            slot.wake.clear()
        return self._closing

    def _run_task(self, slot: Slot) -> str | None:
        """Runs one task to its end. Returns why it ended; None when it was to end."""
        slot.wake.clear()
        if self._closing:
            return None
        try:
            task = slot.task = self._launch(slot.name, slot.port, slot.wake.set)
        except LocalPlatformError as error:
            slot.problem = f"cannot be started: {error.message}"
            return _told(slot)
        try:
            for arn in self.definition.target_groups:
                self._balancers.add_target(arn, task.address, task.port)
            return _told(slot) if self._watch(slot, task) else None
        finally:
            slot.task = None
            for arn in self.definition.target_groups:
                self._balancers.remove_target(arn, task.address, task.port)
            task.stop()

    def _watch(self, slot: Slot, task: ContainerTask) -> bool:
        """Returns True when the task has to be replaced, and False when the service closes."""
        while not self._closing:
            if (status := task.ended()) is not None:
                slot.problem = f"ended with status {status}"
                return True
            if task.check_state == "unhealthy":
                slot.problem = "fails its own health check"
                return True
            found = [
                self._balancers.target_health(arn, task.address, task.port) for arn in self.definition.target_groups
            ]
            slot.problem = "has not passed its own health check yet"
            for health in filter(None, found):
                if health.problem:
                    slot.problem = f"fails the load balancer's health check: {health.problem}"
                if health.state == "unhealthy" and time.monotonic() - task.began >= self.definition.grace_seconds:
                    return True
            if task.check_state == "healthy" and all(health and health.state == "healthy" for health in found):
                self._note_health(slot)
            slot.wake.wait(LOOK_AWAY_SECONDS)
        return False

    def _note_health(self, slot: Slot) -> None:
        with self._changed:
            if slot.healthy:
                return
            slot.healthy, self._failures = True, 0
            self._deployed = self._deployed or all(each.healthy for each in self._slots)
            self._changed.notify_all()


def _told(slot: Slot) -> str:
    """What is wrong with a slot, and the end of its task's log."""
    task = slot.task  # read once: its thread may be done with it
    log = f"; its log ends with:\n{task.log_tail()}" if task else ""
    return f"{slot.name} {slot.problem}{log}"


def read_service(registration: Registration, balancers: LoadBalancers) -> ServiceDefinition:
    """Reads an aws:ecs/service:Service. Raises RegistrationError, with the input's name, for what does not run on this machine."""
    inputs, urn = registration.inputs, registration.urn
    if (strategy := inputs.get("schedulingStrategy") or "REPLICA") != "REPLICA":
        raise RegistrationError(urn, f"schedulingStrategy: {strategy} does not run on this machine, only REPLICA")
    if (controller := (inputs.get("deploymentController") or {}).get("type") or "ECS") != "ECS":
        raise RegistrationError(urn, f"deploymentController: {controller} does not run on this machine, only ECS")
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
    if not balancers.is_reachable(arn):
        # AWS refuses this too, and only for whoever is unlucky with the order: the service has to depend on the listener.
        raise RegistrationError(
            urn, f"loadBalancers.targetGroupArn: no listener sends to {arn or 'none'} yet; let the service depend on it"
        )
    return arn
