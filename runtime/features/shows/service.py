"""Rules of shows: a show with episodes cannot be deleted; a new name is indexed with the show's episodes."""

from runtime.errors import ConflictError
from runtime.features.shows import repository
from runtime.features.shows.repository import TABLE
from runtime.features.shows.schemas import Show
from runtime.mechanisms.audit.schemas import ResourceType
from runtime.mechanisms.records.service import RecordService
from runtime.mechanisms.search_index import changes as search_index
from runtime.persistence.transactions import Transaction


def _require_no_episodes(transaction: Transaction, show: Show) -> None:
    # The episodes would disappear with the show; a user has to delete each one deliberately.
    if count := repository.count_episodes(transaction.connection, show.show_id):
        raise ConflictError(f"The show still has episodes ({count}); delete them first", field="path.show_id")


def _reindex_episodes(transaction: Transaction, before: Show | None, after: Show) -> None:
    if before and after.name != before.name:
        search_index.index_show(transaction, after.show_id)


SHOWS = RecordService(
    table=TABLE,
    resource_type=ResourceType.SHOW,
    display_name="show",
    before_delete=_require_no_episodes,
    after_change=_reindex_episodes,
)
