"""Clips created through the API, and guests stored without it."""

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any
from uuid import UUID

import httpx

from runtime.access.tokens import Caller
from runtime.adapters.database import Database
from tests.runtime.features.api_platform import Api, Client
from tests.runtime.features.user_pool import User

CLIPS = "/api/v1/clips"
HASH = "ab" * 32
OTHER_HASH = "cd" * 32
NUMBERS = itertools.count(1)


def path_of(clip: dict[str, Any]) -> str:
    return f"{CLIPS}/{clip['clip_id']}"


def new(**fields: Any) -> dict[str, Any]:
    """Build the request body of a clip."""
    return {"title": f"Clip {next(NUMBERS)}", "talent_source": "Lala"} | fields


def create(api: Api, query: str = "", **fields: Any) -> dict[str, Any]:
    clip: dict[str, Any] = data(api.client.post(CLIPS + query, new(**fields), api.editor), 201)
    return clip


def data(response: httpx.Response, status: int = 200) -> Any:
    assert response.status_code == status, response.text
    return response.json()["data"]


def stored(api: Api, clip: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data(api.client.get(path_of(clip), api.viewer))
    return found


def assign(api: Api, clip: dict[str, Any], episode: dict[str, Any], user: User | None = None) -> dict[str, Any]:
    """Assign the clip to the episode."""
    body = {"episode_id": episode["episode_id"]}
    assigned: dict[str, Any] = data(api.client.post(f"{path_of(clip)}/assign", body, user or api.editor))
    return assigned


def ids(clips: list[dict[str, Any]]) -> list[str]:
    return [clip["clip_id"] for clip in clips]


def listed(api: Api, query: str) -> list[str]:
    """List the ids of the clips that match the query."""
    return ids(data(api.client.get(f"{CLIPS}?{query}", api.viewer)))


def log_of(api: Api, clip: dict[str, Any]) -> list[dict[str, Any]]:
    """Get the activity log entries of a clip, oldest first."""
    query = {"resource_type": "clip", "resource_id": clip["clip_id"], "limit": 100}
    entries: list[dict[str, Any]] = data(api.client.get("/api/v1/activity-logs", api.admin, params=query))
    return entries[::-1]


def caller_of(user: User) -> Caller:
    """Return the user as services receive it."""
    return Caller(user_id=user.user_id, subject=str(user.user_id), email=None, roles=frozenset())


def database_of(api: Api) -> Database:
    database: Database = api.client.app.state.resources.database
    return database


def new_guest(api: Api) -> UUID:
    with database_of(api).transaction() as connection:
        row = connection.execute("INSERT INTO guests (name) VALUES ('Ada') RETURNING guest_id").fetchone()
    assert row
    guest_id: UUID = row["guest_id"]
    return guest_id


def delete_guest(api: Api, guest_id: UUID) -> None:
    with database_of(api).transaction() as connection:
        connection.execute("UPDATE guests SET deleted_at = now() WHERE guest_id = %s", [guest_id])


def send_from_thread(api: Api, request: Callable[[Client], httpx.Response]) -> httpx.Response:
    """Send a request with a client of the current thread."""
    with asyncio.Runner() as runner:
        return request(Client(api.client.app, runner))


def submit_blocked(threads: ThreadPoolExecutor, api: Api, request: Callable[[Client], httpx.Response]) -> Future[Any]:
    """Send a request from another thread and check that it is still blocked after half a second."""
    future = threads.submit(send_from_thread, api, request)
    done, _ = wait([future], timeout=0.5)
    assert not done, f"it did not wait: {future.result().text}"
    return future
