"""Whatever is killed whenever: what a client was told is stored, and nothing is there twice."""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict as address
from psycopg.rows import dict_row

from local.account import LocalAccount
from local.compute.postgres import EmbeddedPostgres
from local.doors.stack_files import load_stack_config
from local.process_registry import FILE_NAME, registered
from local.supervisor import Supervisor
from tests.journeys.conftest import ROOT, SETTINGS, with_changes
from tests.journeys.journal import Editor, GivenUpError, Journal

CLIENTS = 4
# Short enough that a killed worker's message is back soon: visibility = six timeouts, timeout < lease < visibility.
QUICK = {
    "queue": {"visibility_seconds": 18},
    "thumbnails": {"timeout_seconds": 3, "job_lease_seconds": 4},
    "api": {"timeout_seconds": 10},
    "maintenance": {"outbox_grace_seconds": 11},
}
VICTIMS = ("function-episode-metadata-api", "function-episode-metadata-thumbnail", "postgres", "object-gate")


@dataclass
class Host:
    """The process that holds a platform, and what it said when it was up."""

    process: "subprocess.Popen[str]"
    directory: Path
    outputs: dict[str, str]
    account: LocalAccount

    def ask(self, question: str) -> Any:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(f"{question}\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def pids(self, *names: str) -> list[int]:
        """Of the running processes whose names begin so."""
        return [each.pid for each in registered(self.directory / FILE_NAME) if each.name.startswith(names)]

    def token(self) -> str:
        cognito, pool, name = self.account.client("cognito-idp"), self.outputs["user_pool_id"], "admin@example.com"
        cognito.admin_create_user(UserPoolId=pool, Username=name, MessageAction="SUPPRESS")
        cognito.admin_set_user_password(UserPoolId=pool, Username=name, Password="Correct-horse-9", Permanent=True)
        cognito.admin_add_user_to_group(UserPoolId=pool, Username=name, GroupName="admin")
        signed_in = cognito.initiate_auth(
            ClientId=self.outputs["user_pool_client_id"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": name, "PASSWORD": "Correct-horse-9"},
        )
        token: str = signed_in["AuthenticationResult"]["AccessToken"]
        return token

    def conninfo(self) -> str:
        secret = self.account.client("secretsmanager").get_secret_value(SecretId=self.outputs["database_secret_arn"])
        value = json.loads(secret["SecretString"])
        return (
            f"host={value['host']} port={value['port']} dbname={value['database']} user={value['username']}"
            f" password={value['password']}"
        )


@contextmanager
def hosted(directory: Path) -> Iterator[Host]:
    config = load_stack_config(ROOT, "dev")
    settings = json.dumps(with_changes(json.loads(config[SETTINGS]), QUICK))
    with (directory / "host.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.journeys.journal_host", str(directory), settings],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    with process:
        assert process.stdout
        try:
            said = process.stdout.readline()
            assert said, (directory / "host.log").read_text()
            up = json.loads(said)
            yield Host(process, directory, up["outputs"], LocalAccount(**up["account"]))
        finally:
            assert process.stdin
            process.stdin.close()


class Killer:
    """Kills a random part whenever so many more actions were acknowledged, while the block runs: by progress and not by the
    clock, so that a slow machine is not killed to a standstill."""

    def __init__(self, host: Host, journal: Journal, most_actions_between: int) -> None:
        self.kills: list[str] = []
        self._host, self._journal, self._most = host, journal, most_actions_between
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Killer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        next_kill = 1
        while not self._over.wait(random.uniform(0, 0.03)):
            if self._journal.length < next_kill:
                continue
            name = random.choice(VICTIMS)
            for pid in self._host.pids(name)[:1]:
                os.kill(pid, signal.SIGKILL)
                self.kills.append(name)
            next_kill = self._journal.length + random.randint(1, self._most)


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


class Relay:
    """Runs the maintenance function as its schedule would, only more often, while the block runs."""

    def __init__(self, host: Host) -> None:
        self._host, self._over = host, threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Relay":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(2):
            self._host.ask("maintain")


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

        left = [psutil.Process(pid) for pid in host.pids("")]
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

    @pytest.mark.timeout(600)
    def test_what_was_told_is_stored_once(self, tmp_path: Path, supervisor: Supervisor) -> None:
        run_journal(tmp_path, supervisor, journeys=20, most_actions_between=16)

    @pytest.mark.long
    @pytest.mark.timeout(1800)
    def test_two_hundred_journeys(self, tmp_path: Path, supervisor: Supervisor) -> None:
        run_journal(tmp_path, supervisor, journeys=200, most_actions_between=20)
