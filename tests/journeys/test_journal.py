"""Whatever is killed whenever: what a client was told is stored, and nothing is there twice."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict as address
from psycopg.rows import dict_row

from local.compute.rds.postgres import EmbeddedPostgres
from local.supervisor import Supervisor
from tests.journeys.journal import Editor, GivenUpError, Journal
from tests.journeys.journal_platform import Host, Killer, Relay, hosted

pytestmark = pytest.mark.platform

CLIENTS = 4


def rows(conninfo: str, query: str, *parameters: object) -> list[dict[str, Any]]:
    """Asks again while the server comes back."""
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(conninfo, row_factory=dict_row, autocommit=True) as connection:
                return connection.execute(query, parameters).fetchall()
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


def check_stored(conninfo: str, journal: Journal) -> None:
    """Acknowledged ⊆ stored, each once, and the log tells of each once."""
    shows = {
        row["name"]: row
        for row in rows(conninfo, "SELECT name, show_id::text, count(*) OVER (PARTITION BY name) FROM shows")
    }
    for entry in journal.read("show"):
        assert shows[entry["name"]] == {"name": entry["name"], "show_id": entry["show_id"], "count": 1}
    assert {row["count"] for row in shows.values()} <= {1}, "a show that nobody was told of is there once too"
    logged = rows(
        conninfo,
        "SELECT resource_id, action_type, count(*) FROM activity_logs WHERE action_type IN ('create', 'upload')"
        " AND resource_type <> 'upload' GROUP BY 1, 2",
    )
    assert {row["count"] for row in logged} <= {1}
    created = {row["resource_id"] for row in logged if row["action_type"] == "create"}
    episodes = {
        row["episode_id"]: row for row in rows(conninfo, "SELECT episode_id::text, show_id::text, title FROM episodes")
    }
    for entry in journal.read("episode"):
        assert episodes[entry["episode_id"]]["show_id"] == entry["show_id"]
    assert created >= {entry["show_id"] for entry in journal.read("show")} | set(episodes)
    for entry in journal.read("titled"):
        assert episodes[entry["episode_id"]]["title"] == entry["title"]
    uploads = rows(conninfo, "SELECT upload_id::text, job_id::text, status FROM upload_sessions")
    by_id = {row["upload_id"]: row for row in uploads}
    assert by_id.keys() >= {entry["upload_id"] for entry in journal.read("announced")}
    for entry in journal.read("completed"):
        assert (by_id[entry["upload_id"]]["status"], by_id[entry["upload_id"]]["job_id"]) == (
            "completed",
            entry["job_id"],
        )
    jobs = rows(conninfo, "SELECT job_id::text FROM processing_queue")
    assert sorted(row["job_id"] for row in jobs) == sorted(row["job_id"] for row in uploads if row["job_id"])
    thumbnails = rows(conninfo, "SELECT job_id::text, count(*) FROM thumbnails GROUP BY 1")
    counted = {row["job_id"]: row["count"] for row in thumbnails}
    for entry in journal.read("rendered"):
        assert counted[entry["job_id"]] == 3


def check_finished(host: Host, journal: Journal, journeys: int) -> None:
    """Every journey came to its end, and nothing waits to be sent."""
    for action in ("show", "episode", "titled", "announced", "completed"):
        assert len(journal.read(action)) == journeys, action
    # A job whose worker was killed three times over has ended too.
    exhausted = journal.read("exhausted")
    assert len(journal.read("rendered")) + len(exhausted) == journeys
    assert len(exhausted) <= journeys // 20
    deadline = time.monotonic() + 60
    while rows(host.conninfo(), "SELECT FROM outbox WHERE sent_at IS NULL"):
        assert time.monotonic() < deadline
        time.sleep(0.5)
    ended = rows(
        host.conninfo(), "SELECT coalesce(error_code, status) AS word, count(*) FROM processing_queue GROUP BY 1"
    )
    assert sum(row["count"] for row in ended if row["word"] == "completed") == len(journal.read("rendered"))
    assert {row["word"] for row in ended} <= {"completed", "ATTEMPTS_EXHAUSTED"}
    bucket = host.outputs["storage_bucket"]
    stored = host.account.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket)
    assert sum(page["KeyCount"] for page in stored) == journeys


@contextmanager
def making_shows(editor: Editor) -> Iterator[None]:
    """Clients make shows, one after the other, from some time before the block until some time after, or until nobody
    serves them any more."""
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                editor.show()
            except GivenUpError:
                return

    with ThreadPoolExecutor(CLIENTS) as clients:
        working = [clients.submit(work) for _ in range(CLIENTS)]
        time.sleep(0.5)
        yield
        time.sleep(0.5)
        over.set()
    for done in working:
        done.result()


def run_journal(scratch: Path, supervisor: Supervisor, *, journeys: int, most_actions_between: int) -> None:
    directory = scratch / "platform"
    directory.mkdir()
    journal = Journal(scratch / "journal.ndjson")
    with hosted(directory) as host:
        editor = Editor(host.outputs["api_url"], host.token(), journal)
        conninfo = host.conninfo()
        with Killer(host, journal, most_actions_between) as killer, Relay(host), ThreadPoolExecutor(CLIENTS) as clients:
            for done in [clients.submit(editor.journey) for _ in range(journeys)]:
                done.result()
        killed = ", ".join(f"{count} × {name}" for name, count in sorted(Counter(killer.kills).items()))
        print(f"{journeys} journeys; killed: {killed}; answers: {dict(editor.statuses)}")
        assert killer.kills
        with Relay(host):
            check_finished(host, journal, journeys)
        check_stored(conninfo, journal)
        assert host.ask("health") == "running"

        impatient = Editor(host.outputs["api_url"], editor.token, journal, patience=1)
        (emulator,) = host.pids("emulator")
        with making_shows(impatient):
            os.kill(emulator, signal.SIGKILL)
        assert host.ask("health") == "degraded"
        check_stored(conninfo, journal)

        left = host.running()
        with making_shows(impatient):
            host.process.kill()
        assert psutil.wait_procs(left, timeout=30)[1] == []
    assert len(journal.read("show")) > journeys
    # The platform is gone, with nothing left running; what is on the disk is what was acknowledged.
    (data,) = (directory / "databases").iterdir()
    server = EmbeddedPostgres(
        supervisor, data, name="left", port=int(address(conninfo)["port"]), username="", password="", database=""
    )
    server.start()
    try:
        check_stored(conninfo, journal)
    finally:
        server.stop()


class TestJournal:
    """SIGKILL for the API, the workers, Postgres and storage's gate at random; then for the emulator; then for the supervisor."""

    @pytest.mark.requirement("NOVA-62")
    @pytest.mark.timeout(600)
    def test_what_was_told_is_stored_once(self, tmp_path: Path, supervisor: Supervisor) -> None:
        run_journal(tmp_path, supervisor, journeys=20, most_actions_between=16)

    @pytest.mark.long
    @pytest.mark.timeout(1800)
    def test_two_hundred_journeys(self, tmp_path: Path, supervisor: Supervisor) -> None:
        run_journal(tmp_path, supervisor, journeys=200, most_actions_between=20)
