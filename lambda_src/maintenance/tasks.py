"""The maintenance tasks. Each can run at any time, also concurrently, and continues where the last run stopped."""

from dataclasses import asdict, dataclass

from lambda_src.maintenance import search_index
from runtime.adapters.database import Database
from runtime.adapters.logs import get_logger
from runtime.adapters.search_index import SearchIndex
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.error_codes import ATTEMPTS_EXHAUSTED
from runtime.features.uploads import repository as uploads
from runtime.mechanisms.outbox import repository as messages
from runtime.mechanisms.outbox.service import Outbox
from runtime.mechanisms.rate_limits import repository as rate_limits

Counts = dict[str, int]

# The maximum number of rows per run and task; the next run processes the rest.
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """The resources and settings of the tasks."""

    database: Database
    outbox: Outbox
    index: SearchIndex
    retention_days: int


def relay_outbox(maintenance: Maintenance) -> Counts:
    """Send the outbox messages that the process which wrote them did not send."""
    return asdict(maintenance.outbox.relay())


def end_abandoned_jobs(maintenance: Maintenance) -> Counts:
    """Fail jobs whose last worker died: their messages move to the dead-letter queue, which no worker polls."""
    with maintenance.database.transaction() as connection:
        found = jobs.find_exhausted(connection, limit=BATCH)
    ended = 0
    for job_id in found:
        # One transaction each, because ending a job locks its episode.
        with maintenance.database.transaction() as connection:
            ended += jobs.fail_exhausted(
                connection,
                job_id,
                error_code=ATTEMPTS_EXHAUSTED,
                error_message="the worker of the last attempt did not finish",
            )
    return {"ended": ended}


def purge_sent_messages(maintenance: Maintenance) -> Counts:
    """Delete outbox messages that were sent before the retention period."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": messages.delete_sent(connection, older_than_days=maintenance.retention_days, limit=BATCH)}


def purge_idle_rate_limits(maintenance: Maintenance) -> Counts:
    """Delete the rate limits of callers whose full quota is available again."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": rate_limits.delete_idle(connection, limit=BATCH)}


def cleanup_expired_uploads(maintenance: Maintenance) -> Counts:
    """Delete announced uploads that expired without being completed."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": uploads.cleanup_expired(connection, limit=BATCH)}


def catch_up_search_index(maintenance: Maintenance) -> Counts:
    """Index every change that the search index lacks; build an index if there is none of the current mapping."""
    return search_index.catch_up(maintenance.database, maintenance.index, get_logger("maintenance"))


def rebuild_search_index(maintenance: Maintenance) -> Counts:
    """Build a new search index from the database, which then replaces the current one."""
    return search_index.rebuild(maintenance.database, maintenance.index, get_logger("maintenance"))
