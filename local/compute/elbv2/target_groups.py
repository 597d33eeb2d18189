"""Target groups: where a load balancer sends requests, and which of those places are healthy."""

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

# The longest wait between two checks, whatever is registered: one machine can ask more often. Thresholds hold as they are.
LONGEST_INTERVAL_SECONDS = 1.0
# As long as a target has not been healthy yet, it is asked so often: whoever waits for it should not wait longer than it takes.
FIRST_INTERVAL_SECONDS = 0.2
# What a target may take to its first success, whatever is registered: this machine may be slower than AWS's.
LEAST_PATIENCE_SECONDS = 30.0
MATCHER = re.compile(r"\d{3}(-\d{3})?(,\d{3}(-\d{3})?)*")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HealthCheck:
    """How targets are asked whether they are well. `statuses` holds the first and the last of each range."""

    path: str
    statuses: tuple[tuple[int, int], ...]
    interval_seconds: float
    timeout_seconds: float
    healthy_threshold: int
    unhealthy_threshold: int

    def accepts(self, status: int) -> bool:
        """Whether an answer with this status is a healthy one."""
        return any(first <= status <= last for first, last in self.statuses)


@dataclass(frozen=True, kw_only=True)
class TargetGroupSettings:
    """A target group as registered."""

    arn: str
    least_outstanding: bool
    deregistration_delay_seconds: float
    check: HealthCheck


@dataclass(frozen=True, kw_only=True)
class TargetHealth:
    """How a target is, and what the last check found wrong; nothing where it found it well."""

    state: TargetState
    problem: str = ""


@dataclass(eq=False)
class Target:
    """One place, its state, and how many requests it is at work on."""

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
        return f"http://{self.address}:{self.port}"

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Counts one request, so that draining waits for its end."""
        self.in_flight += 1
        self.idle.clear()
        try:
            yield
        finally:
            self.in_flight -= 1
            if self.in_flight == 0:
                self.idle.set()


class TargetGroup:
    """The targets of one group. Everything but reading a state happens on the load balancers' event loop.

    A target's first success makes it healthy, as on AWS; until then it fails no sooner than it would there (threshold times
    the registered interval), so that a slow start is no more of a fault here. Unlike on AWS, a group without any healthy target
    sends to none: there it would send to all of them.
    """

    def __init__(self, settings: TargetGroupSettings, client: httpx.AsyncClient) -> None:
        self.settings, self._client = settings, client
        self._targets: list[Target] = []
        self._next = 0

    async def add(self, address: str, port: int) -> None:
        """Begins to check a target; requests go there when it is healthy. One that is there already stays as it is."""
        if self._find(address, port) is None:
            target = Target(address, port)
            target.checks = asyncio.get_running_loop().create_task(self._check(target))
            self._targets.append(target)

    async def remove(self, address: str, port: int) -> None:
        """Sends nothing more there and waits for the requests at work, at most for the deregistration delay."""
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
        """Ends the checks and forgets the targets."""
        targets, self._targets = self._targets, []
        for target in targets:
            await _end_checks(target)

    def health(self, address: str, port: int) -> TargetHealth | None:
        """How a target is, from any thread; None for one that is not there."""
        target = self._find(address, port)
        return None if target is None else TargetHealth(state=target.state, problem=target.problem)

    def choose(self) -> Target | None:
        """The healthy target whose turn it is, or the one with the least to do where that is registered; None without any."""
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
        registered_patience = check.interval_seconds * check.unhealthy_threshold
        patience = time.monotonic() + max(registered_patience, LEAST_PATIENCE_SECONDS)
        successes = failures = 0
        while True:
            target.problem = await self._ask(target)
            if not target.problem:
                successes, failures = successes + 1, 0
                if target.state == "initial" or successes >= check.healthy_threshold:
                    self._become(target, "healthy")
            else:
                successes, failures = 0, failures + 1
                is_patient = target.state == "initial" and time.monotonic() < patience
                if failures >= check.unhealthy_threshold and not is_patient:
                    self._become(target, "unhealthy")
            longest = FIRST_INTERVAL_SECONDS if target.state == "initial" else LONGEST_INTERVAL_SECONDS
            await asyncio.sleep(min(check.interval_seconds, longest))

    async def _ask(self, target: Target) -> str:
        """What is wrong with a target; nothing when it is well."""
        check = self.settings.check
        headers = {"user-agent": "ELB-HealthChecker/2.0", "connection": "close"}
        try:
            async with (
                asyncio.timeout(check.timeout_seconds),
                self._client.stream("GET", target.url + check.path, headers=headers) as answer,
            ):
                return "" if check.accepts(answer.status_code) else f"status {answer.status_code}"
        except TimeoutError:
            return f"no answer within {check.timeout_seconds:g} s"
        except httpx.TransportError as error:
            return f"no answer: {str(error) or type(error).__name__}"

    def _become(self, target: Target, state: TargetState) -> None:
        if target.state == state:
            return
        target.state = state
        level = logging.WARNING if state == "unhealthy" else logging.INFO
        logger.log(level, "target_changed", extra={"target": target.url, "state": state, "problem": target.problem})


async def _end_checks(target: Target) -> None:
    if target.checks is not None:
        target.checks.cancel()
        await asyncio.wait([target.checks])
        target.checks = None


def read_settings(registration: Registration) -> TargetGroupSettings:
    """An aws:lb/targetGroup:TargetGroup. Raises RegistrationError for what is not served on this machine."""
    inputs, urn = registration.inputs, registration.urn
    for name, served in (("targetType", "ip"), ("protocol", "HTTP"), ("protocolVersion", "HTTP1")):
        if (given := inputs.get(name) or served) != served:
            raise RegistrationError(urn, f"{name}: {given} is not served on this machine, only {served}")
    if (inputs.get("stickiness") or {}).get("enabled"):
        raise RegistrationError(urn, "stickiness: every request goes to whichever target's turn it is here")
    if inputs.get("slowStart"):
        raise RegistrationError(urn, "slowStart: a healthy target gets its full share at once here")
    algorithm = inputs.get("loadBalancingAlgorithmType") or "round_robin"
    if algorithm not in ("round_robin", "least_outstanding_requests"):
        raise RegistrationError(urn, f"loadBalancingAlgorithmType: {algorithm} is not served on this machine")
    delay = inputs.get("deregistrationDelay")
    return TargetGroupSettings(
        arn=str(registration.outputs.get("arn") or registration.id),
        least_outstanding=algorithm == "least_outstanding_requests",
        deregistration_delay_seconds=300.0 if delay is None else float(delay),
        check=_read_check(registration),
    )


def _read_check(registration: Registration) -> HealthCheck:
    """The health check, with AWS's own defaults for an application load balancer."""
    given, urn = registration.inputs.get("healthCheck") or {}, registration.urn
    if (protocol := given.get("protocol") or "HTTP") != "HTTP":
        raise RegistrationError(urn, f"healthCheck.protocol: {protocol} is not served on this machine, only HTTP")
    if (port := str(given.get("port") or "traffic-port")) != "traffic-port":
        raise RegistrationError(
            urn, f"healthCheck.port: {port}: targets are asked at the port that serves, and only there"
        )
    if not (path := str(given.get("path") or "/")).startswith("/"):
        raise RegistrationError(urn, f"healthCheck.path: {path!r} does not begin with a slash")
    matcher = str(given.get("matcher") or "200")
    if not MATCHER.fullmatch(matcher):
        raise RegistrationError(
            urn, f"healthCheck.matcher: {matcher!r} is no list of statuses such as 200,202 or 200-299"
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
