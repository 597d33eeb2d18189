"""The tasks themselves. Each is safe to run at any time, twice at once included, and goes on where the last one stopped."""

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

# What one run takes on of each kind; the rest waits for the next.
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Maintenance:
    """What the tasks work with."""

    database: Database
    outbox: Outbox
    index: SearchIndex
    retention_days: int


def relay_outbox(maintenance: Maintenance) -> Counts:
    """Sends what whoever wrote it could not."""
    return asdict(maintenance.outbox.relay())


def end_abandoned_jobs(maintenance: Maintenance) -> Counts:
    """Ends jobs whose last attempt died with its worker: their messages are on the way to the dead letters, where no worker
    will see them."""
    with maintenance.database.transaction() as connection:
        found = jobs.find_abandoned(connection, limit=BATCH)
    ended = 0
    for job_id in found:
        # One transaction each: ending a job locks its episode.
        with maintenance.database.transaction() as connection:
            ended += jobs.fail_exhausted(
                connection, job_id, error_code=ATTEMPTS_EXHAUSTED, error_message="the last worker on it did not finish"
            )
    return {"ended": ended}


def purge_sent_messages(maintenance: Maintenance) -> Counts:
    """Deletes messages of the outbox that were sent long ago."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": messages.delete_sent(connection, older_than_days=maintenance.retention_days, limit=BATCH)}


def purge_idle_rate_limits(maintenance: Maintenance) -> Counts:
    """Deletes the rate limits of callers who may ask everything again."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": rate_limits.delete_idle(connection, limit=BATCH)}


def cleanup_expired_uploads(maintenance: Maintenance) -> Counts:
    """Forgets uploads that were announced and that nobody can complete any more."""
    with maintenance.database.transaction() as connection:
        return {"forgotten": uploads.cleanup_expired(connection, limit=BATCH)}


def catch_up_search_index(maintenance: Maintenance) -> Counts:
    """Tells the search index of every change that it has not heard of, and makes one where there is none that will do."""
    return search_index.catch_up(maintenance.database, maintenance.index, get_logger("maintenance"))


def rebuild_search_index(maintenance: Maintenance) -> Counts:
    """Makes a new search index of everything that is stored, which then takes the old one's place."""
    return search_index.rebuild(maintenance.database, maintenance.index, get_logger("maintenance"))
