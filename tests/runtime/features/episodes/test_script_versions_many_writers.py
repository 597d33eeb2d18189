"""Many who make and activate versions of one script at once."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from tests.runtime.features.api_platform import Api, Client
from tests.runtime.features.episodes.whole_episode import path_of

CREATORS = 20
ACTIVATORS = 50
WAITING = 3


def all_at_once(api: Api, database: Any, number: int, request: Callable[[Client, int], Any]) -> list[Any]:
    """The answers to so many requests. The episode is held until several wait for it, so that they do meet."""

    def send(each: int) -> Any:
        with asyncio.Runner() as runner:
            client = Client(api.client.app, runner)
            # All share four connections: who waits too long for one is told to come again.
            while (answer := request(client, each)).status_code == 503:
                pass
            return answer

    with (
        psycopg.connect(database.conninfo, autocommit=True) as looking,
        psycopg.connect(database.conninfo) as holding,
        ThreadPoolExecutor(number) as threads,
    ):
        holding.execute("SELECT FROM episodes FOR UPDATE")
        answers = threads.map(send, range(number))
        while len(looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall()) < WAITING:
            pass
        holding.rollback()
        return list(answers)


def rows(database: Any, statement: str) -> list[Any]:
    with psycopg.connect(database.conninfo) as connection:
        return connection.execute(statement).fetchall()


class TestManyWriters:
    @pytest.mark.requirement("ROAD-107", "ROAD-86")
    def test_versions_are_counted_without_gaps_or_doubles(self, api: Api, database: Any) -> None:
        episode = api.create_episode()
        path = f"{path_of(episode)}/script-versions"
        answers = all_at_once(
            api,
            database,
            CREATORS,
            lambda client, number: client.post(path, {"script_text": f"Script {number}"}, api.editor),
        )
        assert {answer.status_code for answer in answers} == {201}
        numbers = sorted(answer.json()["data"]["version_number"] for answer in answers)
        assert numbers == list(range(1, CREATORS + 1))
        listed = api.client.get(f"{path}?limit=100", api.viewer).json()["data"]
        assert [version["version_number"] for version in listed] == numbers[::-1]
        assert [version["is_active"] for version in listed] == [True] + [False] * (CREATORS - 1)
        text = api.client.get(f"{path}/active", api.viewer).json()["data"]["script_text"]
        assert api.client.get(path_of(episode), api.viewer).json()["data"]["script_text"] == text

    @pytest.mark.requirement("ROAD-107", "ROAD-86", "ROAD-78")
    def test_one_is_active_whoever_was_last(self, api: Api, database: Any) -> None:
        episode = api.create_episode()
        path = f"{path_of(episode)}/script-versions"
        made = [
            api.client.post(path, {"script_text": f"Script {number}", "activate": False}, api.editor).json()["data"]
            for number in range(5)
        ]
        answers = all_at_once(
            api,
            database,
            ACTIVATORS,
            lambda client, number: client.post(
                f"{path}/{made[number % len(made)]['script_version_id']}/activate", user=api.editor
            ),
        )
        assert {answer.status_code for answer in answers} == {200}
        statement = "SELECT script_version_id::text, script_text FROM script_versions WHERE is_active"
        ((version_id, text),) = rows(database, statement)
        assert api.client.get(f"{path}/active", api.viewer).json()["data"]["script_version_id"] == version_id
        assert rows(database, "SELECT script_text FROM episodes") == [(text,)]
        # Each activation but those of what was active already is in the log, and was a change of the episode.
        counted = "SELECT count(*) FROM activity_logs WHERE action_type = '{}' AND resource_type = '{}'"
        activated = rows(database, counted.format("activate", "script_version"))
        assert activated == rows(database, counted.format("edit", "episode"))
        assert 1 < activated[0][0] <= ACTIVATORS
