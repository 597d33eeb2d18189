"""The API for tests: real Postgres, an emulated S3, and one caller of each role."""

import asyncio
import base64
import hashlib
import itertools
import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from fastapi import APIRouter, FastAPI

from local.account import LocalAccount
from runtime.app import create_app
from runtime.settings import ApiSettings
from tests.runtime.features.user_pool import CLIENT_ID, MACHINE_CLIENT_ID, MACHINE_SCOPE, POOL_ID, REGION, Pool, User

HOST = "api.example.test"
ORIGIN = "https://console.example.test"
UPLOAD_EXPIRY_SECONDS = 900
OUTBOX_GRACE_SECONDS = 30


# Routers whose routes are analysed already, by the release that their OpenAPI document names.
ROUTERS: dict[str, APIRouter] = {}


def application(settings: ApiSettings | None = None) -> FastAPI:
    """Return a new application (settings, resources, middleware) whose routes are analysed once in this process.

    FastAPI analyses every route again for each application that includes it, and writes the OpenAPI document again: seconds, for
    the same routes, which depend on no setting.
    """
    app = create_app(settings)
    if app.version not in ROUTERS:
        # Of an application that no test gets: its router writes the OpenAPI document of the application it came from.
        ROUTERS[app.version] = create_app(settings).router
    app.router = ROUTERS[app.version]
    return app


class Client:
    """HTTP client of the API, without a network."""

    def __init__(self, app: FastAPI, runner: asyncio.Runner) -> None:
        self.app = app
        self._runner = runner
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        self._http = httpx.AsyncClient(transport=transport, base_url=f"https://{HOST}")

    def send(self, method: str, path: str, user: User | None = None, **options: Any) -> httpx.Response:
        headers = (user.headers if user else {}) | options.pop("headers", {})
        return self._runner.run(self._http.request(method, path, headers=headers, **options))

    def send_raw(self, method: str, path: str, headers: list[tuple[str, str]], **options: Any) -> httpx.Response:
        """Send a request with repeated headers."""
        return self._runner.run(self._http.request(method, path, headers=headers, **options))

    def get(self, path: str, user: User | None = None, **options: Any) -> httpx.Response:
        return self.send("GET", path, user, **options)

    def post(self, path: str, body: Any = None, user: User | None = None, **options: Any) -> httpx.Response:
        return self.send("POST", path, user, **({"json": body} if body is not None else {}), **options)

    def patch(self, path: str, body: Any, user: User | None = None, **options: Any) -> httpx.Response:
        return self.send("PATCH", path, user, json=body, **options)

    def put(self, path: str, body: Any, user: User | None = None, **options: Any) -> httpx.Response:
        return self.send("PUT", path, user, json=body, **options)

    def delete(self, path: str, user: User | None = None, **options: Any) -> httpx.Response:
        return self.send("DELETE", path, user, **options)


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API with its account, user pool and buckets, and one caller of each role."""

    client: Client
    account: LocalAccount
    pool: Pool
    buckets: dict[str, str]
    admin: User = field(default_factory=lambda: User.of("admin"))
    editor: User = field(default_factory=lambda: User.of("editor"))
    viewer: User = field(default_factory=lambda: User.of("viewer"))
    no_role: User = field(default_factory=User.of)
    system: User = field(default_factory=User.machine)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False)

    def create_show(self, **fields: Any) -> dict[str, Any]:
        body = {"name": f"Show {next(self._numbers)}"} | fields
        response = self.client.post("/api/v1/shows", body, self.admin)
        assert response.status_code == 201, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def create_episode(self, show: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        number = next(self._numbers)
        named = {"show_id": (show or self.create_show())["show_id"]} if "show_name" not in fields else {}
        body = {"title": f"Episode {number}", "episode_number": number} | named | fields
        response = self.client.post("/api/v1/episodes", body, self.admin)
        assert response.status_code == 201, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def delete(self, path: str) -> dict[str, Any]:
        """Delete the record at this path and return it."""
        response = self.client.delete(path, self.admin)
        assert response.status_code == 200, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def upload_body(self, content: bytes, episode: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
        """Build the request body that declares these bytes."""
        return {
            "file_name": "photo.jpg",
            "file_type": "image/jpeg",
            "entity_type": "episode",
            "entity_id": (episode or self.create_episode())["episode_id"],
            "byte_count": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        } | fields

    def create_upload(self, content: bytes, user: User | None = None, **fields: Any) -> dict[str, Any]:
        body = self.upload_body(content, **fields)
        response = self.client.post("/api/v1/upload/generate-url", body, user or self.editor)
        assert response.status_code == 201, response.text
        data: dict[str, Any] = response.json()["data"]
        return data

    def store(self, upload: dict[str, Any], content: bytes, *, file_type: str = "image/jpeg") -> None:
        """Store the bytes as an upload would; S3 stores their real hash."""
        bucket, key = upload["fileReference"].removeprefix("s3://").split("/", 1)
        self.account.client("s3").put_object(
            Bucket=bucket,
            Key=key,
            Body=content,
            ContentType=file_type,
            ChecksumAlgorithm="SHA256",
            ChecksumSHA256=base64.b64encode(hashlib.sha256(content).digest()).decode(),
        )

    def complete(self, upload: dict[str, Any], user: User | None = None) -> httpx.Response:
        return self.client.post(f"/api/v1/upload/{upload['upload_id']}/complete", user=user or self.editor)


def make_buckets(account: LocalAccount) -> dict[str, str]:
    """Create three versioned buckets; return their names by purpose."""
    suffix, s3 = secrets.token_hex(4), account.client("s3")
    buckets = {purpose: f"test-{purpose}-{suffix}" for purpose in ("storage", "temp", "thumbnails")}
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return buckets


def environment(pool: Pool, buckets: dict[str, str]) -> dict[str, str]:
    """Return the API's environment variables, without those of the database."""
    return {
        "PLATFORM_STORAGE_BUCKET": buckets["storage"],
        "PLATFORM_TEMP_BUCKET": buckets["temp"],
        "PLATFORM_THUMBNAILS_BUCKET": buckets["thumbnails"],
        "PLATFORM_USER_POOL_ID": POOL_ID,
        "PLATFORM_USER_POOL_ENDPOINT": pool.endpoint,
        "PLATFORM_USER_POOL_CLIENT_IDS": json.dumps([CLIENT_ID]),
        "PLATFORM_MACHINE_CLIENT_IDS": json.dumps([MACHINE_CLIENT_ID]),
        "PLATFORM_MACHINE_SCOPE": MACHINE_SCOPE,
        "PLATFORM_ALLOWED_HOSTS": json.dumps([HOST, f"*.execute-api.{REGION}.amazonaws.com"]),
        "PLATFORM_ALLOWED_ORIGINS": json.dumps([ORIGIN]),
        "PLATFORM_UPLOAD_EXPIRY_SECONDS": str(UPLOAD_EXPIRY_SECONDS),
        "PLATFORM_DOWNLOAD_EXPIRY_SECONDS": "600",
        "PLATFORM_OUTBOX_GRACE_SECONDS": str(OUTBOX_GRACE_SECONDS),
        # No rate limit; tests of the limit create their own application.
        "PLATFORM_CALLER_REQUESTS_PER_MINUTE": "0",
        "PLATFORM_CALLER_BURST_REQUESTS": "1",
        "PLATFORM_CACHE_ENDPOINT": "",
        "PLATFORM_EDITORS_CREATE_EPISODES": "false",
        "PLATFORM_TOKEN_MAX_LIFETIME_SECONDS": "86400",
        "PLATFORM_QUEUE_DEPTH_LIMIT": "100",
    }


def problems(response: httpx.Response, status: int, code: str) -> dict[str | None, str]:
    """Check the format of an error response and return its messages by field."""
    assert response.status_code == status, response.text
    body = response.json()
    assert body.keys() == {"errors", "metadata"}
    assert body["metadata"].keys() == {"timestamp", "requestId"}
    assert body["metadata"]["requestId"] == response.headers["x-request-id"]
    assert {error["code"] for error in body["errors"]} == {code}
    assert all(error.keys() <= {"code", "message", "field"} for error in body["errors"])
    fields = [error.get("field") for error in body["errors"]]
    assert len(set(fields)) == len(fields), "one entry per field"
    return {error.get("field"): error["message"] for error in body["errors"]}
