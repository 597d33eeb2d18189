"""Recording of activity: log rows are written in the transaction of the change, so that neither exists without the other."""

import json
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from runtime.access.tokens import Caller
from runtime.mechanisms.audit import repository
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.persistence.transactions import Transaction

# Aliases of other fields, and fields that change with every update; the log has its own columns for the time and the user.
_NOT_LOGGED = {"episode_title", "plot_summary", "duration_minutes", "upload_date", "last_modified"}
_NOT_LOGGED |= {"updated_at", "updated_by", "etag"}
MAX_USER_AGENT_LENGTH = 1_000


def record(
    transaction: Transaction,
    caller: Caller,
    action: ActionType,
    resource_type: ResourceType,
    resource_id: UUID,
    *,
    old_values: dict[str, Any] | None = None,
    new_values: dict[str, Any] | None = None,
) -> None:
    """Log an action of the caller in this transaction. The values must be serializable as JSON."""
    user_agent = transaction.origin.user_agent
    repository.insert(
        transaction.connection,
        user_id=caller.subject,
        action_type=action,
        resource_type=resource_type,
        resource_id=str(resource_id),
        old_values=old_values,
        new_values=new_values,
        ip_address=transaction.origin.ip_address,
        # Postgres cannot store NUL, and not every server rejects it in a header.
        user_agent=user_agent and user_agent.replace("\0", "")[:MAX_USER_AGENT_LENGTH],
    )


def record_change(
    transaction: Transaction,
    caller: Caller,
    action: ActionType,
    resource_type: ResourceType,
    resource_id: UUID,
    *,
    before: BaseModel | None,
    after: BaseModel,
) -> None:
    """Log a change with the fields that differ; a new record has only new values."""
    old = _values(before) if before else {}
    new = _values(after)
    # Compared as JSON, because True == 1 in Python.
    changed = [name for name in new if json.dumps(old.get(name)) != json.dumps(new[name])]
    record(
        transaction,
        caller,
        action,
        resource_type,
        resource_id,
        old_values={name: old[name] for name in changed} if before else None,
        new_values={name: new[name] for name in changed},
    )


def _values(record: BaseModel) -> dict[str, Any]:
    return record.model_dump(mode="json", exclude=_NOT_LOGGED)
