"""Target groups: the targets of a load balancer and their health."""

import asyncio
import contextlib
import logging
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import httpx

from local.errors import RegistrationError
from local.provider.protocol import Registration

TargetState = Literal["initial", "healthy", "unhealthy", "draining"]

# The maximum interval between two health checks, whatever is registered: checks are cheap on one machine. Thresholds are as
# registered.
MAX_INTERVAL_SECONDS = 1.0
# The maximum interval until the first success, so that a new target receives requests as soon as it can.
MAX_FIRST_INTERVAL_SECONDS = 0.2
# The minimum time that a target has until its first success, whatever is registered: this machine may be slow.
MIN_START_SECONDS = 30.0
MATCHER = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """The health check of a target group. `statuses` holds the first and the last of each range of healthy statuses."""

    path: str
    statuses: tuple[tuple[int, int], ...]
    interval_seconds: float
    timeout_seconds: float
    healthy_threshold: int
    unhealthy_threshold: int

    def accepts(self, status: int) -> bool:
        """Whether a response with this status is a success."""
        return any(first <= status <= last for first, last in self.statuses)


@dataclass(frozen=True, kw_only=True)
class TargetGroupSettings:
    """A registered target group."""

    arn: str
    least_outstanding: bool
    deregistration_delay_seconds: float
    check: HealthCheck


@dataclass(frozen=True, kw_only=True)
class TargetHealth:
    """The state of a target, and the problem that the last health check found (empty after a success)."""

    state: TargetState
    problem: str = ""


@dataclass(eq=False)
class Target:
    """A target, its state and its requests in progress."""

    address: str
    port: int
    state: TargetState = "initial"
    problem: str = ""
    in_flight: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    checks: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.idle.set()

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self.address}:{self.port}"

    @contextlib.contextmanager
    def track_request(self) -> Iterator[None]:
        """Count a request as in progress, so that draining waits for its end."""
        self.in_flight += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.in_flight -= 1
            if self.in_flight == 0:
                self.idle.set()


class TargetGroup:
    """The targets of one group. All methods but `health` run on the load balancers' event loop.

    A target's first success makes it healthy, as on AWS. Until then it becomes unhealthy no sooner than it would there
    (threshold times the registered interval). Unlike on AWS, a group without a healthy target gets no requests; there all of
    its targets would get them.
    """

    def __init__(self, settings: TargetGroupSettings, client: httpx.AsyncClient) -> None:
        self.settings, self._client = settings, client
        self._targets: list[Target] = []
        self._next = 0

    async def add(self, address: str, port: int) -> None:
        """Register a target and begin its health checks. A target that is registered already is left unchanged."""
        if self._find(address, port) is None:
            target = Target(address, port)
            target.checks = asyncio.get_running_loop().create_task(self._check(target))
            self._targets.append(target)

    async def remove(self, address: str, port: int) -> None:
        """Deregister a target and wait for its requests in progress, at most for the deregistration delay."""
        if (target := self._find(address, port)) is None:
            return
        await _end_checks(target)
        target.state = "draining"
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.settings.deregistration_delay_seconds):
                await target.idle.wait()
        if target in self._targets:
            self._targets.remove(target)

    async def close(self) -> None:
        """End the health checks and remove all targets."""
        targets, self._targets = self._targets, []
        for target in targets:
            await _end_checks(target)

    def health(self, address: str, port: int) -> TargetHealth | None:
        """Return the health of a target, or None if it is not registered. May be called from any thread."""
        target = self._find(address, port)
        return None if target is None else TargetHealth(state=target.state, problem=target.problem)

    def choose(self) -> Target | None:
        """Return a healthy target by the registered algorithm, or None if there is none."""
        healthy = [target for target in self._targets if target.state == "healthy"]
        if not healthy:
            return None
        self._next += 1
        turn = self._next % len(healthy)
        in_turn = healthy[turn:] + healthy[:turn]
        if self.settings.least_outstanding:
            return min(in_turn, key=lambda target: target.in_flight)
        return in_turn[0]

    def _find(self, address: str, port: int) -> Target | None:
        # Over a copy: another thread may be reading while the loop changes the list.
        return next((each for each in list(self._targets) if (each.address, each.port) == (address, port)), None)

    async def _check(self, target: Target) -> None:
        check = self.settings.check
        registered_seconds = check.interval_seconds * check.unhealthy_threshold
        start_deadline = time.monotonic() + max(registered_seconds, MIN_START_SECONDS)
        successes = failures = 0
        while True:
            target.problem = await self._find_problem(target)
            if not target.problem:
                successes, failures = successes + 1, 0
                if target.state == "initial" or successes >= check.healthy_threshold:
                    self._set_state(target, "healthy")
            else:
                successes, failures = 0, failures + 1
                is_starting = target.state == "initial" and time.monotonic() < start_deadline
                if failures >= check.unhealthy_threshold and not is_starting:
                    self._set_state(target, "unhealthy")
            limit = MAX_FIRST_INTERVAL_SECONDS if target.state == "initial" else MAX_INTERVAL_SECONDS
            await asyncio.sleep(min(check.interval_seconds, limit))

    async def _find_problem(self, target: Target) -> str:
        """Send a health check; return what is wrong with the target, or an empty string."""
        check = self.settings.check
        headers = {"user-agent": "ELB-HealthChecker/2.0", "connection": "close"}
        try:
            async with (
                asyncio.timeout(check.timeout_seconds),
                self._client.stream("GET", target.url + check.path, headers=headers) as response,
            ):
                return "" if check.accepts(response.status_code) else f"status {response.status_code}"
        except TimeoutError:
            return f"no response within {check.timeout_seconds:g} s"
        except httpx.TransportError as error:
            return f"no response: {str(error) or type(error).__name__}"

    def _set_state(self, target: Target, state: TargetState) -> None:
        if target.state == state:
            return
        target.state = state
        level = logging.WARNING if state == "unhealthy" else logging.INFO
        logger.log(
            level, "target_state_changed", extra={"target": target.url, "state": state, "problem": target.problem}
        )


async def _end_checks(target: Target) -> None:
    if target.checks is not None:
        target.checks.cancel()
        await asyncio.wait([target.checks])
        target.checks = None


def read_settings(registration: Registration) -> TargetGroupSettings:
    """Read an aws:lb/targetGroup:TargetGroup.

    Raises:
        RegistrationError: An input is not supported on this machine.
    """
    inputs, urn = registration.inputs, registration.urn
    for name, supported in (("targetType", "ip"), ("protocol", "HTTP"), ("protocolVersion", "HTTP1")):
        if (given := inputs.get(name) or supported) != supported:
            raise RegistrationError(urn, f"{name}: {given} is not supported on this machine, only {supported}")
    if (inputs.get("stickiness") or {}).get("enabled"):
        raise RegistrationError(urn, "stickiness: not supported on this machine")
    if inputs.get("slowStart"):
        raise RegistrationError(urn, "slowStart: not supported on this machine")
    algorithm = inputs.get("loadBalancingAlgorithmType") or "round_robin"
    if algorithm not in ("round_robin", "least_outstanding_requests"):
        raise RegistrationError(urn, f"loadBalancingAlgorithmType: {algorithm} is not supported on this machine")
    delay = inputs.get("deregistrationDelay")
    return TargetGroupSettings(
        arn=str(registration.outputs.get("arn") or registration.id),
        least_outstanding=algorithm == "least_outstanding_requests",
        deregistration_delay_seconds=300.0 if delay is None else float(delay),
        check=_read_check(registration),
    )


def _read_check(registration: Registration) -> HealthCheck:
    """Read the health check, with AWS's defaults for application load balancers."""
    given, urn = registration.inputs.get("healthCheck") or {}, registration.urn
    if (protocol := given.get("protocol") or "HTTP") != "HTTP":
        raise RegistrationError(urn, f"healthCheck.protocol: {protocol} is not supported on this machine, only HTTP")
    if (port := str(given.get("port") or "traffic-port")) != "traffic-port":
        raise RegistrationError(urn, f"healthCheck.port: {port} is not supported on this machine, only traffic-port")
    if not (path := str(given.get("path") or "/")).startswith("/"):
        raise RegistrationError(urn, f"healthCheck.path: must begin with a slash, not {path!r}")
    matcher = str(given.get("matcher") or "200")
    if not MATCHER.fullmatch(matcher):
        raise RegistrationError(
            urn, f"healthCheck.matcher: must be a list of statuses such as 200,202 or 200-299, not {matcher!r}"
        )
    ranges = [part.partition("-") for part in matcher.split(",")]
    return HealthCheck(
        path=path,
        statuses=tuple((int(first), int(last or first)) for first, _, last in ranges),
        interval_seconds=float(given.get("interval") or 30),
        timeout_seconds=float(given.get("timeout") or 5),
        healthy_threshold=int(given.get("healthyThreshold") or 5),
        unhealthy_threshold=int(given.get("unhealthyThreshold") or 2),
    )
