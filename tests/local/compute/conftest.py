"""Functions, queues and HTTP APIs as a program would register them."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pulumi
import pytest

from local.account import LocalAccount
from local.compute.functions import Functions
from local.provider.protocol import Registration
from local.supervisor import Supervisor

HANDLERS = Path(__file__).parent / "handlers"
WaitFor = Callable[..., Any]
NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Queue:
    """A queue and, where it has one, its dead letter queue."""

    url: str
    arn: str
    dead_url: str | None


@pytest.fixture(scope="session")
def wait_for() -> WaitFor:
    """Waits for a condition and returns its first true answer."""

    def waited(condition: Callable[[], Any], seconds: float = 30) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := condition()):
            assert time.monotonic() < deadline, "it did not happen"
            time.sleep(0.01)
        return answer

    return waited


@pytest.fixture(scope="session")
def handlers() -> Path:
    """The folder of the handlers that the tests run."""
    return HANDLERS


@pytest.fixture
def functions(account: LocalAccount, supervisor: Supervisor, tmp_path: Path) -> Iterator[Functions]:
    running = Functions(account, supervisor, tmp_path / "functions")
    yield running
    running.close()


@pytest.fixture
def describe_function() -> Callable[..., Registration]:
    """Makes the registration of a Function, as the provider hands it over; its code is the handlers' folder unless told
    otherwise."""
    return _function


def _function(handler: str, **inputs: Any) -> Registration:
    name = inputs.pop("name", None) or f"test-{next(NUMBERS)}"
    return Registration(
        urn=f"urn:pulumi:test::test::aws:lambda/function:Function::{name}",
        type="aws:lambda/function:Function",
        name=name,
        id=name,
        inputs={
            "handler": handler,
            "runtime": "python3.13",
            "code": pulumi.FileArchive(str(HANDLERS)),
            "timeout": 10.0,
            **inputs,
        },
        outputs={"name": name, "arn": f"arn:aws:lambda:us-east-1:123456789012:function:{name}"},
    )


@pytest.fixture
def register(functions: Functions) -> Callable[..., str]:
    """Registers a function and returns its name."""

    def registered(handler: str, **inputs: Any) -> str:
        registration = _function(handler, **inputs)
        functions.register(registration)
        return registration.name

    return registered


@pytest.fixture
def make_queue(account: LocalAccount) -> Iterator[Callable[..., Queue]]:
    """Makes queues; those with a `max_receive_count` have a dead letter queue."""
    client = account.client("sqs")
    made: list[str] = []

    def make(name: str = "", **attributes: str) -> tuple[str, str]:
        url = client.create_queue(QueueName=name or f"test-{next(NUMBERS)}", Attributes=attributes)["QueueUrl"]
        made.append(url)
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def queue(*, visibility_seconds: int = 1, max_receive_count: int | None = None) -> Queue:
        attributes, dead_url = {"VisibilityTimeout": str(visibility_seconds)}, None
        if max_receive_count is not None:
            dead_url, dead_arn = make()
            policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receive_count}
            attributes["RedrivePolicy"] = json.dumps(policy)
        url, arn = make(**attributes)
        return Queue(url, arn, dead_url)

    yield queue
    for url in made:
        client.delete_queue(QueueUrl=url)
