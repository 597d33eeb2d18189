"""Keeps the search index: there is one, it is of this release's mapping, and it hears of every change.

An index is built beside the one that answers and takes its place when it is complete, so that nobody is answered by half of
one. What one run does not come to, the next goes on with; there is one at a time.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

from aws_lambda_powertools import Logger

from runtime.adapters.database import Database
from runtime.adapters.search_index import SearchIndex
from runtime.errors import NotFoundError
from runtime.mechanisms.search_index import documents, indexing, messages
from runtime.mechanisms.search_index.mapping import ALIAS, BUILDS_ALIAS, DIGEST, definition
from runtime.persistence.transactions import Connection

SEARCH_INDEX_BUILDING = "search_index_building"
SEARCH_INDEX_BUILT = "search_index_built"

Counts = dict[str, int]

# What a run takes at most, besides the request that is under way. The function has other tasks, and ends after a minute.
RUN_SECONDS = 20.0
# Writing may take its time, nobody waits for it.
READ_SECONDS = 10.0
PAGE = 100
MESSAGES = 500
# This project's key among the advisory locks for whoever keeps the index.
ADVISORY_LOCK = 7_305_418_208

NOTHING = {"told": 0, "indexed": 0, "building": 0}


@dataclass(frozen=True, kw_only=True)
class Build:
    """An index that was made here: the one that answers, or one that is not complete."""

    name: str
    digest: str
    started_at: str
    is_live: bool


@dataclass
class _Run:
    connection: Connection
    index: SearchIndex
    log: Logger
    ends_at: float
    indexed: int = 0
    told: int = 0

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.ends_at


def catch_up(database: Database, index: SearchIndex, log: Logger) -> Counts:
    """Tells the index of every change it has not heard of, and first makes one where there is none of this release's mapping.

    How many messages were told, documents written, and whether (1) an index is still being built. All 0 while there is no domain.
    UnavailableError when the engine or the database does not answer.
    """
    return _run(database, index, log, lambda current: current is None or current.digest != DIGEST)


def rebuild(database: Database, index: SearchIndex, log: Logger) -> Counts:
    """Makes a new index of everything in the database, or goes on with the one that is being made; see `catch_up`, which goes
    on with it too when a run has no time left."""
    return _run(database, index, log, lambda _: True)


def _run(database: Database, index: SearchIndex, log: Logger, is_wanted: Callable[[Build | None], bool]) -> Counts:
    if not index.has_endpoint():
        return dict(NOTHING)
    with _alone(database) as connection:
        if connection is None:
            return dict(NOTHING)
        run = _Run(connection, index, log, time.monotonic() + RUN_SECONDS)
        builds = _builds(index)
        live = next((build for build in builds if build.is_live), None)
        if live is not None:
            # First: it is searched while another is built, however many runs that takes.
            _tell(run)
        unfinished = next((build for build in builds if not build.is_live and build.digest == DIGEST), None)
        if unfinished is None and is_wanted(live):
            unfinished = _begin(run)
        is_complete = unfinished is None or _build(run, unfinished, builds)
        # What a new index has to hear; a run that left something to build has no time for it.
        _tell(run)
        return {"told": run.told, "indexed": run.indexed, "building": int(not is_complete)}


@contextmanager
def _alone(database: Database) -> Iterator[Connection | None]:
    """One connection for the whole run, whose statements stand for themselves, and which dies with its process: none when
    another run has the lock."""
    with database.autocommit() as connection:
        row = connection.execute("SELECT pg_try_advisory_lock(%s) AS locked", [ADVISORY_LOCK]).fetchone()
        if not row or not row["locked"]:
            yield None
            return
        try:
            yield connection
        finally:
            if not connection.closed:
                connection.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])


def _builds(index: SearchIndex) -> list[Build]:
    """The newest first."""
    try:
        found = index.send("GET", f"/{BUILDS_ALIAS}", read_seconds=READ_SECONDS)
    except NotFoundError:
        return []
    builds = [
        Build(
            name=name,
            digest=described["mappings"]["_meta"]["digest"],
            started_at=described["mappings"]["_meta"]["started_at"],
            is_live=ALIAS in described["aliases"],
        )
        for name, described in found.items()
    ]
    return sorted(builds, key=lambda build: build.started_at, reverse=True)


def _begin(run: _Run) -> Build:
    row = run.connection.execute(
        "SELECT now()::text AS moment, to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') AS digits"
    ).fetchone()
    assert row is not None, "it answers one row"  # noqa: S101
    build = Build(name=f"{ALIAS}-{row['digits']}", digest=DIGEST, started_at=row["moment"], is_live=False)
    run.index.send("PUT", f"/{build.name}", definition(build.started_at), read_seconds=READ_SECONDS)
    run.log.info(SEARCH_INDEX_BUILDING, extra={"index": build.name})
    return build


def _build(run: _Run, build: Build, builds: list[Build]) -> bool:
    """Writes what is missing, and lets the index answer when nothing is. Whether it came to that."""
    after = _last_of(run, build)
    while page := documents.find_documents(run.connection, after=after, limit=PAGE):
        run.indexed += indexing.write_documents(run.index, build.name, page, read_seconds=READ_SECONDS)
        after = page[-1].episode_id
        if run.is_over:
            return False
    # What changed since the beginning was told to the index that answered till now. It is told again, and before anything of it
    # could be forgotten: whoever goes on from here finds it unsent.
    messages.requeue(run.connection, since=build.started_at)
    others = [{"remove_index": {"index": other.name}} for other in builds if other.name != build.name]
    answers = {"add": {"index": build.name, "alias": ALIAS}}
    run.index.send("POST", f"/{build.name}/_refresh", read_seconds=READ_SECONDS)
    run.index.send("POST", "/_aliases", {"actions": [answers, *others]}, read_seconds=READ_SECONDS)
    run.log.info(SEARCH_INDEX_BUILT, extra={"index": build.name})
    return True


def _last_of(run: _Run, build: Build) -> UUID | None:
    """Up to which episode a build has come; episodes are written in the order of their ids."""
    run.index.send("POST", f"/{build.name}/_refresh", read_seconds=READ_SECONDS)
    asked = {"size": 1, "_source": False, "sort": [{"episode_id": "desc"}]}
    found = run.index.send("POST", f"/{build.name}/_search", asked, read_seconds=READ_SECONDS)["hits"]["hits"]
    return UUID(found[0]["_id"]) if found else None


def _tell(run: _Run) -> None:
    """Sends messages until none is left or the time is over."""
    while not run.is_over and (unsent := messages.find_unsent(run.connection, limit=MESSAGES)):
        episode_ids = [message.episode_id for message in unsent if message.episode_id]
        show_ids = [message.show_id for message in unsent if message.show_id]
        after: UUID | None = None
        while page := documents.find_documents(
            run.connection, episode_ids=episode_ids, show_ids=show_ids, after=after, limit=PAGE
        ):
            run.indexed += indexing.write_documents(run.index, ALIAS, page, read_seconds=READ_SECONDS)
            after = page[-1].episode_id
        run.told += messages.mark_sent(run.connection, unsent)
