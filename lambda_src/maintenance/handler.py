"""The maintenance function: relays the outbox, ends abandoned jobs, purges old rows and keeps the search index up to date.

The input is {"tasks": ["relay_outbox", …]}, the output the counts of each task by its name. Every task runs even if others
fail; the invocation then fails at the end, which raises an alarm.
"""

from collections.abc import Callable, Mapping
from typing import Any

from lambda_src.maintenance import tasks
from lambda_src.maintenance.tasks import Counts, Maintenance
from runtime.adapters.database import get_database
from runtime.adapters.logs import get_logger
from runtime.adapters.objects import ObjectStore
from runtime.adapters.search_index import get_search_index
from runtime.mechanisms.outbox.service import Outbox
from runtime.settings import MaintenanceSettings, load_settings
from runtime.topics import create_topics

TASK_COMPLETED = "maintenance_task_completed"
TASK_FAILED = "maintenance_task_failed"

TASKS: Mapping[str, Callable[[Maintenance], Counts]] = {
    "relay_outbox": tasks.relay_outbox,
    "end_abandoned_jobs": tasks.end_abandoned_jobs,
    "purge_sent_messages": tasks.purge_sent_messages,
    "purge_idle_rate_limits": tasks.purge_idle_rate_limits,
    "cleanup_expired_uploads": tasks.cleanup_expired_uploads,
    "catch_up_search_index": tasks.catch_up_search_index,
    "rebuild_search_index": tasks.rebuild_search_index,
}


class MaintenanceFailedError(Exception):
    """Tasks failed or are unknown; the message names them."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Counts]:
    """Run the tasks of the event.

    Raises:
        MaintenanceFailedError: A task is unknown (then none is run), or failed.
    """
    names = event.get("tasks")
    if not isinstance(names, list) or not names:
        raise MaintenanceFailedError("tasks: must be a non-empty list of task names")
    if unknown := [str(name) for name in names if name not in TASKS]:
        raise MaintenanceFailedError(f"tasks: {', '.join(unknown)}: must be one of {', '.join(TASKS)}")
    settings, log = load_settings(MaintenanceSettings), get_logger("maintenance")
    maintenance = Maintenance(
        database=get_database(settings),
        outbox=Outbox(
            database=get_database(settings),
            topics=create_topics(ObjectStore(settings.region), get_database(settings)),
            log=log,
            grace_seconds=settings.outbox_grace_seconds,
        ),
        index=get_search_index(settings),
        retention_days=settings.outbox_retention_days,
    )
    completed: dict[str, Counts] = {}
    for name in names:
        try:
            completed[name] = TASKS[name](maintenance)
        except Exception:
            log.exception(TASK_FAILED, extra={"task": name})
        else:
            log.info(TASK_COMPLETED, extra={"task": name, **completed[name]})
    if failed := [name for name in names if name not in completed]:
        raise MaintenanceFailedError(f"{', '.join(failed)} failed; the log has the cause")
    return completed
