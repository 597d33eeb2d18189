"""Redrive of dead letters after the cause is fixed: with the command, and through the deployed worker."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import stamina

from lambda_src.thumbnails.handler import handler
from local.account import LocalAccount
from local.compute.event_sources import queue_batches
from local.supervisor import Supervisor
from operations.project import checkout
from operations.release.local_bundles import LocalBundles
from operations.state.files import Credentials, Endpoints, EnvironmentState, StateFiles
from operations.state.lock import ProcessIdentity
from runtime.adapters import aws_clients
from tests.http_listener import Listener, QuietHandler
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.deployed_worker import TIMEOUT_SECONDS, DeployedWorker, seeded_random

COMMAND = str(Path(sys.executable).with_name("platform"))
LETTERS = 100
Redrive = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.timeout(600)


class Barrier(Listener):
    """A proxy to AWS that blocks one call forever: before it is forwarded, or before its response is returned."""

    daemon_threads, block_on_close = True, False

    class _Handler(QuietHandler):
        server: "Barrier"

        def do_POST(self) -> None:  # noqa: N802 - the name is the standard library's
            body = self.rfile.read(int(self.headers["Content-Length"]))
            operation = self.headers["X-Amz-Target"].rpartition(".")[2]
            closing = self.server.closes_at(operation)
            if closing and not self.server.goes_through:
                self.server.hold()
                return
            status, headers, answer = self.server.forward(self.path, dict(self.headers), body)
            if operation == "ReceiveMessage":
                self.server.receipts += [one["ReceiptHandle"] for one in json.loads(answer).get("Messages", [])]
            if closing:
                self.server.hold()
                return
            self.send_response(status)
            for name in ("Content-Type", "Content-Length"):
                self.send_header(name, headers[name])
            self.end_headers()
            self.wfile.write(answer)

    def __init__(self, target: str, operation: str, number: int, *, goes_through: bool) -> None:
        super().__init__(self._Handler)
        self.goes_through, self.closed, self.receipts = goes_through, threading.Event(), list[str]()
        self.aws = httpx.Client(base_url=target, timeout=60, trust_env=False)
        self._operation, self._left, self._opened = operation, number, threading.Event()

    def closes_at(self, operation: str) -> bool:
        self._left -= operation == self._operation
        return operation == self._operation and self._left == 0

    def hold(self) -> None:
        self.closed.set()
        self._opened.wait()

    def open(self) -> None:
        self._opened.set()

    def forward(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, Any, bytes]:
        answer = self.aws.post(path, headers=headers, content=body)
        return answer.status_code, answer.headers, answer.content


@contextlib.contextmanager
def barrier(target: str, operation: str, number: int, *, goes_through: bool) -> Iterator[Barrier]:
    server = Barrier(target, operation, number, goes_through=goes_through)
    with server.aws, server:
        try:
            yield server
        finally:
            server.open()


@pytest.fixture
def deployed(
    bench: Bench, account: LocalAccount, supervisor: Supervisor, bundles: LocalBundles
) -> Iterator[DeployedWorker]:
    made = DeployedWorker(bench, account, supervisor, bundles, visibility_seconds=60)
    yield made
    made.close()


@pytest.fixture
def redrive(deployed: DeployedWorker, account: LocalAccount, tmp_path: Path) -> Redrive:
    """Return a function that starts `platform queue --redrive` for the worker's queues, with AWS at the given endpoint."""
    files = StateFiles("dev", tmp_path / "state" / "dev")
    files.logs.mkdir(parents=True)
    own = ProcessIdentity.current()

    def start(aws: str = account.endpoint) -> subprocess.Popen[str]:
        files.write(
            EnvironmentState(
                state="running",
                environment="dev",
                release="0.1.0",
                pid=own.pid,
                process_started_at=own.started_at,
                started_at="2026-11-21T10:00:00.000+00:00",
                endpoints=Endpoints(api=aws, docs=aws, aws=aws, s3=aws),
                credentials=Credentials(
                    region=account.region,
                    access_key_id=account.access_key_id,
                    secret_access_key=account.secret_access_key,
                ),
                outputs={
                    "thumbnail_queue_url": deployed.url,
                    "thumbnail_dead_letter_queue_url": deployed.dead_letter_url,
                },
            )
        )
        return subprocess.Popen(
            [COMMAND, "queue", "--redrive", "--json"],
            env=os.environ | {checkout.STATE_DIRECTORY_VARIABLE: str(tmp_path / "state")},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def moved(process: subprocess.Popen[str]) -> int:
    out, err = process.communicate(timeout=TIMEOUT_SECONDS)
    assert (process.returncode, err) == (0, "")
    return int(json.loads(out)["redrive"]["thumbnail"]["moved"])


def deliver_until_dead(deployed: DeployedWorker, letters: int) -> None:
    """Deliver the messages like the poller, without waiting, until they are in the dead-letter queue."""
    while deployed.count(deployed.dead_letter_url) < letters:
        messages = deployed.sqs.receive_message(
            QueueUrl=deployed.url, MaxNumberOfMessages=10, MessageSystemAttributeNames=["All"]
        ).get("Messages", [])
        if not messages:
            continue
        answer = handler(queue_batches.event(messages, deployed.arn), None)
        failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
        assert failed == {message["MessageId"] for message in messages}
        for message in messages:
            deployed.sqs.change_message_visibility(
                QueueUrl=deployed.url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )


@pytest.fixture
def dead_letters(deployed: DeployedWorker, picture: bytes, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Uploads whose jobs were abandoned and whose messages are dead letters because S3 was unavailable; it is available again."""
    uploads = [deployed.bench.upload(picture) for _ in range(LETTERS)]
    deployed.send([deployed.bench.notification(upload) for upload in uploads])
    with monkeypatch.context() as away, stamina.set_testing(True, attempts=1):
        away.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        aws_clients.get_client.cache_clear()
        deliver_until_dead(deployed, LETTERS)
    aws_clients.get_client.cache_clear()
    assert deployed.statuses() == {"failed": LETTERS}
    assert deployed.count(deployed.url) == 0
    return uploads


def kill_halfway(deployed: DeployedWorker, redrive: Redrive, operation: str, *, goes_through: bool) -> None:
    """Kill the command while one of its calls is blocked, then make the messages it received visible again."""
    number = seeded_random().randrange(2, deployed.count(deployed.dead_letter_url))
    with barrier(deployed.account.endpoint, operation, number, goes_through=goes_through) as way:
        with redrive(way.address) as killed:
            assert way.closed.wait(TIMEOUT_SECONDS)
            killed.kill()
        assert killed.returncode == -9
    for receipt in way.receipts:
        # The receipt handles of moved messages are no longer valid.
        with contextlib.suppress(deployed.sqs.exceptions.ReceiptHandleIsInvalid):
            deployed.sqs.change_message_visibility(
                QueueUrl=deployed.dead_letter_url, ReceiptHandle=receipt, VisibilityTimeout=0
            )


@pytest.mark.requirement("P2-24", "P2-43")
class TestRedrive:
    @pytest.mark.parametrize(
        ("operation", "goes_through", "twice"),
        [("SendMessage", False, 0), ("SendMessage", True, 1), ("DeleteMessage", False, 1), ("DeleteMessage", True, 0)],
        ids=["before sending", "after sending", "before deleting", "after deleting"],
    )
    def test_redrive_killed_halfway_loses_no_message(
        self, deployed: DeployedWorker, redrive: Redrive, operation: str, goes_through: bool, twice: int
    ) -> None:
        bodies = [f"letter {number}" for number in range(30)]
        deployed.send(bodies, deployed.dead_letter_url)
        kill_halfway(deployed, redrive, operation, goes_through=goes_through)
        assert deployed.count(deployed.url) + deployed.count(deployed.dead_letter_url) == len(bodies) + twice
        assert 0 < moved(redrive()) <= len(bodies)
        assert moved(redrive()) == 0
        back: Counter[str] = Counter()
        while messages := deployed.sqs.receive_message(QueueUrl=deployed.url, MaxNumberOfMessages=10).get("Messages"):
            back.update(message["Body"] for message in messages)
        assert set(back) == set(bodies)
        assert sorted(back.values()) == [1] * (len(bodies) - twice) + [2] * twice

    def test_redriven_messages_complete_once_after_recovery(
        self, deployed: DeployedWorker, dead_letters: list[Any], redrive: Redrive
    ) -> None:
        kill_halfway(deployed, redrive, "SendMessage", goes_through=True)
        assert moved(redrive()) > 0
        deployed.start(batch_size=10)
        assert moved(redrive()) == 0
        deployed.wait_for(lambda: deployed.count(deployed.url) == 0, seconds=500)
        assert deployed.count(deployed.dead_letter_url) == 0
        deployed.assert_each_effect_once([upload.job_id for upload in dead_letters])

    def test_completed_and_permanently_failed_jobs_are_left_alone(
        self, deployed: DeployedWorker, redrive: Redrive, picture: bytes
    ) -> None:
        uploads = [
            deployed.bench.upload(image) for image in (picture, b"no image", picture, b"\xff\xd8\xff\xe0 broken")
        ]
        bodies = [deployed.bench.notification(upload) for upload in uploads]
        assert deployed.bench.deliver(*bodies) == []
        before = [deployed.bench.job(upload.job_id) for upload in uploads]
        assert [job["status"] for job in before] == ["completed", "failed"] * 2
        deployed.send(bodies, deployed.dead_letter_url)
        deployed.start(batch_size=10)
        assert moved(redrive()) == len(bodies)
        deployed.wait_for(lambda: deployed.count(deployed.url) == 0)
        assert deployed.count(deployed.dead_letter_url) == 0
        assert [deployed.bench.job(upload.job_id) for upload in uploads] == before
        assert len(deployed.bench.rows("SELECT 1 FROM ledger")) == 2 * (1 + 3)
