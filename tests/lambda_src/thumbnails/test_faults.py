"""Repeated, concurrent and interrupted deliveries, and unavailable services: the effect occurs once, or the job has a reason."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
import stamina

from local.account import LocalAccount
from runtime.adapters import aws_clients
from tests.lambda_src.thumbnails.conftest import Bench

# One invocation in a separate process; the result is the last line of its output.
WORKER = """
import json, sys
from lambda_src.thumbnails.handler import handler
print(json.dumps(handler(json.load(sys.stdin), None)))
"""
TIMEOUT_SECONDS = 30


@pytest.fixture
def unreachable_s3(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make S3 refuse connections until the test restores it; retries do not wait."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{taken.getsockname()[1]}")
        aws_clients.get_client.cache_clear()
        with stamina.set_testing(True, attempts=3):
            yield
    aws_clients.get_client.cache_clear()


def restore_s3(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", bench.environment["AWS_ENDPOINT_URL_S3"])
    aws_clients.get_client.cache_clear()


@contextmanager
def worker(bench: Bench, event: dict[str, Any], **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PATH": os.environ["PATH"], **bench.environment, **environment},
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(event))
    process.stdin.close()
    process.stdin = None
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)


def lock_waiters(bench: Bench) -> list[dict[str, Any]]:
    return bench.rows("SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


class TestTransientFault:
    @pytest.mark.requirement("NOVA-14", "ROAD-119", "C-32")
    def test_unavailable_s3_returns_message_and_next_delivery_succeeds(
        self, bench: Bench, picture: bytes, unreachable_s3: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = bench.upload(picture)
        assert bench.deliver(bench.notification(upload)) == [0]
        job = bench.job(upload.job_id)
        assert (job["status"], job["lease_token"], job["error_code"]) == ("pending", None, "SERVICE_UNAVAILABLE")

        restore_s3(bench, monkeypatch)
        assert bench.deliver(bench.notification(upload), receive_count=2) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["retry_count"], job["error_code"], job["error_message"]) == (
            "completed",
            1,
            None,
            None,
        )

    @pytest.mark.requirement("NOVA-16", "NOVA-17", "ROAD-42")
    def test_last_delivery_fails_job_and_returns_message(
        self, bench: Bench, picture: bytes, unreachable_s3: None
    ) -> None:
        upload = bench.upload(picture)
        for receive_count in (1, 2, 3):
            assert bench.deliver(bench.notification(upload), receive_count=receive_count) == [0]
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"], job["retry_count"]) == ("failed", "SERVICE_UNAVAILABLE", 2)
        assert job["error_message"] == "the object store does not respond"
        episode = bench.row("SELECT processing_status FROM episodes WHERE episode_id = %s", upload.entity_id)
        assert episode["processing_status"] == "failed"

    @pytest.mark.requirement("NOVA-19")
    def test_unavailable_database_returns_every_message(
        self, bench: Bench, picture: bytes, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        upload = bench.upload(picture)
        with psycopg.connect(bench.conninfo, autocommit=True) as administrator:
            administrator.execute(f"ALTER DATABASE {administrator.info.dbname} CONNECTION LIMIT 0")
            assert bench.deliver(*[bench.notification(upload)] * 2) == [0, 1]
            administrator.execute(f"ALTER DATABASE {administrator.info.dbname} CONNECTION LIMIT -1")
        assert bench.deliver(bench.notification(upload)) == []

    def test_unexpected_error_releases_job_without_details(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.rows("ALTER TABLE thumbnails ADD CONSTRAINT surprise CHECK (width < 10)")
        assert bench.deliver(bench.notification(upload)) == [0]
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"]) == ("pending", "SERVER_ERROR")
        assert "surprise" not in job["error_message"]
        assert bench.thumbnails(upload.entity_id) == []

    def test_job_without_attempts_left_fails(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        bench.rows(
            "UPDATE processing_queue SET status = 'processing', retry_count = 2, started_at = now(), lease_until = now()"
            " WHERE job_id = %s",
            upload.job_id,
        )
        assert bench.deliver(bench.notification(upload), receive_count=3) == [0]
        job = bench.job(upload.job_id)
        assert (job["status"], job["error_code"]) == ("failed", "ATTEMPTS_EXHAUSTED")


class TestBatch:
    @pytest.mark.requirement("ROAD-119", "ROAD-121")
    @pytest.mark.parametrize("position", [0, 4, 9])
    def test_one_leased_job_of_ten_is_returned(self, bench: Bench, picture: bytes, position: int) -> None:
        uploads = [bench.upload(picture) for _ in range(10)]
        held = uploads[position]
        bench.rows(
            "UPDATE processing_queue SET status = 'processing', lease_token = gen_random_uuid(),"
            " lease_until = now() + interval '1 hour', started_at = now() WHERE job_id = %s",
            held.job_id,
        )
        assert bench.deliver(*map(bench.notification, uploads)) == [position]
        statuses = [bench.job(upload.job_id)["status"] for upload in uploads]
        assert [i for i, status in enumerate(statuses) if status != "completed"] == [position]

    def test_batch_that_fails_entirely_is_reported_without_error(
        self, bench: Bench, picture: bytes, unreachable_s3: None
    ) -> None:
        bodies = [bench.notification(bench.upload(picture)) for _ in range(3)]
        assert bench.deliver(*bodies) == [0, 1, 2]


class TestConcurrentDeliveries:
    def test_duplicate_of_running_message_is_returned(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        body = bench.notification(upload)
        with psycopg.connect(bench.conninfo) as administrator:
            administrator.execute("LOCK TABLE thumbnails IN EXCLUSIVE MODE")
            with worker(bench, bench.event(body)) as first:
                wait_until(lambda: lock_waiters(bench))
                assert bench.deliver(body) == [0]
                administrator.rollback()
                output, _ = first.communicate(timeout=TIMEOUT_SECONDS)
        assert json.loads(output.splitlines()[-1]) == {"batchItemFailures": []}
        job = bench.job(upload.job_id)
        assert (job["status"], job["retry_count"]) == ("completed", 0)
        assert len(bench.thumbnails(upload.entity_id)) == len(bench.thumbnail_keys()) == 3
        assert bench.deliver(body, receive_count=2) == []

    def test_worker_that_lost_its_lease_writes_nothing(self, bench: Bench, picture: bytes) -> None:
        upload = bench.upload(picture)
        # Every claim is lost immediately, as if another worker had found the lease expired.
        bench.rows(
            """
            CREATE FUNCTION take_over() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE processing_queue SET lease_token = gen_random_uuid() WHERE job_id = NEW.job_id;
                RETURN NULL;
            END;
            $$
            """
        )
        bench.rows(
            "CREATE TRIGGER take_over AFTER UPDATE ON processing_queue FOR EACH ROW"
            " WHEN (pg_trigger_depth() = 0 AND NEW.status = 'processing') EXECUTE FUNCTION take_over()"
        )
        assert bench.deliver(bench.notification(upload), receive_count=3) == [0]
        job = bench.job(upload.job_id)
        assert job["status"] == "processing"
        assert job["lease_token"] is not None
        assert bench.thumbnails(upload.entity_id) == []


class TestKilledWorker:
    @pytest.mark.requirement("ROAD-41")
    @pytest.mark.parametrize("moment", ["fetching", "recording"])
    def test_job_completes_exactly_once(self, bench: Bench, picture: bytes, moment: str) -> None:
        upload = bench.upload(picture)
        body = bench.notification(upload)
        short = {"PLATFORM_JOB_LEASE_SECONDS": "1"}
        if moment == "recording":
            with psycopg.connect(bench.conninfo) as administrator:
                administrator.execute("LOCK TABLE thumbnails IN EXCLUSIVE MODE")
                with worker(bench, bench.event(body), **short) as killed:
                    wait_until(lambda: lock_waiters(bench))
                    killed.kill()
                    killed.wait()
        else:
            with socket.create_server(("127.0.0.1", 0)) as silent:
                endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
                with worker(bench, bench.event(body), **short, AWS_ENDPOINT_URL_S3=endpoint) as killed:
                    silent.settimeout(TIMEOUT_SECONDS)
                    with silent.accept()[0]:
                        killed.kill()
                        killed.wait()
        job = bench.job(upload.job_id)
        assert (job["status"], bench.thumbnails(upload.entity_id)) == ("processing", [])

        wait_until(
            lambda: bench.row(
                "SELECT lease_until <= now() AS over FROM processing_queue WHERE job_id = %s", upload.job_id
            )["over"]
        )
        assert bench.deliver(body, receive_count=2) == []
        job = bench.job(upload.job_id)
        assert (job["status"], job["retry_count"]) == ("completed", 1)
        assert len(bench.thumbnails(upload.entity_id)) == len(bench.thumbnail_keys()) == 3
        assert bench.deliver(body, receive_count=3) == []
        assert bench.job(upload.job_id) == job


class TestRealNotification:
    @pytest.mark.requirement("C-33")
    def test_notification_from_s3_is_parsed(self, bench: Bench, picture: bytes, account: LocalAccount) -> None:
        sqs = account.client("sqs")
        queue = sqs.create_queue(QueueName=f"thumbnails-{secrets.token_hex(4)}")["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        bench.s3.put_bucket_notification_configuration(
            Bucket=bench.storage_bucket,
            NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
        )
        upload = bench.upload(picture)
        messages: list[dict[str, Any]] = []

        def has_received_both() -> bool:
            messages.extend(sqs.receive_message(QueueUrl=queue).get("Messages", []))
            return len(messages) >= 2

        wait_until(has_received_both)
        assert any("s3:TestEvent" in message["Body"] for message in messages)
        assert bench.deliver(*(message["Body"] for message in messages)) == []
        assert bench.job(upload.job_id)["status"] == "completed"
