"""EventBridge Scheduler on this machine: functions invoked by rate and cron expressions."""

import json
import logging
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from local.compute.lambda_.functions import Functions
from local.compute.scheduler.expressions import Cron, ExpressionError, Rate, parse
from local.compute.scheduler.timers import Clock, Timer, start_timer
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

# Scheduler's defaults for a target without a retry policy.
DEFAULT_RETRIES = 185
DEFAULT_MAXIMUM_AGE_SECONDS = 86_400
FIRST_BACKOFF_SECONDS = 1.0
MAX_BACKOFF_SECONDS = 60.0
# The maximum number of concurrent runs of one schedule. AWS has no such limit.
MAX_CONCURRENT_RUNS = 2
# The maximum time between two looks at the wall clock: it may be set, and the monotonic clock stops while a machine sleeps.
MAX_POLL_SECONDS = 10.0
# How long `close` waits for runs in progress; their functions are killed after it.
CLOSE_SECONDS = 2.0
THREAD_NAME = "schedules"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Target:
    """The function that a schedule invokes. `input` is the registered event, with placeholders for context attributes."""

    name: str
    arn: str
    function: str
    input: str
    max_retries: int
    max_age_seconds: float

    def event(self, due: datetime, attempt: int) -> Any:
        """Return the event of one attempt, with Scheduler's context attributes filled in.

        Raises:
            json.JSONDecodeError: The input is not JSON.
        """
        attributes = {
            "schedule-arn": self.arn,
            "scheduled-time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": uuid.uuid4().hex[:16],
            "attempt-number": str(attempt),
        }
        text = self.input
        for keyword, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{keyword}>", value)
        return json.loads(text)


class Schedule:
    """One schedule: its target, its timer and its runs in progress."""

    def __init__(self, target: Target, timer: Timer) -> None:
        self.target, self.timer = target, timer
        self.ended = False
        self.in_progress: set[Future[None]] = set()
        # A pool of its own, so that slow runs of other schedules do not delay it.
        self.pool = ThreadPoolExecutor(MAX_CONCURRENT_RUNS, thread_name_prefix=f"schedule-{target.name}")


class Schedules:
    """The schedules of one platform: one thread starts the runs that are due, on threads of each schedule.

    A run that fails is retried by the target's retry policy, and is in progress until the last attempt. On AWS the policy applies
    to the delivery only: Lambda queues the event and retries the handler itself (twice, by default). There a rate without a
    start date also begins immediately; here it begins after one period, so that the program can start first.
    """

    def __init__(self, functions: Functions, clock: Clock | None = None) -> None:
        self._functions, self._clock = functions, clock or Clock()
        self._schedules: dict[str, Schedule] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:scheduler/schedule:Schedule. A schedule with the same URN is replaced.

        Raises:
            RegistrationError: An input is invalid, or not supported on this machine: targets other than functions, one-time
                schedules, time zones other than UTC, start and end dates, dead-letter queues.
        """
        target, expression = self._read(registration)
        schedule = None
        if registration.inputs.get("state") != "DISABLED":
            schedule = Schedule(target, start_timer(expression, self._clock))
        with self._changed:
            replaced = self._schedules.pop(registration.urn, None)
            if schedule is not None and not self._closed:
                self._schedules[registration.urn] = schedule
                if self._thread is None:
                    self._thread = threading.Thread(target=self._watch, name=THREAD_NAME, daemon=True)
                    self._thread.start()
            if replaced is not None:
                replaced.ended = True
            self._changed.notify_all()
        if replaced is not None:
            replaced.pool.shutdown(wait=False)
        return {}

    def close(self) -> None:
        """Start no more runs, and wait a short time for those in progress. May be called more than once."""
        with self._changed:
            self._closed = True
            schedules = list(self._schedules.values())
            self._schedules.clear()
            for schedule in schedules:
                schedule.ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        wait([run for schedule in schedules for run in list(schedule.in_progress)], timeout=CLOSE_SECONDS)
        for schedule in schedules:
            schedule.pool.shutdown(wait=False)

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                pause = MAX_POLL_SECONDS
                for schedule in self._schedules.values():
                    if (due := schedule.timer.take()) is not None:
                        self._begin(schedule, due)
                    pause = min(pause, schedule.timer.seconds_left())
                self._clock.wait(self._changed, max(pause, 0))

    def _begin(self, schedule: Schedule, due: datetime) -> None:
        """Start a run, or skip it if the maximum number of runs is in progress. The caller holds the lock."""
        if len(schedule.in_progress) >= MAX_CONCURRENT_RUNS:
            self._log(logging.WARNING, "schedule_run_skipped", schedule.target, in_progress=len(schedule.in_progress))
            return

        def done(run: Future[None]) -> None:
            with self._changed:
                schedule.in_progress.discard(run)
            if (error := run.exception()) is not None:
                self._log_failure(schedule.target, type(error).__name__, error)

        run = schedule.pool.submit(self._run, schedule, due)
        schedule.in_progress.add(run)
        run.add_done_callback(done)

    def _run(self, schedule: Schedule, due: datetime) -> None:
        target, began, pause = schedule.target, self._clock.monotonic(), FIRST_BACKOFF_SECONDS
        for attempt in range(1, target.max_retries + 2):
            failure = self._attempt(target, due, attempt)
            if failure is None:
                return
            retry_at = self._clock.monotonic() + pause
            will_retry = attempt <= target.max_retries and retry_at - began <= target.max_age_seconds
            self._log_failure(target, *failure, attempt=attempt, will_retry=will_retry)
            if not will_retry or not self._wait_until(schedule, retry_at):
                return
            pause = min(pause * 2, MAX_BACKOFF_SECONDS)

    def _attempt(self, target: Target, due: datetime, attempt: int) -> tuple[str, str] | None:
        """Invoke the function. Return the type and the message of the error, or None if it succeeded."""
        try:
            invocation = self._functions.invoke(target.function, target.event(due, attempt))
        except LocalPlatformError as error:
            return type(error).__name__, error.message
        if invocation.error is not None:
            return invocation.error.type, invocation.error.message
        self._log(logging.INFO, "schedule_run_completed", target, attempt=attempt, seconds=round(invocation.seconds, 3))
        return None

    def _wait_until(self, schedule: Schedule, moment: float) -> bool:
        """Wait until a time of the monotonic clock. Return False if the schedule ended meanwhile."""
        with self._changed:
            while not schedule.ended and (left := moment - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)
            return not schedule.ended

    def _read(self, registration: Registration) -> tuple[Target, Rate | Cron]:
        inputs, urn = registration.inputs, registration.urn
        for name in ("startDate", "endDate"):
            if inputs.get(name):
                raise RegistrationError(urn, f"{name}: not supported on this machine")
        zone = inputs.get("scheduleExpressionTimezone") or "UTC"
        if zone != "UTC":
            raise RegistrationError(
                urn, f"scheduleExpressionTimezone: {zone} is not supported on this machine, only UTC"
            )
        try:
            expression = parse(str(inputs.get("scheduleExpression") or ""))
        except ExpressionError as error:
            raise RegistrationError(urn, f"scheduleExpression: {error}") from error
        return self._read_target(registration), expression

    def _read_target(self, registration: Registration) -> Target:
        urn, inputs = registration.urn, registration.inputs.get("target") or {}
        arn, text = str(inputs.get("arn") or ""), inputs.get("input")
        if arn.split(":")[2:3] != ["lambda"]:
            raise RegistrationError(
                urn, f"target.arn: {arn or 'none'} is not supported on this machine, only functions"
            )
        if inputs.get("deadLetterConfig"):
            raise RegistrationError(
                urn, "target.deadLetterConfig: not supported on this machine, where failed runs are only logged"
            )
        if text is None:
            raise RegistrationError(
                urn, "target.input: required, because the default event of AWS is not supported on this machine"
            )
        policy = {"maximumRetryAttempts": DEFAULT_RETRIES, "maximumEventAgeInSeconds": DEFAULT_MAXIMUM_AGE_SECONDS}
        policy |= {name: value for name, value in (inputs.get("retryPolicy") or {}).items() if value is not None}
        target = Target(
            name=str(registration.inputs.get("name") or registration.name),
            arn=str(registration.outputs.get("arn") or ""),
            function=arn,
            input=str(text),
            max_retries=int(policy["maximumRetryAttempts"]),
            max_age_seconds=float(policy["maximumEventAgeInSeconds"]),
        )
        try:
            self._functions.definition(arn)
            target.event(self._clock.now(), attempt=1)
        except LocalPlatformError as error:
            raise RegistrationError(urn, f"target.arn: {error.message}") from error
        except json.JSONDecodeError as error:
            raise RegistrationError(urn, f"target.input: not valid JSON: {error}") from error
        return target

    def _log_failure(self, target: Target, error_type: str, error: object, **fields: Any) -> None:
        self._log(logging.WARNING, "schedule_run_failed", target, error_type=error_type, error=str(error), **fields)

    def _log(self, level: int, event: str, target: Target, **fields: Any) -> None:
        logger.log(level, event, extra={"schedule": target.name, "function": target.function, **fields})
