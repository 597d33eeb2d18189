"""The process of the gate: start, end, listening address, log and memory."""

import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from local import ports
from local.compute.s3_gate import ObjectGate
from local.errors import PortTakenError, ProcessFailedError
from local.process_registry import GRACE_SECONDS
from local.supervisor import Supervisor

MIB = 1024 * 1024
CREDENTIALS: dict[str, Any] = {"access_key_id": "AKIAOTHER", "secret_access_key": "another", "region": "us-east-1"}


@pytest.fixture
def other_supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor for a second gate, which has the same process name."""
    running = Supervisor(tmp_path)
    yield running
    running.stop_all()


def eventually(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "the condition did not become true within 20 s"
        time.sleep(0.01)


class TestStart:
    def test_gate_listens_on_loopback_only(self, gate: Any, supervisor: Supervisor) -> None:
        (status,) = [each for each in supervisor.processes() if each.name == ObjectGate.name]
        listening = [c.laddr for c in psutil.Process(status.pid).net_connections() if c.status == psutil.CONN_LISTEN]
        assert [(address.ip, f"http://127.0.0.1:{address.port}") for address in listening] == [
            ("127.0.0.1", gate.endpoint)
        ]

    def test_taken_port_raises_port_taken_error(self, gate: Any, other_supervisor: Supervisor) -> None:
        port = int(gate.endpoint.rsplit(":", 1)[1])
        with pytest.raises(PortTakenError, match=str(port)):
            ObjectGate().start(other_supervisor, upstream=gate.emulator, port=port, **CREDENTIALS)
        assert other_supervisor.processes() == []

    def test_failed_start_raises_an_error_with_the_log(self, gate: Any, other_supervisor: Supervisor) -> None:
        with pytest.raises(ProcessFailedError, match="environment variable OBJECT_GATE_REGION must be set"):
            ObjectGate().start(other_supervisor, upstream=gate.emulator, **(CREDENTIALS | {"region": ""}))

    def test_credentials_are_not_command_line_arguments(self) -> None:
        ended = subprocess.run(
            [sys.executable, "-m", "local.compute.s3_gate", "--help"], capture_output=True, text=True, check=True
        )
        assert "--upstream" in ended.stdout
        assert "key" not in ended.stdout.lower()

    def test_unreachable_emulator_returns_503(
        self, other_supervisor: Supervisor, gate: Any, s3_error: Any, http: Any
    ) -> None:
        endpoint = ObjectGate().start(other_supervisor, upstream=f"http://127.0.0.1:{ports.free_port()}", **CREDENTIALS)
        client = gate.client(endpoint=endpoint, aws_access_key_id="AKIAOTHER", aws_secret_access_key="another")
        url = client.generate_presigned_url("list_objects_v2", Params={"Bucket": "some-bucket"})
        assert s3_error(http.get(url)) == (503, "ServiceUnavailable")


class TestEnd:
    def test_sigterm_ends_the_gate_with_open_connections(self, other_supervisor: Supervisor, gate: Any) -> None:
        endpoint = ObjectGate().start(other_supervisor, upstream=gate.emulator, **CREDENTIALS)
        (status,) = other_supervisor.processes()
        process = psutil.Process(status.pid)
        with httpx.Client(trust_env=False) as idle, socket.create_connection(address_of(endpoint)) as half:
            assert idle.get(endpoint).status_code == 403
            half.sendall(b"PUT /some-bucket/k HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n123")
            process.terminate()
            _, alive = psutil.wait_procs([process], timeout=GRACE_SECONDS)
            assert not alive
        assert not ports.is_listening(address_of(endpoint)[1])


class TestLog:
    def test_each_request_is_logged_without_signatures(
        self, *, s3: Any, bucket: str, gate: Any, supervisor: Supervisor, http: Any
    ) -> None:
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "sécret plan"})
        form = s3.generate_presigned_post(bucket, "form")
        http.put(url, content=b"x")
        http.put(url[:-1], content=b"x")
        http.post(form["url"], data=form["fields"], files={"file": ("a", b"x")})
        http.get(f"{gate.endpoint}/{bucket}/k%0B?X-Amz-Signature=canary")
        path = supervisor.logs / f"{ObjectGate.name}.log"

        def lines() -> list[str]:
            return [line.split(" ", 2)[2] for line in path.read_text().splitlines() if f"/{bucket}" in line]

        # A line is written after the response, so the lines may be in another order than the requests.
        eventually(lambda: len(lines()) == 5)
        assert sorted(lines()) == sorted(
            [
                f"PUT /{bucket} 200 -",
                f"PUT /{bucket}/s%C3%A9cret%20plan 200 -",
                f"PUT /{bucket}/s%C3%A9cret%20plan 403 SignatureDoesNotMatch",
                f"POST /{bucket} 204 -",
                f"GET /{bucket}/k%0B 400 AuthorizationQueryParametersError",
            ]
        )
        log = path.read_text()
        signatures = [*re.findall(r"X-Amz-Signature=(\w+)", url), form["fields"]["x-amz-signature"]]
        for secret in ("canary", "X-Amz", "?", gate.secret_access_key, *signatures):
            assert secret not in log


class TestClient:
    def test_incomplete_upload_is_not_stored(
        self, *, s3: Any, bucket: str, gate: Any, supervisor: Supervisor, bucket_is_empty: Any
    ) -> None:
        url = httpx.URL(s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"}))
        head = f"PUT {url.raw_path.decode()} HTTP/1.1\r\nHost: {url.netloc.decode()}\r\nContent-Length: 1000\r\n\r\n"
        with socket.create_connection(address_of(gate.endpoint)) as connection:
            connection.sendall(head.encode() + b"x" * 999)
        log = supervisor.logs / f"{ObjectGate.name}.log"
        eventually(lambda: f"PUT /{bucket}/k 0 ClientDisconnected" in log.read_text())
        assert bucket_is_empty()

    def test_rejected_client_gets_no_100_continue(self, gate: Any, bucket: str) -> None:
        head = f"PUT /{bucket}/k HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nExpect: 100-continue\r\n\r\n"
        with socket.create_connection(address_of(gate.endpoint), timeout=20) as connection:
            connection.sendall(head.encode())
            response = b"".join(iter(lambda: connection.recv(65536), b""))
        assert response.startswith(b"HTTP/1.1 403 ")
        assert b"connection: close" in response.lower()

    def test_rejected_large_upload_gets_the_error_response(
        self, gate: Any, bucket: str, http: Any, s3_error: Any
    ) -> None:
        response = http.put(f"{gate.endpoint}/{bucket}/k", content=b"x" * 8 * MIB)
        assert s3_error(response) == (403, "AccessDenied")

    def test_connection_is_reused_after_an_error(
        self, s3: Any, gate: Any, bucket: str, http: Any, s3_error: Any
    ) -> None:
        for _ in range(3):
            assert s3_error(http.put(f"{gate.endpoint}/{bucket}/k", content=b"x" * 100_000)) == (403, "AccessDenied")
            url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
            assert http.put(url, content=b"x" * 100_000).status_code == 200


class TestMemory:
    @pytest.mark.skipif(
        not Path("/proc/self/status").exists(), reason="the peak of a process's memory is read from /proc"
    )
    def test_large_upload_is_spooled_to_disk(
        self, *, gate: Any, bucket: str, s3: Any, supervisor: Supervisor, tmp_path: Path
    ) -> None:
        (status,) = [each for each in supervisor.processes() if each.name == ObjectGate.name]

        def peak() -> int:
            found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{status.pid}/status").read_text())
            assert found
            return int(found[1]) * 1024

        source = tmp_path / "large"
        with source.open("wb") as sparse:
            os.truncate(sparse.fileno(), 96 * MIB)
        before = peak()
        with source.open("rb") as file:
            s3.put_object(Bucket=bucket, Key="large", Body=file)
        read = s3.get_object(Bucket=bucket, Key="large")["Body"]
        assert sum(len(chunk) for chunk in read.iter_chunks(MIB)) == 96 * MIB
        assert peak() - before < 24 * MIB
        s3.delete_object(Bucket=bucket, Key="large")


def address_of(endpoint: str) -> tuple[str, int]:
    host, port = endpoint.removeprefix("http://").split(":")
    return host, int(port)
