"""Updates of the search index after changes.

A message in the transaction of the change guarantees the update; an immediate attempt after the commit makes it visible at once.
"""

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
    """Index an episode after it was created, updated, deleted or restored."""
    index = get_search_index(load_settings(SearchSettings))
    if not index.is_configured:
        return
    messages.insert(transaction.connection, episode_id=episode_id)
    # Read while the episode is locked, with its version: later changes have a higher one.
    found = documents.find_documents(transaction.connection, episode_ids=[episode_id], limit=1)
    transaction.after_commit(lambda: _attempt(index, found))


def index_show(transaction: Transaction, show_id: UUID) -> None:
    """Index a show's episodes after it was renamed, in the background: there may be many of them."""
    if get_search_index(load_settings(SearchSettings)).is_configured:
        messages.insert(transaction.connection, show_id=show_id)


def _attempt(index: SearchIndex, found: list[IndexedDocument]) -> None:
    """Write the documents. Never raises: the message guarantees the update."""
    log = get_logger("search")
    try:
        indexing.write_documents(index, ALIAS, found)
    except (UnavailableError, NotFoundError) as error:
        log.info(SEARCH_INDEX_DELAYED, extra={"reason": error.message})
    except Exception:
        log.exception(SEARCH_INDEX_DELAYED)
