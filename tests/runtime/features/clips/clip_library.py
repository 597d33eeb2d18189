"""Clips and what they need, made through the API, and guests, stored without it."""

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
    """The body of a clip."""
    return {"title": f"Clip {next(NUMBERS)}", "talent_source": "Lala"} | fields


def create(api: Api, query: str = "", **fields: Any) -> dict[str, Any]:
    return data(api.client.post(CLIPS + query, new(**fields), api.editor), 201)


def data(answer: httpx.Response, status: int = 200) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()["data"]


def stored(api: Api, clip: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = data(api.client.get(path_of(clip), api.viewer))
    return found


def assign(api: Api, clip: dict[str, Any], episode: dict[str, Any], user: User | None = None) -> dict[str, Any]:
    """The clip, assigned to the episode."""
    body = {"episode_id": episode["episode_id"]}
    assigned: dict[str, Any] = data(api.client.post(f"{path_of(clip)}/assign", body, user or api.editor))
    return assigned


def ids(clips: list[dict[str, Any]]) -> list[str]:
    return [clip["clip_id"] for clip in clips]


def listed(api: Api, query: str) -> list[str]:
    """The ids that a list answers."""
    return ids(data(api.client.get(f"{CLIPS}?{query}", api.viewer)))


def log_of(api: Api, clip: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says of a clip, oldest first."""
    query = {"resource_type": "clip", "resource_id": clip["clip_id"], "limit": 100}
    entries: list[dict[str, Any]] = data(api.client.get("/api/v1/activity-logs", api.admin, params=query))
    return entries[::-1]


def caller_of(user: User) -> Caller:
    """The user as services know them."""
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


def on_a_thread(api: Api, request: Callable[[Client], httpx.Response]) -> httpx.Response:
    """What a client of this thread's own is answered."""
    with asyncio.Runner() as runner:
        return request(Client(api.client.app, runner))


def waiting(threads: ThreadPoolExecutor, api: Api, request: Callable[[Client], httpx.Response]) -> Future[Any]:
    """The request on another thread, after half a second in which it was not answered."""
    asked = threads.submit(on_a_thread, api, request)
    done, _ = wait([asked], timeout=0.5)
    assert not done, f"it did not wait: {asked.result().text}"
    return asked
