"""Concurrent creation and activation of script versions."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.runtime.features.api_platform import Api, Client
from tests.runtime.features.episodes.episode_fields import path_of

CREATORS = 20
ACTIVATORS = 50
WAITING = 3


def all_at_once(api: Api, database: Any, number: int, request: Callable[[Client, int], Any]) -> list[Any]:
    """Send concurrent requests. The episode is locked until several wait for it, so that they do overlap."""

    def send(each: int) -> Any:
        with asyncio.Runner() as runner:
            client = Client(api.client.app, runner)
            # All threads share four connections: one that waits too long gets 503.
            while (response := request(client, each)).status_code == 503:
                pass
            return response

    with (
        psycopg.connect(database.conninfo, autocommit=True) as looking,
        psycopg.connect(database.conninfo) as holding,
        ThreadPoolExecutor(number) as threads,
    ):
        holding.execute("SELECT FROM episodes FOR UPDATE")
        responses = threads.map(send, range(number))
        while len(looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()) < WAITING:
            pass
        holding.rollback()
        return list(responses)


def rows(database: Any, statement: str) -> list[Any]:
    with psycopg.connect(database.conninfo) as connection:
        return connection.execute(statement).fetchall()


class TestConcurrency:
    @pytest.mark.requirement("ROAD-107", "ROAD-86")
    def test_concurrent_versions_have_no_gaps_or_duplicates(self, api: Api, database: Any) -> None:
        episode = api.create_episode()
        path = f"{path_of(episode)}/script-versions"
        responses = all_at_once(
            api,
            database,
            CREATORS,
            lambda client, number: client.post(path, {"script_text": f"Script {number}"}, api.editor),
        )
        assert {response.status_code for response in responses} == {201}
        numbers = sorted(response.json()["data"]["version_number"] for response in responses)
        assert numbers == list(range(1, CREATORS + 1))
        listed = api.client.get(f"{path}?limit=100", api.viewer).json()["data"]
        assert [version["version_number"] for version in listed] == numbers[::-1]
        assert [version["is_active"] for version in listed] == [True] + [False] * (CREATORS - 1)
        text = api.client.get(f"{path}/active", api.viewer).json()["data"]["script_text"]
        assert api.client.get(path_of(episode), api.viewer).json()["data"]["script_text"] == text

    @pytest.mark.requirement("ROAD-107", "ROAD-86", "ROAD-78")
    def test_concurrent_activations_leave_one_active(self, api: Api, database: Any) -> None:
        episode = api.create_episode()
        path = f"{path_of(episode)}/script-versions"
        created = [
            api.client.post(path, {"script_text": f"Script {number}", "activate": False}, api.editor).json()["data"]
            for number in range(5)
        ]
        responses = all_at_once(
            api,
            database,
            ACTIVATORS,
            lambda client, number: client.post(
                f"{path}/{created[number % len(created)]['script_version_id']}/activate", user=api.editor
            ),
        )
        assert {response.status_code for response in responses} == {200}
        statement = "SELECT script_version_id::text, script_text FROM script_versions WHERE is_active"
        ((version_id, text),) = rows(database, statement)
        assert api.client.get(f"{path}/active", api.viewer).json()["data"]["script_version_id"] == version_id
        assert rows(database, "SELECT script_text FROM episodes") == [(text,)]
        # Each activation of an inactive version is logged and changed the episode.
        counted = "SELECT count(*) FROM activity_logs WHERE action_type = '{}' AND resource_type = '{}'"
        activated = rows(database, counted.format("activate", "script_version"))
        assert activated == rows(database, counted.format("edit", "episode"))
        assert 1 < activated[0][0] <= ACTIVATORS
