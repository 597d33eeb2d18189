"""`platform queue`: shows the work queues and their dead-letter queues; `--redrive` moves dead letters back."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from rich.text import Text

from local.account import LocalAccount
from operations.client import aws_isolation
from operations.project import checkout
from operations.queues.redrive import RedriveResult, queue_attributes, redrive
from operations.state import platform_status
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

# The outputs of a work queue are named like `thumbnail_queue_url` and `thumbnail_dead_letter_queue_url`.
QUEUE_SUFFIX, DEAD_LETTER_SUFFIX = "_queue_url", "_dead_letter_queue_url"
# SQS publishes its metrics to CloudWatch once a minute, and some minutes late.
METRIC_WINDOW = timedelta(minutes=15)
# A clock that is slightly behind must not hide the latest data point.
METRIC_AHEAD = timedelta(minutes=1)
UNKNOWN = "unknown"
REDRIVE_NOTE = (
    "jobs that were abandoned because of a transient error are processed again. Jobs that failed because of their file stay "
    "failed, and their messages have no effect: upload a valid file, which creates a new job."
)


@dataclass(frozen=True, kw_only=True)
class QueuePair:
    """The URLs of a work queue and its dead-letter queue."""

    queue_name: str
    url: str
    dead_letter_url: str


@dataclass(frozen=True, kw_only=True)
class QueueDepth:
    """Message counts of a queue as reported by SQS: approximate, and on AWS up to a minute late.

    Attributes:
        in_flight: Messages that were received and neither deleted nor released.
        oldest_seconds: Age of the oldest message; None if CloudWatch has no data. Receiving the message to find out
            would hide it from its worker.
        receive_limit: After how many receives a message moves to the dead-letter queue; None for a dead-letter queue.
    """

    name: str
    visible: int
    in_flight: int
    delayed: int
    oldest_seconds: float | None
    receive_limit: int | None


def show_queues(environment: str, screen: Screen, *, redrive_first: bool) -> ExitCode:
    """Show all queues, after a redrive of their dead letters if `redrive_first` is set.

    Returns:
        FAILED if a redrive stopped early.
    """
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    account, found = state.account(), queue_pairs(state.outputs)
    try:
        redrives = {pair.queue_name: _redrive(account, pair, screen) for pair in found} if redrive_first else {}
        depths = {pair.queue_name: _read_depths(account, pair) for pair in found}
    except (BotoCoreError, ClientError) as error:
        raise CommandError(
            f"reading the queues of environment {environment!r} at {account.endpoint} failed: {error}",
            next_step=checkout.command_line("status", environment),
        ) from error
    screen.write_json(_as_data(environment, depths, redrives if redrive_first else None))
    _show(depths, redrives, environment, screen)
    return ExitCode.FAILED if any(item.problem for item in redrives.values()) else ExitCode.OK


def queue_pairs(outputs: Mapping[str, Any]) -> list[QueuePair]:
    """Return the work queues among a stack's outputs, by name."""
    queue_names = sorted(name.removesuffix(DEAD_LETTER_SUFFIX) for name in outputs if name.endswith(DEAD_LETTER_SUFFIX))
    return [
        QueuePair(
            queue_name=queue_name,
            url=outputs[queue_name + QUEUE_SUFFIX],
            dead_letter_url=outputs[queue_name + DEAD_LETTER_SUFFIX],
        )
        for queue_name in queue_names
    ]


def read_depth(account: LocalAccount, url: str) -> QueueDepth:
    """Return the depth of a queue. Receives no message."""
    values = queue_attributes(account.client("sqs"), url)
    name = values["QueueArn"].rpartition(":")[2]
    policy = json.loads(values.get("RedrivePolicy", "{}"))
    return QueueDepth(
        name=name,
        visible=int(values["ApproximateNumberOfMessages"]),
        in_flight=int(values["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(values["ApproximateNumberOfMessagesDelayed"]),
        oldest_seconds=_oldest_seconds(account, name),
        receive_limit=int(policy["maxReceiveCount"]) if "maxReceiveCount" in policy else None,
    )


def _oldest_seconds(account: LocalAccount, name: str) -> float | None:
    """Return the latest metric from CloudWatch; None without one, as always on the local AWS."""
    now = datetime.now(UTC)
    points = account.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName="ApproximateAgeOfOldestMessage",
        Dimensions=[{"Name": "QueueName", "Value": name}],
        StartTime=now - METRIC_WINDOW,
        EndTime=now + METRIC_AHEAD,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    latest = max(points, key=lambda point: point["Timestamp"], default=None)
    return float(latest["Maximum"]) if latest else None


def _read_depths(account: LocalAccount, pair: QueuePair) -> tuple[QueueDepth, QueueDepth]:
    return read_depth(account, pair.url), read_depth(account, pair.dead_letter_url)


def _redrive(account: LocalAccount, pair: QueuePair, screen: Screen) -> RedriveResult:
    sqs = account.client("sqs")
    if not screen.is_terminal:
        return redrive(sqs, pair.dead_letter_url, pair.url)
    with screen.out.status(f"redrive of {pair.queue_name}") as spinner:
        return redrive(
            sqs, pair.dead_letter_url, pair.url, lambda moved: spinner.update(f"redrive of {pair.queue_name}: {moved}")
        )


def _as_data(
    environment: str, depths: Mapping[str, tuple[QueueDepth, QueueDepth]], redrives: Mapping[str, RedriveResult] | None
) -> dict[str, Any]:
    return {
        "environment": environment,
        "queues": [
            {"thing": queue_name, "work": asdict(work), "dead_letters": asdict(dead_letters)}
            for queue_name, (work, dead_letters) in depths.items()
        ],
        "redrive": None if redrives is None else {queue_name: asdict(item) for queue_name, item in redrives.items()},
    }


def _show(
    depths: Mapping[str, tuple[QueueDepth, QueueDepth]],
    redrives: Mapping[str, RedriveResult],
    environment: str,
    screen: Screen,
) -> None:
    rows = [_row(item) for both in depths.values() for item in both]
    figures = ["visible", "in flight", "delayed", "oldest"]
    screen.show(table("queue", *figures, "receive limit", rows=rows, right=figures))
    for queue_name, result in redrives.items():
        screen.show(f"{queue_name}: {result.moved} of {result.found} dead letters moved back")
        if result.problem:
            screen.note(f"platform: the redrive of {queue_name} stopped without losing messages: {result.problem}")
            screen.note(f"  next: {checkout.command_line('queue --redrive', environment)}")
    if any(result.moved for result in redrives.values()):
        screen.show(REDRIVE_NOTE)
    if not redrives and any(dead_letters.visible for _, dead_letters in depths.values()):
        screen.show(Text.assemble(("next  ", "bold"), checkout.command_line("queue --redrive", environment)))


def _row(item: QueueDepth) -> tuple[str, ...]:
    oldest = UNKNOWN if item.oldest_seconds is None else f"{item.oldest_seconds:,.0f} s"
    limit = "-" if item.receive_limit is None else f"{item.receive_limit} receives"
    return (item.name, f"{item.visible:,}", f"{item.in_flight:,}", f"{item.delayed:,}", oldest, limit)
