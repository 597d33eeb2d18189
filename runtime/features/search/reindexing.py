"""Reindexing of episodes on request."""

from collections.abc import Sequence
from uuid import UUID

from runtime.adapters.search_index import get_search_index
from runtime.errors import FieldProblem, NotFoundError
from runtime.features.search.schemas import Engine, ReindexAccepted
from runtime.mechanisms.search_index import documents, messages
from runtime.persistence.transactions import Transaction
from runtime.settings import SearchSettings, load_settings


def request_reindex(transaction: Transaction, episode_ids: Sequence[UUID] | None) -> ReindexAccepted:
    """Queue these episodes, or all of them, for the next maintenance run.

    The run indexes the documents that are missing or outdated in the index. With Postgres as the only engine there is nothing
    to index.

    Raises:
        NotFoundError: Some of the episodes do not exist, with one problem per field. Deleted episodes do exist.
    """
    connection, everything = transaction.connection, episode_ids is None
    is_configured = get_search_index(load_settings(SearchSettings)).is_configured
    if episode_ids is None:
        if is_configured:
            messages.insert_for_every_show(connection)
        count = documents.count_episodes(connection)
    else:
        found = (
            messages.insert_for_episodes(connection, episode_ids)
            if is_configured
            else set(documents.existing_episode_ids(connection, episode_ids))
        )
        problems = [
            FieldProblem("Episode not found", f"body.episode_ids.{index}")
            for index, episode_id in enumerate(episode_ids)
            if episode_id not in found
        ]
        if problems:
            raise NotFoundError("Episode not found", problems=problems)
        count = len(found)
    engine = Engine.OPENSEARCH if is_configured else Engine.POSTGRES
    return ReindexAccepted(engine=engine, everything=everything, episode_count=count)
