"""The rules of a show: that it is not deleted while it has episodes, and that search knows its name."""

from runtime.errors import ConflictError
from runtime.features.shows import repository
from runtime.features.shows.repository import TABLE
from runtime.features.shows.schemas import Show
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.service import RecordService
from runtime.mechanisms.search_index import changes as search_index
from runtime.persistence.transactions import Transaction


def _keep_with_episodes(transaction: Transaction, show: Show) -> None:
    # Each of them would vanish with it, so they are deleted one by one, by somebody who sees them.
    if count := repository.count_episodes(transaction.connection, show.show_id):
        raise ConflictError(f"The show still has episodes ({count}); delete them first", field="path.show_id")


def _tell_search(transaction: Transaction, before: Show | None, after: Show) -> None:
    if before and after.name != before.name:
        search_index.index_show(transaction, after.show_id)


SHOWS = RecordService(
    table=TABLE,
    resource_type=ResourceType.SHOW,
    display_name="show",
    before_delete=_keep_with_episodes,
    after_change=_tell_search,
)
