"""What has to be done now and then: the outbox relayed, abandoned jobs ended, old messages, uploads and idle callers forgotten,
the search index kept.

Input {"tasks": ["relay_outbox", …]}, output the counts of each task by its name. Every task is tried whatever became of the
others; when one failed, the invocation fails at the end, so that an alarm hears of it.
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
    """Names the tasks that failed, or that nobody knows."""


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Counts]:
    """See the module. Raises MaintenanceFailedError."""
    names = event.get("tasks")
    if not isinstance(names, list) or not names:
        raise MaintenanceFailedError("tasks: must be a list of at least one task's name")
    if unknown := [str(name) for name in names if name not in TASKS]:
        raise MaintenanceFailedError(f"tasks: {', '.join(unknown)}: this function knows {', '.join(TASKS)}")
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
    done: dict[str, Counts] = {}
    for name in names:
        try:
            done[name] = TASKS[name](maintenance)
        except Exception:
            log.exception(TASK_FAILED, extra={"task": name})
        else:
            log.info(TASK_COMPLETED, extra={"task": name, **done[name]})
    if failed := [name for name in names if name not in done]:
        raise MaintenanceFailedError(f"{', '.join(failed)} failed; the log has the cause")
    return done
