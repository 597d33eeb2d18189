"""Keeps the search index up to date: there is one with this release's mapping, and it contains every change.

A new index is built beside the live one and replaces it when complete, so that searches never see a partial index. A run that
ends early is continued by the next one; only one run is active at a time.
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

# The maximum duration of a run, besides the request in progress: the function has other tasks and a timeout of a minute.
RUN_SECONDS = 20.0
# The read timeout of requests. It is long because no client waits for them.
READ_SECONDS = 10.0
PAGE = 100
MESSAGES = 500
# This project's key among the advisory locks, for runs of this module.
ADVISORY_LOCK = 7_305_418_208

NOTHING = {"told": 0, "indexed": 0, "building": 0}


@dataclass(frozen=True, kw_only=True)
class Build:
    """An index created by this module: the live one, or an incomplete one."""

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
    sent: int = 0

    @property
    def is_out_of_time(self) -> bool:
        return time.monotonic() >= self.ends_at


def catch_up(database: Database, index: SearchIndex, log: Logger) -> Counts:
    """Index every change that the index lacks; first build an index if there is none of this release's mapping.

    Returns:
        The numbers of processed messages (`told`) and written documents (`indexed`), and whether an index is still being built
        (`building`: 0 or 1). All are 0 while there is no domain.

    Raises:
        UnavailableError: The engine or the database is unavailable.
    """
    return _run(database, index, log, lambda current: current is None or current.digest != DIGEST)


def rebuild(database: Database, index: SearchIndex, log: Logger) -> Counts:
    """Build a new index from the database, or continue an incomplete one; returns and raises like `catch_up`.

    If the run ends early, runs of `catch_up` continue it too.
    """
    return _run(database, index, log, lambda _: True)


def _run(database: Database, index: SearchIndex, log: Logger, needs_build: Callable[[Build | None], bool]) -> Counts:
    if not index.has_endpoint():
        return dict(NOTHING)
    with _exclusive_connection(database) as connection:
        if connection is None:
            return dict(NOTHING)
        run = _Run(connection, index, log, time.monotonic() + RUN_SECONDS)
        builds = _find_builds(index)
        live = next((build for build in builds if build.is_live), None)
        if live is not None:
            # Before the build: the live index serves searches until the new one is complete, which may take many runs.
            _send_messages(run)
        unfinished = next((build for build in builds if not build.is_live and build.digest == DIGEST), None)
        if unfinished is None and needs_build(live):
            unfinished = _create_index(run)
        is_complete = unfinished is None or _build(run, unfinished, builds)
        # The messages for a new index; a run that did not complete it has no time left for them.
        _send_messages(run)
        return {"told": run.sent, "indexed": run.indexed, "building": int(not is_complete)}


@contextmanager
def _exclusive_connection(database: Database) -> Iterator[Connection | None]:
    """Provide one autocommit connection that holds the lock for the whole run; None if another run holds it.

    The lock belongs to the session, so it is released if the process dies.
    """
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


def _find_builds(index: SearchIndex) -> list[Build]:
    """Return the indices, newest first."""
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


def _create_index(run: _Run) -> Build:
    row = run.connection.execute(
        "SELECT now()::text AS moment, to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSUS') AS digits"
    ).fetchone()
    assert row is not None, "the query returns one row"  # noqa: S101
    build = Build(name=f"{ALIAS}-{row['digits']}", digest=DIGEST, started_at=row["moment"], is_live=False)
    run.index.send("PUT", f"/{build.name}", definition(build.started_at), read_seconds=READ_SECONDS)
    run.log.info(SEARCH_INDEX_BUILDING, extra={"index": build.name})
    return build


def _build(run: _Run, build: Build, builds: list[Build]) -> bool:
    """Write the missing documents and make the index live; return False if the time is over before that."""
    after = _find_last_episode(run, build)
    while page := documents.find_documents(run.connection, after=after, limit=PAGE):
        run.indexed += indexing.write_documents(run.index, build.name, page, read_seconds=READ_SECONDS)
        after = page[-1].episode_id
        if run.is_out_of_time:
            return False
    # Changes since the start of the build went to the previous index only. They are marked as unsent before the switch, so that
    # they are not lost if this run is interrupted.
    messages.requeue(run.connection, since=build.started_at)
    remove_others = [{"remove_index": {"index": other.name}} for other in builds if other.name != build.name]
    add_alias = {"add": {"index": build.name, "alias": ALIAS}}
    run.index.send("POST", f"/{build.name}/_refresh", read_seconds=READ_SECONDS)
    run.index.send("POST", "/_aliases", {"actions": [add_alias, *remove_others]}, read_seconds=READ_SECONDS)
    run.log.info(SEARCH_INDEX_BUILT, extra={"index": build.name})
    return True


def _find_last_episode(run: _Run, build: Build) -> UUID | None:
    """Return the last episode in an incomplete index; episodes are written in the order of their ids."""
    run.index.send("POST", f"/{build.name}/_refresh", read_seconds=READ_SECONDS)
    query = {"size": 1, "_source": False, "sort": [{"episode_id": "desc"}]}
    found = run.index.send("POST", f"/{build.name}/_search", query, read_seconds=READ_SECONDS)["hits"]["hits"]
    return UUID(found[0]["_id"]) if found else None


def _send_messages(run: _Run) -> None:
    """Index the changes of unsent messages until none is left or the time is over."""
    while not run.is_out_of_time and (unsent := messages.find_unsent(run.connection, limit=MESSAGES)):
        episode_ids = [message.episode_id for message in unsent if message.episode_id]
        show_ids = [message.show_id for message in unsent if message.show_id]
        after: UUID | None = None
        while page := documents.find_documents(
            run.connection, episode_ids=episode_ids, show_ids=show_ids, after=after, limit=PAGE
        ):
            run.indexed += indexing.write_documents(run.index, ALIAS, page, read_seconds=READ_SECONDS)
            after = page[-1].episode_id
        run.sent += messages.mark_sent(run.connection, unsent)
