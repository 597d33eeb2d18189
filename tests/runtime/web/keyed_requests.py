"""Requests that carry a key, and what is asked of their answers."""

from uuid import uuid4

import httpx

from tests.runtime.features.api_platform import Api


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


def count(api: Api, table: str) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute(f"SELECT count(*) AS rows FROM {table}").fetchone()  # noqa: S608  (a name from here)
    assert row
    return int(row["rows"])


def assert_replayed(first: httpx.Response, again: httpx.Response) -> None:
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]
