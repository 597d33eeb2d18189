"""The poller logs unexpected errors and continues."""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from local.account import LocalAccount
from local.compute.event_sources import queue_poller
from local.compute.event_sources.queue_poller import QueueMapping, QueuePoller
from local.compute.lambda_.functions import Functions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.compute.conftest import QueueHarness

WaitFor = Callable[..., Any]


@pytest.fixture
def client(account: LocalAccount) -> Any:
    """An SQS client for one test, which may change its responses."""
    return dataclasses.replace(account, _clients={}).client("sqs")


@pytest.fixture
def poll(
    queue_harness: "QueueHarness", functions: Functions, client: Any, tmp_path: "Path"
) -> Iterator[Callable[[], None]]:
    """Start a poller with that client, for one batch at a time."""
    queue_harness.make("accept", tmp_path / "notes", visibility_seconds=1)
    mapping = QueueMapping(
        function=queue_harness.function,
        queue_arn=queue_harness.queue.arn,
        queue_url=queue_harness.queue.url,
        visibility_seconds=1,
        batch_size=10,
        window_seconds=0,
        concurrency=1,
        reports_items=False,
    )
    poller = QueuePoller(mapping, client, functions)
    yield poller.start
    poller.stop()
    poller.join(5)


class TestUnexpectedError:
    def test_unexpected_error_is_logged_and_polling_continues(
        self,
        poll: Callable[[], None],
        queue_harness: "QueueHarness",
        client: Any,
        caplog: pytest.LogCaptureFixture,
        wait_for: WaitFor,
    ) -> None:
        # JSON that is not an object, as a proxy may return it: botocore does not expect that.
        bodies = [b'["not a response of SQS"]'] * 3

        def replace_body(response_dict: dict[str, Any], **_: Any) -> None:
            if bodies:
                response_dict["body"] = bodies.pop()

        client.meta.events.register("before-parse.sqs.ReceiveMessage", replace_body)
        with caplog.at_level(logging.WARNING, logger=queue_poller.__name__):
            poll()
            queue_harness.send("after")
            wait_for(lambda: queue_harness.bodies()["after"] == 1 and queue_harness.left() == 0)
        records = [record.__dict__ for record in caplog.records if record.message == "queue_poller_restarted"]
        assert len(records) == 3
        assert records[0]["queue"] == queue_harness.queue.arn
        assert "list" in records[0]["error"]

    def test_backoff_doubles_and_is_reset_after_success(
        self,
        poll: Callable[[], None],
        queue_harness: "QueueHarness",
        client: Any,
        monkeypatch: pytest.MonkeyPatch,
        wait_for: WaitFor,
    ) -> None:
        outcomes = iter("xxx.x.")
        waits: list[float] = []
        wait = threading.Event.wait

        def waited(event: Any, timeout: float | None = None) -> bool:
            if threading.current_thread().name.startswith("poller-") and timeout is not None and timeout in BACKOFFS:
                waits.append(timeout)
                return bool(event.is_set())
            return wait(event, timeout)

        def fail(**_: Any) -> None:
            if next(outcomes, ".") == "x":
                raise ValueError("unexpected")

        monkeypatch.setattr(threading.Event, "wait", waited)
        client.meta.events.register("before-call.sqs.ReceiveMessage", fail)
        poll()
        wait_for(lambda: len(waits) == 4)
        assert waits == [*BACKOFFS[:3], BACKOFFS[0]]

    def test_batch_that_cannot_be_submitted_frees_its_slot_and_is_retried(
        self,
        poll: Callable[[], None],
        queue_harness: "QueueHarness",
        monkeypatch: pytest.MonkeyPatch,
        wait_for: WaitFor,
    ) -> None:
        submit = ThreadPoolExecutor.submit
        errors = iter([RuntimeError("can't start new thread")] * 2)

        def fail_twice(*arguments: Any) -> Any:
            if error := next(errors, None):
                raise error
            return submit(*arguments)

        monkeypatch.setattr(ThreadPoolExecutor, "submit", fail_twice)
        queue_harness.send("one")
        poll()
        wait_for(lambda: queue_harness.bodies()["one"] == 1 and queue_harness.left() == 0)


BACKOFFS = [queue_poller.FIRST_BACKOFF_SECONDS * 2**number for number in range(5)]


class TestReceiveErrors:
    def test_failed_receive_is_logged_and_polling_continues(
        self, queue_harness: "QueueHarness", tmp_path: "Path", caplog: pytest.LogCaptureFixture, wait_for: WaitFor
    ) -> None:
        queue_harness.make("accept", tmp_path / "notes")
        name = queue_harness.queue.url.rpartition("/")[2]
        with caplog.at_level(logging.WARNING, logger="local.compute.event_sources.queue_poller"):
            queue_harness.start()
            queue_harness.client.delete_queue(QueueUrl=queue_harness.queue.url)
            wait_for(lambda: "queue_receive_failed" in caplog.messages)
            queue_harness.client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "600"})
            queue_harness.send("after")
            wait_for(lambda: queue_harness.bodies()["after"] == 1 and queue_harness.left() == 0)
        record = next(record for record in caplog.records if record.message == "queue_receive_failed")
        assert record.__dict__["queue"] == queue_harness.queue.arn
        assert "NonExistentQueue" in record.__dict__["error"]
