"""Fixtures: registered functions, queues and HTTP APIs."""

import itertools
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pulumi
import pytest

from local.account import LocalAccount
from local.compute.apigateway.http_apis import HttpApis
from local.compute.event_sources.event_sources import EventSources
from local.compute.lambda_.functions import Functions
from local.provider.protocol import Registration
from local.supervisor import Supervisor

HANDLERS = Path(__file__).parent / "handlers"
WaitFor = Callable[..., Any]
NUMBERS = itertools.count(1)
HIDDEN_SECONDS = 600


@dataclass(frozen=True)
class Queue:
    """A queue and its dead-letter queue, if it has one."""

    url: str
    arn: str
    dead_url: str | None


@pytest.fixture(scope="session")
def wait_for() -> WaitFor:
    """Wait until a condition is true and return its value."""

    def waited(condition: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (value := condition()):
            assert time.monotonic() < deadline, f"the condition did not become true within {seconds:g} s"
            time.sleep(0.01)
        return value

    return waited


@pytest.fixture(scope="session")
def handlers() -> Path:
    """The folder of the tests' handlers."""
    return HANDLERS


@pytest.fixture
def functions(account: LocalAccount, supervisor: Supervisor, tmp_path: Path) -> Iterator[Functions]:
    running = Functions(account, supervisor, tmp_path / "functions")
    yield running
    running.close()


@pytest.fixture
def describe_function() -> Callable[..., Registration]:
    """Create the registration of a function; by default its code is the handlers' folder."""
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
    """Register a function and return its name."""

    def registered(handler: str, **inputs: Any) -> str:
        registration = _function(handler, **inputs)
        functions.register(registration)
        return registration.name

    return registered


@pytest.fixture
def make_queue(account: LocalAccount) -> Iterator[Callable[..., Queue]]:
    """Create queues; those with a `max_receive_count` have a dead-letter queue."""
    client = account.client("sqs")
    made: list[str] = []

    def make(name: str = "", **attributes: str) -> tuple[str, str]:
        url = client.create_queue(QueueName=name or f"test-{next(NUMBERS)}", Attributes=attributes)["QueueUrl"]
        made.append(url)
        arn = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def queue(
        *, name: str = "", visibility_seconds: int = HIDDEN_SECONDS, max_receive_count: int | None = None
    ) -> Queue:
        attributes, dead_url = {"VisibilityTimeout": str(visibility_seconds)}, None
        if max_receive_count is not None:
            dead_url, dead_arn = make()
            policy = {"deadLetterTargetArn": dead_arn, "maxReceiveCount": max_receive_count}
            attributes["RedrivePolicy"] = json.dumps(policy)
        url, arn = make(name, **attributes)
        return Queue(url, arn, dead_url)

    yield queue
    for url in made:
        client.delete_queue(QueueUrl=url)


class QueueHarness:
    """A queue, a function that writes its events to files, and the mapping between them.

    The visibility timeout is so long that it never ends by itself: a test ends it with `make_visible`, so that no number of
    receives depends on the speed of the machine.
    """

    def __init__(
        self,
        account: LocalAccount,
        sources: EventSources,
        register: Callable[..., str],
        make_queue: Callable[..., Queue],
    ) -> None:
        self._sources, self._register, self._make_queue = sources, register, make_queue
        self.client = account.client("sqs")
        self.queue: Any = None
        self._released: set[str] = set()

    def make(
        self,
        handler: str,
        notes: Path,
        *,
        timeout: float = 100.0,
        visibility_seconds: int = HIDDEN_SECONDS,
        max_receive_count: int | None = None,
        variables: dict[str, str] | None = None,
        **function_inputs: Any,
    ) -> None:
        notes.mkdir(exist_ok=True)
        self.notes = notes
        self.queue = self._make_queue(visibility_seconds=visibility_seconds, max_receive_count=max_receive_count)
        self.function = self._register(
            f"batches.{handler}",
            timeout=timeout,
            environment={"variables": {"NOTES": str(notes), **(variables or {})}},
            **function_inputs,
        )

    def start(self, **inputs: Any) -> Any:
        return self._sources.start(self.registration(**inputs))

    def registration(self, **inputs: Any) -> Registration:
        name = f"mapping-{next(NUMBERS)}"
        return Registration(
            urn=f"urn:pulumi:test::test::aws:lambda/eventSourceMapping:EventSourceMapping::{name}",
            type="aws:lambda/eventSourceMapping:EventSourceMapping",
            name=name,
            id=name,
            inputs={"eventSourceArn": self.queue.arn, "functionName": self.function, **inputs},
            outputs={},
        )

    def send(self, *bodies: str) -> list[str]:
        entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
        response = self.client.send_message_batch(QueueUrl=self.queue.url, Entries=entries)
        return [sent["MessageId"] for sent in response["Successful"]]

    def events(self) -> list[Any]:
        return [json.loads(file.read_text()) for file in sorted(self.notes.glob("*.json"))]

    def bodies(self) -> Counter[str]:
        return Counter(record["body"] for event in self.events() for record in event["Records"])

    def make_visible(self, *bodies: str) -> None:
        """End the visibility timeout of messages with these bodies, once for each time that the function received them."""
        for record in (record for event in self.events() for record in event["Records"]):
            handle = record["receiptHandle"]
            if record["body"] in bodies and handle not in self._released:
                self._released.add(handle)
                self.client.change_message_visibility(
                    QueueUrl=self.queue.url, ReceiptHandle=handle, VisibilityTimeout=0
                )

    def dead(self) -> list[str]:
        """Return the bodies of the messages in the dead-letter queue."""
        return sorted(self.take(self.queue.dead_url))

    def take(self, url: str) -> list[str]:
        """Receive messages without hiding them, and return their bodies."""
        response = self.client.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0, WaitTimeSeconds=0
        )
        return [message["Body"] for message in response.get("Messages", [])]

    def left(self) -> int:
        """Return the number of messages in the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        attributes = self.client.get_queue_attributes(QueueUrl=self.queue.url, AttributeNames=names)["Attributes"]
        return sum(int(value) for value in attributes.values())


@pytest.fixture
def sources(account: LocalAccount, functions: Functions) -> Iterator[EventSources]:
    running = EventSources(account, functions)
    yield running
    running.close()


@pytest.fixture
def queue_harness(
    account: LocalAccount,
    sources: EventSources,
    register: Callable[..., str],
    make_queue: Callable[..., Queue],
) -> QueueHarness:
    return QueueHarness(account, sources, register, make_queue)


def _gateway_resource(kind: str, api_id: str, **inputs: Any) -> Registration:
    defaults: dict[str, dict[str, Any]] = {
        "Api": {"protocolType": "HTTP"},
        "Integration": {"apiId": api_id, "integrationType": "AWS_PROXY", "payloadFormatVersion": "2.0"},
        "Route": {"apiId": api_id, "target": f"integrations/{api_id}-integration", "routeKey": "$default"},
        "Stage": {"apiId": api_id, "name": "$default", "autoDeploy": True},
    }
    ids = {"Api": api_id, "Integration": f"{api_id}-integration"}
    resource_id = ids.get(kind, f"{api_id}-{kind}-{next(NUMBERS)}")
    return Registration(
        urn=f"urn:pulumi:test::test::aws:apigatewayv2/{kind.lower()}:{kind}::{resource_id}",
        type=f"aws:apigatewayv2/{kind.lower()}:{kind}",
        name=resource_id,
        id=resource_id,
        inputs={**defaults[kind], **inputs},
        outputs={"id": resource_id},
    )


@pytest.fixture
def gateway_resource() -> Callable[..., Registration]:
    """Create the registration of an Api, Integration, Route or Stage of an API."""
    return _gateway_resource


@pytest.fixture
def http_apis(account: LocalAccount, functions: Functions) -> Iterator[HttpApis]:
    running = HttpApis(account, functions, port=0)
    yield running
    running.close()


@pytest.fixture
def serve(http_apis: HttpApis, register: Callable[..., str]) -> Iterator[Callable[..., httpx.Client]]:
    """Serve a handler behind an API of its own; the client's base URL is that of the stage."""
    clients: list[httpx.Client] = []

    def served(handler: str, **options: Any) -> httpx.Client:
        api_id = f"api{next(NUMBERS)}"
        name = register(f"web.{handler}", timeout=options.pop("timeout", 10.0))
        uri = f"arn:aws:lambda:us-east-1:123456789012:function:{name}"
        http_apis.add_api(_gateway_resource("Api", api_id, corsConfiguration=options.pop("cors", None)))
        integration = _gateway_resource("Integration", api_id, integrationUri=uri, **options.pop("integration", {}))
        http_apis.add_integration(integration)
        for key in options.pop("routes", ["$default"]):
            http_apis.add_route(_gateway_resource("Route", api_id, routeKey=key))
        url = http_apis.serve_stage(_gateway_resource("Stage", api_id, **options))["invokeUrl"]
        client = httpx.Client(base_url=url, headers={"user-agent": "test", "x-api-id": api_id}, trust_env=False)
        clients.append(client)
        return client

    yield served
    for client in clients:
        client.close()
