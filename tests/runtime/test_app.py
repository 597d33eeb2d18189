"""The application as a whole: what it touches when, how it refuses to start, and how it is served."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from pydantic import ValidationError

from runtime.app import create_app
from runtime.settings import ApiSettings, load_settings
from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server
from tests.runtime.features.api_platform import HOST
from tests.runtime.features.user_pool import CLIENT_ID, POOL_ID, Pool

__all__ = ["api", "api_environment", "pool", "pool_server"]


class TestCreateApp:
    def test_touches_nothing_before_the_first_request(self, monkeypatch: pytest.MonkeyPatch) -> None:
        # Nothing answers at these addresses: a connection at the start would be an error or a wait.
        nowhere = {
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
            "PLATFORM_ENVIRONMENT": "development",
            "PLATFORM_RELEASE": "1.2.3",
            "PLATFORM_LOG_LEVEL": "INFO",
            "PLATFORM_SEARCH_ENDPOINT_PARAMETER": "",
            "PLATFORM_DATABASE_SECRET_ARN": "arn:nowhere",
            "PLATFORM_DATABASE_POOL_MIN": "1",
            "PLATFORM_DATABASE_POOL_MAX": "1",
            "PLATFORM_DATABASE_CONNECT_TIMEOUT_SECONDS": "2",
            "PLATFORM_DATABASE_STATEMENT_TIMEOUT_SECONDS": "5",
            "PLATFORM_STORAGE_BUCKET": "a",
            "PLATFORM_TEMP_BUCKET": "b",
            "PLATFORM_THUMBNAILS_BUCKET": "c",
            "PLATFORM_USER_POOL_ID": POOL_ID,
            "PLATFORM_USER_POOL_ENDPOINT": f"127.0.0.1:9/{POOL_ID}",
            "PLATFORM_USER_POOL_CLIENT_IDS": json.dumps([CLIENT_ID]),
            "PLATFORM_ALLOWED_HOSTS": json.dumps([HOST]),
            "PLATFORM_ALLOWED_ORIGINS": "[]",
            "PLATFORM_UPLOAD_EXPIRY_SECONDS": "60",
            "PLATFORM_DOWNLOAD_EXPIRY_SECONDS": "60",
            "PLATFORM_OUTBOX_GRACE_SECONDS": "30",
            "PLATFORM_CALLER_REQUESTS_PER_MINUTE": "600",
            "PLATFORM_CALLER_BURST_REQUESTS": "100",
            "PLATFORM_CACHE_ENDPOINT": "",
            "PLATFORM_EDITORS_CREATE_EPISODES": "false",
            "PLATFORM_MACHINE_CLIENT_IDS": "[]",
            "PLATFORM_MACHINE_SCOPE": "",
            "PLATFORM_TOKEN_MAX_LIFETIME_SECONDS": "86400",
            "PLATFORM_QUEUE_DEPTH_LIMIT": "100",
        }
        for variable, value in nowhere.items():
            monkeypatch.setenv(variable, value)
        load_settings.cache_clear()
        assert create_app().version == "1.2.3"
        load_settings.cache_clear()

    def test_names_the_variable_that_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for variable in [name for name in os.environ if name.startswith("PLATFORM_")]:
            monkeypatch.delenv(variable)
        load_settings.cache_clear()
        with pytest.raises(ValidationError, match="storage_bucket"):
            create_app()

    @pytest.mark.requirement("ROAD-98")
    @pytest.mark.parametrize("origin", ["*", "https://*.example.test", "null"])
    def test_refuses_origins_that_are_not_exact(self, api_environment: dict[str, str], origin: str) -> None:
        settings = load_settings(ApiSettings).model_copy(update={"allowed_origins": (origin,)})
        with pytest.raises(ValueError, match="allowed_origins"):
            create_app(settings)


class TestMachineClients:
    @pytest.mark.requirement("C-11")
    def test_one_needs_a_scope(self, api_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_MACHINE_SCOPE", "")
        with pytest.raises(ValidationError, match="machine_scope"):
            ApiSettings()

    @pytest.mark.requirement("C-11")
    def test_one_is_no_client_of_people(self, api_environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_MACHINE_CLIENT_IDS", json.dumps([CLIENT_ID]))
        with pytest.raises(ValidationError, match=f"machine_client_ids: {CLIENT_ID}"):
            ApiSettings()


class TestServer:
    def test_serves_and_drains_on_sigterm(self, api_environment: dict[str, str], pool: Pool) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "runtime", "--port", str(port)],
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            deadline = time.monotonic() + 60
            while True:
                try:
                    answer = httpx.get(f"http://127.0.0.1:{port}/health/ready?x=canary-7f3a", headers={"Host": HOST})
                    break
                except httpx.ConnectError:
                    assert server.poll() is None, server.communicate()[0]
                    assert time.monotonic() < deadline
            assert answer.status_code == 200
            assert "server" not in answer.headers
            # What a client may not write into a request line or a header, the server itself refuses.
            for host in ("evil?", "a/b", "[::1", "evil.example", f"{HOST}."):
                refused = httpx.get(f"http://127.0.0.1:{port}/version", headers={"Host": host})
                assert refused.status_code == 400, host
        finally:
            server.send_signal(signal.SIGTERM)
            output, _ = server.communicate(timeout=30)
        assert server.returncode in {0, -signal.SIGTERM}
        assert "canary-7f3a" not in output
        assert '"route":"/health/ready"' in output
