"""EventBridge Scheduler on this machine: functions that run at a rate or by the calendar."""

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
from local.compute.scheduler.schedule_expressions import Cron, ExpressionError, Rate, parse
from local.compute.scheduler.schedule_timers import Clock, Timer, timer
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

# Scheduler's own defaults for a target without a retry policy.
DEFAULT_RETRIES = 185
DEFAULT_MAXIMUM_AGE_SECONDS = 86_400
FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 60.0
# The most runs of one schedule at once. AWS knows no such limit, but one machine has to.
RUNS_AT_ONCE = 2
# How long the wall clock is left unread: it may be set, and a machine that sleeps stops its monotonic clock.
LONGEST_LOOK_AWAY_SECONDS = 10.0
# How long `close` waits for runs at work; their functions are killed after it.
CLOSE_SECONDS = 2.0
THREAD_NAME = "schedules"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a schedule runs. `text` is the event as it was registered."""

    name: str
    arn: str
    function: str
    text: str
    retries: int
    maximum_age_seconds: float

    def event(self, due: datetime, attempt: int) -> Any:
        """The event of one attempt, with Scheduler's context attributes filled in. Raises json.JSONDecodeError."""
        attributes = {
            "schedule-arn": self.arn,
            "scheduled-time": f"{due:%Y-%m-%dT%H:%M:%SZ}",
            "execution-id": uuid.uuid4().hex[:16],
            "attempt-number": str(attempt),
        }
        text = self.text
        for keyword, value in attributes.items():
            text = text.replace(f"<aws.scheduler.{keyword}>", value)
        return json.loads(text)


class Schedule:
    """One schedule: its job, when it is due, and its runs at work."""

    def __init__(self, job: Job, timer: Timer) -> None:
        self.job, self.timer = job, timer
        self.ended = False
        self.at_work: set[Future[None]] = set()
        # A pool of its own, so that no slow run of another schedule is in the way.
        self.pool = ThreadPoolExecutor(RUNS_AT_ONCE, thread_name_prefix=f"schedule-{job.name}")


class Schedules:
    """The schedules of one platform: one thread sees what is due, threads of each schedule's own run it.

    A run that fails is repeated as the target's retry policy says, and counts as going on until it is given up. In AWS the
    policy is about the delivery alone: Lambda queues the event and repeats the handler itself (twice, by its default).
    There too a rate without a start date begins at once; here a program is left to come up for one period first.
    """

    def __init__(self, functions: Functions, clock: Clock | None = None) -> None:
        self._functions, self._clock = functions, clock or Clock()
        self._schedules: dict[str, Schedule] = {}
        self._changed = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:scheduler/schedule:Schedule. A schedule that was started before is replaced.

        Raises RegistrationError, with the input's name, for what AWS refuses and what does not run on this machine: other
        targets than functions, one-time schedules, other time zones than UTC, start and end dates, dead-letter queues.
        """
        job, times = self._read(registration)
        schedule = None
        if registration.inputs.get("state") != "DISABLED":
            schedule = Schedule(job, timer(times, self._clock))
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
        """Begins no more runs, and ends after those at work or a short time. May be called again."""
        with self._changed:
            self._closed = True
            schedules = list(self._schedules.values())
            self._schedules.clear()
            for schedule in schedules:
                schedule.ended = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join()
        wait([run for schedule in schedules for run in list(schedule.at_work)], timeout=CLOSE_SECONDS)
        for schedule in schedules:
            schedule.pool.shutdown(wait=False)

    def _watch(self) -> None:
        with self._changed:
            while not self._closed:
                pause = LONGEST_LOOK_AWAY_SECONDS
                for schedule in self._schedules.values():
                    if (due := schedule.timer.take()) is not None:
                        self._begin(schedule, due)
                    pause = min(pause, schedule.timer.seconds_left())
                self._clock.wait(self._changed, max(pause, 0))

    def _begin(self, schedule: Schedule, due: datetime) -> None:
        """Starts a run, unless so many of this schedule are at work that one more would only wait. The lock is held."""
        if len(schedule.at_work) >= RUNS_AT_ONCE:
            self._tell(logging.WARNING, "schedule_run_skipped", schedule.job, at_work=len(schedule.at_work))
            return

        def done(run: Future[None]) -> None:
            with self._changed:
                schedule.at_work.discard(run)
            if (error := run.exception()) is not None:
                self._tell_failure(schedule.job, type(error).__name__, error)

        run = schedule.pool.submit(self._see_through, schedule, due)
        schedule.at_work.add(run)
        run.add_done_callback(done)

    def _see_through(self, schedule: Schedule, due: datetime) -> None:
        job, began, pause = schedule.job, self._clock.monotonic(), FIRST_BACKOFF_SECONDS
        for attempt in range(1, job.retries + 2):
            failure = self._attempt(job, due, attempt)
            if failure is None:
                return
            retry_at = self._clock.monotonic() + pause
            again = attempt <= job.retries and retry_at - began <= job.maximum_age_seconds
            self._tell_failure(job, *failure, attempt=attempt, will_retry=again)
            if not again or not self._wait_until(schedule, retry_at):
                return
            pause = min(pause * 2, LONGEST_BACKOFF_SECONDS)

    def _attempt(self, job: Job, due: datetime, attempt: int) -> tuple[str, str] | None:
        """The type of the error and what it says; None when the function succeeded."""
        try:
            invocation = self._functions.invoke(job.function, job.event(due, attempt))
        except LocalPlatformError as error:
            return type(error).__name__, error.message
        if invocation.error is not None:
            return invocation.error.type, invocation.error.message
        self._tell(logging.INFO, "schedule_run_completed", job, attempt=attempt, seconds=round(invocation.seconds, 3))
        return None

    def _wait_until(self, schedule: Schedule, moment: float) -> bool:
        """Waits for a moment of the monotonic clock; False when the schedule ends meanwhile."""
        with self._changed:
            while not schedule.ended and (left := moment - self._clock.monotonic()) > 0:
                self._clock.wait(self._changed, left)
            return not schedule.ended

    def _read(self, registration: Registration) -> tuple[Job, Rate | Cron]:
        inputs, urn = registration.inputs, registration.urn
        for name in ("startDate", "endDate"):
            if inputs.get(name):
                raise RegistrationError(urn, f"{name}: schedules have neither beginning nor end on this machine")
        zone = inputs.get("scheduleExpressionTimezone") or "UTC"
        if zone != "UTC":
            raise RegistrationError(urn, f"scheduleExpressionTimezone: {zone}: schedules run in UTC here")
        try:
            times = parse(str(inputs.get("scheduleExpression") or ""))
        except ExpressionError as error:
            raise RegistrationError(urn, f"scheduleExpression: {error}") from error
        return self._read_target(registration), times

    def _read_target(self, registration: Registration) -> Job:
        urn, target = registration.urn, registration.inputs.get("target") or {}
        arn, text = str(target.get("arn") or ""), target.get("input")
        if arn.split(":")[2:3] != ["lambda"]:
            raise RegistrationError(urn, f"target.arn: {arn or 'none'}: only functions run on a schedule here")
        if target.get("deadLetterConfig"):
            raise RegistrationError(urn, "target.deadLetterConfig: failed runs are only logged on this machine")
        if text is None:
            raise RegistrationError(urn, "target.input: AWS's notification for a target without one is not made here")
        policy = {"maximumRetryAttempts": DEFAULT_RETRIES, "maximumEventAgeInSeconds": DEFAULT_MAXIMUM_AGE_SECONDS}
        policy |= {name: value for name, value in (target.get("retryPolicy") or {}).items() if value is not None}
        job = Job(
            name=str(registration.inputs.get("name") or registration.name),
            arn=str(registration.outputs.get("arn") or ""),
            function=arn,
            text=str(text),
            retries=int(policy["maximumRetryAttempts"]),
            maximum_age_seconds=float(policy["maximumEventAgeInSeconds"]),
        )
        try:
            self._functions.definition(arn)
            job.event(self._clock.now(), attempt=1)
        except LocalPlatformError as error:
            raise RegistrationError(urn, f"target.arn: {error.message}") from error
        except json.JSONDecodeError as error:
            raise RegistrationError(urn, f"target.input: it is not JSON: {error}") from error
        return job

    def _tell_failure(self, job: Job, error_type: str, error: object, **fields: Any) -> None:
        self._tell(logging.WARNING, "schedule_run_failed", job, error_type=error_type, error=str(error), **fields)

    def _tell(self, level: int, event: str, job: Job, **fields: Any) -> None:
        logger.log(level, event, extra={"schedule": job.name, "function": job.function, **fields})
