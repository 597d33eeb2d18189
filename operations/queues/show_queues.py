"""`platform queue`: what waits in the platform's queues and what was set aside as dead; `--redrive` gives the dead another try."""

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
from operations.queues.redrive import Redrive, attributes, redrive
from operations.state import platform_status
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode

# The program exports each work queue by its thing: `thumbnail_queue_url` and `thumbnail_dead_letter_queue_url`.
WORK_SUFFIX, DEAD_SUFFIX = "_queue_url", "_dead_letter_queue_url"
# CloudWatch gets SQS's figures once a minute, and some minutes late.
METRIC_WINDOW = timedelta(minutes=15)
# A clock of ours that is a little behind must not hide the latest figure.
METRIC_AHEAD = timedelta(minutes=1)
NOT_KNOWN = "not known"
LIMITS = (
    "a job that was given up for a cause that passes is taken up again. One that failed because of its file stays failed: "
    "its message is taken and changes nothing. Upload the right file, for a new job."
)


@dataclass(frozen=True, kw_only=True)
class QueuePair:
    """A queue of work and where its dead letters are set aside, by their addresses."""

    thing: str
    url: str
    dead_letter_url: str


@dataclass(frozen=True, kw_only=True)
class Depth:
    """One queue as SQS counts it: approximately, and on AWS up to a minute late.

    `in_flight` messages were received and neither deleted nor given back. `oldest_seconds` is None where CloudWatch has no
    figure: to look at the message itself would hide it from its worker. `receive_limit` is after how many receives a
    message is set aside; None for dead letters.
    """

    name: str
    visible: int
    in_flight: int
    delayed: int
    oldest_seconds: float | None
    receive_limit: int | None


def queue(environment: str, screen: Screen, *, redriving: bool) -> ExitCode:
    """Shows every queue; moves the dead letters back first when asked to. Fails when some could not be moved."""
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    account, found = state.account(), pairs(state.outputs)
    try:
        redrives = {pair.thing: _redrive(account, pair, screen) for pair in found} if redriving else {}
        depths = {pair.thing: _look(account, pair) for pair in found}
    except (BotoCoreError, ClientError) as error:
        raise CommandError(
            f"the queues of environment {environment!r} do not answer at {account.endpoint}: {error}",
            next_step=checkout.command_line("status", environment),
        ) from error
    screen.write_json(_as_data(environment, depths, redrives if redriving else None))
    _show(depths, redrives, environment, screen)
    return ExitCode.FAILED if any(one.problem for one in redrives.values()) else ExitCode.OK


def pairs(outputs: Mapping[str, Any]) -> list[QueuePair]:
    """The work queues among a stack's outputs, by name."""
    things = sorted(name.removesuffix(DEAD_SUFFIX) for name in outputs if name.endswith(DEAD_SUFFIX))
    return [
        QueuePair(thing=thing, url=outputs[thing + WORK_SUFFIX], dead_letter_url=outputs[thing + DEAD_SUFFIX])
        for thing in things
    ]


def depth(account: LocalAccount, url: str) -> Depth:
    """What SQS and CloudWatch say of one queue; no message is received for it. Raises what boto3 raises."""
    seen = attributes(account.client("sqs"), url)
    name = seen["QueueArn"].rpartition(":")[2]
    policy = json.loads(seen.get("RedrivePolicy", "{}"))
    return Depth(
        name=name,
        visible=int(seen["ApproximateNumberOfMessages"]),
        in_flight=int(seen["ApproximateNumberOfMessagesNotVisible"]),
        delayed=int(seen["ApproximateNumberOfMessagesDelayed"]),
        oldest_seconds=_oldest_seconds(account, name),
        receive_limit=int(policy["maxReceiveCount"]) if "maxReceiveCount" in policy else None,
    )


def _oldest_seconds(account: LocalAccount, name: str) -> float | None:
    """The latest figure of CloudWatch; None when it has none, as the local AWS never does by itself."""
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


def _look(account: LocalAccount, pair: QueuePair) -> tuple[Depth, Depth]:
    return depth(account, pair.url), depth(account, pair.dead_letter_url)


def _redrive(account: LocalAccount, pair: QueuePair, screen: Screen) -> Redrive:
    sqs = account.client("sqs")
    if not screen.is_terminal:
        return redrive(sqs, pair.dead_letter_url, pair.url)
    with screen.out.status(f"redrive of {pair.thing}") as spinner:
        return redrive(
            sqs, pair.dead_letter_url, pair.url, lambda moved: spinner.update(f"redrive of {pair.thing}: {moved}")
        )


def _as_data(
    environment: str, depths: Mapping[str, tuple[Depth, Depth]], redrives: Mapping[str, Redrive] | None
) -> dict[str, Any]:
    return {
        "environment": environment,
        "queues": [
            {"thing": thing, "work": asdict(work), "dead_letters": asdict(dead)}
            for thing, (work, dead) in depths.items()
        ],
        "redrive": None if redrives is None else {thing: asdict(one) for thing, one in redrives.items()},
    }


def _show(
    depths: Mapping[str, tuple[Depth, Depth]], redrives: Mapping[str, Redrive], environment: str, screen: Screen
) -> None:
    rows = [_row(one) for both in depths.values() for one in both]
    figures = ["visible", "in flight", "delayed", "oldest"]
    screen.show(table("queue", *figures, "receive limit", rows=rows, right=figures))
    for thing, done in redrives.items():
        screen.show(f"{thing}: {done.moved} of {done.found} dead letters moved back")
        if done.problem:
            screen.note(f"platform: the redrive of {thing} stopped, nothing is lost: {done.problem}")
            screen.note(f"  next: {checkout.command_line('queue --redrive', environment)}")
    if any(done.moved for done in redrives.values()):
        screen.show(LIMITS)
    if not redrives and any(dead.visible for _, dead in depths.values()):
        screen.show(Text.assemble(("next  ", "bold"), checkout.command_line("queue --redrive", environment)))


def _row(one: Depth) -> tuple[str, ...]:
    oldest = NOT_KNOWN if one.oldest_seconds is None else f"{one.oldest_seconds:,.0f} s"
    limit = "-" if one.receive_limit is None else f"{one.receive_limit} receives"
    return (one.name, f"{one.visible:,}", f"{one.in_flight:,}", f"{one.delayed:,}", oldest, limit)
