"""What a migration that has to wait costs those who write meanwhile."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
import sqlalchemy

from runtime.migrations.runner import head_revision
from tests.conftest import DatabaseAddress
from tests.runtime.migrations import rows
from tests.runtime.migrations.installation import Installation, dump, migrations, revisions

WRITE = """
INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id) VALUES ('writer', 'view', 'show', 'x')
"""
# The last revision before one that replaces constraints of a table that everybody writes to.
BEFORE_THE_LOCK = "0005"
# And the last one before indexes of such tables.
BEFORE_THE_INDEXES = revisions()[revisions().index("0010") - 1]
# What a busy machine may add to a lock's timeout before a thread is told.
SLACK_SECONDS = 1.5


@dataclass
class Writers:
    """What the application's writers saw."""

    longest_seconds: float = 0.0
    written: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seconds: float) -> None:
        with self.lock:
            self.written += 1
            self.longest_seconds = max(self.longest_seconds, seconds)

    def wait_for(self, more: int) -> None:
        """Returns when so many more writes are done."""
        before, deadline = self.written, time.monotonic() + 20
        while self.written < before + more:
            assert time.monotonic() < deadline, "writers do not go on"
            time.sleep(0.01)


@contextmanager
def writing(address: DatabaseAddress, count: int) -> Iterator[Writers]:
    """So many writers, one write after the other, until the end. Whatever a write raises is raised there."""
    seen, ended = Writers(), threading.Event()

    def write() -> None:
        with psycopg.connect(address.conninfo, autocommit=True) as connection:
            while not ended.is_set():
                begun = time.monotonic()
                connection.execute(WRITE)
                seen.note(time.monotonic() - begun)
                time.sleep(0.01)

    with ThreadPoolExecutor(count) as pool:
        running = [pool.submit(write) for _ in range(count)]
        try:
            yield seen
        finally:
            ended.set()
    for each in running:
        each.result()


@contextmanager
def reading(address: DatabaseAddress) -> Iterator[None]:
    """A transaction that has read the log and does not end."""
    with psycopg.connect(address.conninfo) as reader:
        reader.execute("SELECT FROM activity_logs LIMIT 1")
        yield


def test_writers_wait_no_longer_than_the_lock_timeout(database: DatabaseAddress, installed: Installation) -> None:
    migrator = migrations(database, lock_timeout=1, statement_timeout=5)
    migrator.upgrade(BEFORE_THE_LOCK)
    with writing(database, 8) as writers:
        with reading(database):
            begun = time.monotonic()
            with pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
                migrator.upgrade()
            waited = time.monotonic() - begun
            # Behind the migration that waits everybody waits; when it has given up they go on, and the reader never ended.
            writers.wait_for(20)
        assert migrator.current() == BEFORE_THE_LOCK
        assert migrator.upgrade() == revisions()[revisions().index(BEFORE_THE_LOCK) + 1 :]
    assert waited >= 1
    assert 0.5 < writers.longest_seconds < 1 + SLACK_SECONDS
    assert dump(database) == installed.dump


def test_index_is_built_while_others_write(database: DatabaseAddress, installed: Installation) -> None:
    """A writer whose transaction is open holds the index up, and is not held up by it, nor is any other."""
    migrator = migrations(database, lock_timeout=1)
    migrator.upgrade(BEFORE_THE_INDEXES)
    with psycopg.connect(database.conninfo) as writer, psycopg.connect(database.conninfo, autocommit=True) as other:
        rows.fill(other, BEFORE_THE_INDEXES)
        writer.execute("UPDATE upload_sessions SET file_name = 'y'")
        with pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
            migrator.upgrade()
        unfinished = other.execute("SELECT count(*) FROM pg_index WHERE NOT indisvalid").fetchone()
        assert unfinished == (1,)
        other.execute("INSERT INTO users (user_id) VALUES (uuidv7())")
        writer.execute("UPDATE upload_sessions SET file_name = 'z'")
        writer.commit()
        assert other.execute("SELECT DISTINCT file_name FROM upload_sessions").fetchall() == [("z",)]
    assert migrator.current() == BEFORE_THE_INDEXES
    assert migrator.upgrade()[-1] == head_revision()
    assert dump(database) == installed.dump


MILLION = """
INSERT INTO activity_logs (user_id, action_type, resource_type, resource_id)
SELECT 'writer', 'view', 'show', n::text FROM generate_series(1, 1000000) n
"""


@pytest.mark.long
@pytest.mark.timeout(600)
def test_twenty_writers_on_a_million_rows(database: DatabaseAddress, installed: Installation) -> None:
    migrator: Any = migrations(database)
    migrator.upgrade(BEFORE_THE_LOCK)
    with psycopg.connect(database.conninfo, autocommit=True) as owner:
        owner.execute(MILLION)
    with writing(database, 20) as writers:
        with reading(database), pytest.raises(sqlalchemy.exc.OperationalError, match="lock timeout"):
            migrator.upgrade()
        writers.wait_for(100)  # those that were held up are among them
        held_up = writers.longest_seconds
        writers.longest_seconds = 0.0
        begun = time.monotonic()
        migrator.upgrade()
        took = time.monotonic() - begun
    print(
        f"\nlongest write: {held_up:.2f} s behind a migration that waited, {writers.longest_seconds:.2f} s during one that"
        f" ran ({took:.2f} s); {writers.written} writes"
    )
    assert held_up < 4 + SLACK_SECONDS
    assert writers.longest_seconds < 4
    assert dump(database) == installed.dump
