"""SIGKILL between the commit of a completion and its copy: nothing is lost, and nothing has its effect twice."""

import http.client
import http.server
import io
import json
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import pytest
from PIL import Image

from lambda_src.maintenance.handler import handler as maintain
from lambda_src.thumbnails.handler import handler as render
from local.account import LocalAccount
from runtime.settings import load_settings
from tests.http_listener import Listener, QuietHandler
from tests.runtime.features.api_platform import HOST, Api

KILLS = 30


@dataclass
class Door:
    """A proxy in front of the emulator that ends its client when that asks for a copy: before the copy is made, or after."""

    upstream: str
    url: str = ""
    victim: int = 0
    after: bool = False
    kills: int = 0

    def pass_on(self, request: http.server.BaseHTTPRequestHandler) -> None:
        is_copy = request.command == "PUT" and "x-amz-copy-source" in request.headers
        body = request.rfile.read(int(request.headers.get("Content-Length", "0")))
        if is_copy and not self.after:
            self.kill()
            return
        connection = http.client.HTTPConnection(urlsplit(self.upstream).netloc, timeout=30)
        connection.request(request.command, request.path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        content = answer.read()
        if is_copy:
            self.kill()
            return
        request.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in {"transfer-encoding", "connection"}:
                request.send_header(name, value)
        request.end_headers()
        request.wfile.write(content)

    def kill(self) -> None:
        os.kill(self.victim, signal.SIGKILL)
        self.kills += 1

    @classmethod
    @contextmanager
    def open(cls, upstream: str) -> Iterator["Door"]:
        door = cls(upstream)

        class Handler(QuietHandler):
            def handle_any(self) -> None:
                door.pass_on(self)

            do_HEAD = do_PUT = handle_any  # noqa: N815  (the names are the library's)

        with Listener(Handler) as server:
            door.url = server.address
            yield door


@contextmanager
def forking(environment: dict[str, str]) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The address, and the process that forks a server for it whenever it is asked to."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        os.set_inheritable(listener.fileno(), True)
        with subprocess.Popen(
            [sys.executable, "-m", "tests.runtime.mechanisms.outbox.forking_server", str(listener.fileno())],
            cwd=Path(__file__).parents[4],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=[listener.fileno()],
            start_new_session=True,
        ) as parent:
            try:
                yield f"http://127.0.0.1:{listener.getsockname()[1]}", parent
            finally:
                os.killpg(parent.pid, signal.SIGKILL)  # and its forks


def fork(parent: "subprocess.Popen[str]") -> int:
    assert parent.stdin
    assert parent.stderr
    parent.stdin.write("\n")
    parent.stdin.flush()
    return int(parent.stderr.readline())


def photograph(number: int) -> bytes:
    picture = io.BytesIO()
    Image.new("RGB", (64, 36), (number, 100, 200)).save(picture, "JPEG")
    return picture.getvalue()


class TestKilledBetweenCommitAndSending:
    def test_nothing_is_lost_and_nothing_done_twice(
        self, api: Api, account: LocalAccount, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PLATFORM_OUTBOX_GRACE_SECONDS", "1")
        episode = api.create_episode()
        uploads = []
        for number in range(KILLS):
            uploads.append(api.create_upload(photograph(number), episode=episode))
            api.store(uploads[-1], photograph(number))
        with (
            Door.open(account.endpoint) as door,
            forking({"AWS_ENDPOINT_URL_S3": door.url}) as (url, parent),
            httpx.Client(base_url=url, headers=api.editor.headers | {"Host": HOST}, timeout=60) as http_client,
        ):
            for upload in uploads:
                door.victim, door.after = fork(parent), random.random() < 0.5
                with pytest.raises(httpx.TransportError):
                    http_client.post(f"/api/v1/upload/{upload['upload_id']}/complete")
            assert door.kills == KILLS
        self.relay(monkeypatch)
        completed = [api.complete(upload).json()["data"] for upload in uploads]
        assert len({each["job_id"] for each in completed}) == KILLS
        s3, bucket = account.client("s3"), api.buckets["storage"]
        versions = s3.list_object_versions(Bucket=bucket)["Versions"]
        assert {f"s3://{bucket}/{each['Key']}" for each in versions} == {each["file_reference"] for each in completed}
        self.notify(api, versions, monkeypatch)
        with api.client.app.state.resources.database.transaction() as connection:
            jobs = connection.execute(
                "SELECT status, retry_count, count(*) FROM processing_queue GROUP BY 1, 2"
            ).fetchall()
            thumbnails = connection.execute("SELECT count(*) FROM thumbnails").fetchall()
            unsent = connection.execute("SELECT count(*) FROM outbox WHERE sent_at IS NULL").fetchall()
        assert jobs == [{"status": "completed", "retry_count": 0, "count": KILLS}]
        assert (thumbnails, unsent) == ([{"count": 3}], [{"count": 0}])

    def relay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_OUTBOX_RETENTION_DAYS", "7")
        load_settings.cache_clear()
        sent = 0
        while sent < KILLS:
            sent += maintain({"tasks": ["relay_outbox"]}, None)["relay_outbox"]["sent"]
        assert sent == KILLS

    def notify(self, api: Api, versions: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
        """Storage tells the worker of every version there is, those that were copied twice included."""
        for name, value in {
            "JOB_LEASE_SECONDS": "60",
            "IMAGE_MAX_PIXELS": "1000000",
            "IMAGE_MAX_BYTES": "1000000",
        }.items():
            monkeypatch.setenv(f"PLATFORM_{name}", value)
        load_settings.cache_clear()
        for version in versions:
            stored = {"key": quote(version["Key"]), "versionId": version["VersionId"]}
            body = {
                "Records": [
                    {
                        "eventName": "ObjectCreated:Copy",
                        "s3": {"bucket": {"name": api.buckets["storage"]}, "object": stored},
                    }
                ]
            }
            record = {
                "messageId": version["VersionId"],
                "body": json.dumps(body),
                "attributes": {"ApproximateReceiveCount": "1"},
            }
            assert render({"Records": [record]}, None) == {"batchItemFailures": []}
