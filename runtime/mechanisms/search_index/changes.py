"""Tells the search index of changes: by a message in the transaction of the change, which is sent sooner or later, and by one
attempt right after the commit, so that what was just written is found at once."""

from collections.abc import Sequence
from uuid import UUID

from runtime.adapters.logs import logger
from runtime.adapters.search_index import SearchIndex, search_index
from runtime.errors import FieldProblem, NotFoundError, UnavailableError
from runtime.features.search import repository
from runtime.features.search.repository import IndexedDocument
from runtime.features.search.schemas import Engine, IndexingAsked
from runtime.mechanisms.search_index import indexing, messages
from runtime.mechanisms.search_index.mapping import ALIAS
from runtime.persistence.transactions import Transaction
from runtime.settings import SearchSettings, load

SEARCH_INDEX_DELAYED = "search_index_delayed"


def note_episode(transaction: Transaction, episode_id: UUID) -> None:
    """The episode is another than before, or is deleted, or is back."""
    index = search_index(load(SearchSettings))
    if not index.is_configured:
        return
    messages.insert(transaction.connection, episode_id=episode_id)
    # Read while the episode is locked, and with its version: whatever comes later has a higher one.
    told = repository.find_documents(transaction.connection, episode_ids=[episode_id], limit=1)
    transaction.after_commit(lambda: _attempt(index, told))


def note_show(transaction: Transaction, show_id: UUID) -> None:
    """The show has another name, which is part of what is told of each of its episodes. They may be many, so nobody waits for
    them."""
    if search_index(load(SearchSettings)).is_configured:
        messages.insert(transaction.connection, show_id=show_id)


def ask(transaction: Transaction, episode_ids: Sequence[UUID] | None) -> IndexingAsked:
    """Has the index hear of these episodes again, or of all of them, with the next run of the maintenance: of whatever it has in
    an older version or not at all. Where Postgres is the only engine, nothing is to do.

    NotFoundError, by field, for episodes that there are not, deleted ones aside.
    """
    connection, everything = transaction.connection, episode_ids is None
    is_kept = search_index(load(SearchSettings)).is_configured
    if episode_ids is None:
        if is_kept:
            messages.insert_for_every_show(connection)
        count = repository.count_episodes(connection)
    else:
        found = (
            messages.insert_for_episodes(connection, episode_ids)
            if is_kept
            else set(repository.existing(connection, episode_ids))
        )
        problems = [
            FieldProblem("There is no such episode", f"body.episode_ids.{place}")
            for place, episode_id in enumerate(episode_ids)
            if episode_id not in found
        ]
        if problems:
            raise NotFoundError("There is no such episode", problems=problems)
        count = len(found)
    engine = Engine.OPENSEARCH if is_kept else Engine.POSTGRES
    return IndexingAsked(engine=engine, everything=everything, episode_count=count)


def _attempt(index: SearchIndex, told: list[IndexedDocument]) -> None:
    """Never raises: there is the message."""
    log = logger("search")
    try:
        indexing.write(index, ALIAS, told)
    except (UnavailableError, NotFoundError) as error:
        log.info(SEARCH_INDEX_DELAYED, extra={"reason": error.message})
    except Exception:
        log.exception(SEARCH_INDEX_DELAYED)
