"""Tells the search index of changes: by a message in the transaction of the change, which is sent sooner or later, and by one
attempt right after the commit, so that what was just written is found at once."""

from uuid import UUID

from runtime.adapters.logs import get_logger
from runtime.adapters.search_index import SearchIndex, get_search_index
from runtime.errors import NotFoundError, UnavailableError
from runtime.mechanisms.search_index import documents, indexing, messages
from runtime.mechanisms.search_index.documents import IndexedDocument
from runtime.mechanisms.search_index.mapping import ALIAS
from runtime.persistence.transactions import Transaction
from runtime.settings import SearchSettings, load_settings

SEARCH_INDEX_DELAYED = "search_index_delayed"


def index_episode(transaction: Transaction, episode_id: UUID) -> None:
    """The episode is another than before, or is deleted, or is back."""
    index = get_search_index(load_settings(SearchSettings))
    if not index.is_configured:
        return
    messages.insert(transaction.connection, episode_id=episode_id)
    # Read while the episode is locked, and with its version: whatever comes later has a higher one.
    told = documents.find_documents(transaction.connection, episode_ids=[episode_id], limit=1)
    transaction.after_commit(lambda: _attempt(index, told))


def index_show(transaction: Transaction, show_id: UUID) -> None:
    """The show has another name, which is part of what is told of each of its episodes. They may be many, so nobody waits for
    them."""
    if get_search_index(load_settings(SearchSettings)).is_configured:
        messages.insert(transaction.connection, show_id=show_id)


def _attempt(index: SearchIndex, told: list[IndexedDocument]) -> None:
    """Never raises: there is the message."""
    log = get_logger("search")
    try:
        indexing.write_documents(index, ALIAS, told)
    except (UnavailableError, NotFoundError) as error:
        log.info(SEARCH_INDEX_DELAYED, extra={"reason": error.message})
    except Exception:
        log.exception(SEARCH_INDEX_DELAYED)
