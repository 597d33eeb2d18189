"""The poller when what it asks answers badly: it tells of it and goes on."""

import dataclasses
import logging
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from local.account import LocalAccount
from local.compute.event_sources import queue_poller
from local.compute.event_sources.queue_poller import QueueMapping, QueuePoller
from local.compute.lambda_.functions import Functions

if TYPE_CHECKING:
    from pathlib import Path

    from tests.local.compute.conftest import Stage

WaitFor = Callable[..., Any]


@pytest.fixture
def client(account: LocalAccount) -> Any:
    """An SQS client that no other test uses, so that a test may spoil its answers."""
    return dataclasses.replace(account, _clients={}).client("sqs")


@pytest.fixture
def poll(stage: "Stage", functions: Functions, client: Any, tmp_path: "Path") -> Iterator[Callable[[], None]]:
    """Starts a poller with that client, for one batch at a time."""
    stage.make("accept", tmp_path / "notes")
    mapping = QueueMapping(
        function=stage.function,
        queue_arn=stage.queue.arn,
        queue_url=stage.queue.url,
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
    def test_receiver_tells_and_goes_on(
        self, poll: Callable[[], None], stage: "Stage", client: Any, caplog: pytest.LogCaptureFixture, wait_for: WaitFor
    ) -> None:
        # Answers that are JSON but no object, as a proxy may give them: botocore reads them before it looks at their form.
        left = [b'["not what SQS answers"]'] * 3

        def spoil(response_dict: dict[str, Any], **_: Any) -> None:
            if left:
                response_dict["body"] = left.pop()

        client.meta.events.register("before-parse.sqs.ReceiveMessage", spoil)
        with caplog.at_level(logging.WARNING, logger=queue_poller.__name__):
            poll()
            stage.send("after")
            wait_for(lambda: stage.bodies()["after"] == 1 and stage.left() == 0)
        records = [record.__dict__ for record in caplog.records if record.message == "queue_poller_restarted"]
        assert len(records) == 3
        assert records[0]["queue"] == stage.queue.arn
        assert "list" in records[0]["error"]

    def test_waits_longer_each_time_and_not_at_all_after_a_good_answer(
        self, poll: Callable[[], None], stage: "Stage", client: Any, monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
    ) -> None:
        moments = iter("xxx.x.")
        waits: list[float] = []
        wait = threading.Event.wait

        def waited(event: Any, timeout: float | None = None) -> bool:
            if threading.current_thread().name.startswith("poller-") and timeout in BACKOFFS:
                waits.append(timeout)
                return bool(event.is_set())
            return wait(event, timeout)

        def fail(**_: Any) -> None:
            if next(moments, ".") == "x":
                raise ValueError("nobody foresaw this")

        monkeypatch.setattr(threading.Event, "wait", waited)
        client.meta.events.register("before-call.sqs.ReceiveMessage", fail)
        poll()
        wait_for(lambda: len(waits) == 4)
        assert waits == [*BACKOFFS[:3], BACKOFFS[0]]

    def test_batch_that_cannot_be_handed_over_frees_its_place_and_comes_again(
        self, poll: Callable[[], None], stage: "Stage", monkeypatch: pytest.MonkeyPatch, wait_for: WaitFor
    ) -> None:
        submit = queue_poller.ThreadPoolExecutor.submit
        refusals = iter([RuntimeError("can't start new thread")] * 2)

        def refuse(*arguments: Any) -> Any:
            if error := next(refusals, None):
                raise error
            return submit(*arguments)

        monkeypatch.setattr(queue_poller.ThreadPoolExecutor, "submit", refuse)
        stage.send("one")
        poll()
        wait_for(lambda: stage.bodies()["one"] == 1 and stage.left() == 0)


BACKOFFS = [queue_poller.FIRST_BACKOFF_SECONDS * 2**number for number in range(5)]
