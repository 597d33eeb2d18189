"""Creation, update, deletion and restoration of records of any type, with activity logging.

Each change writes the user's row first and locks the record after that; the fixed order prevents deadlocks.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic
from uuid import UUID

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.errors import ConflictError, NotFoundError
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType, ResourceType
from runtime.mechanisms.records.table import R, Table, V
from runtime.mechanisms.users import repository as users
from runtime.persistence.transactions import Connection, Transaction


def _no_operation(*_: object) -> None:
    """Do nothing: the default of the hooks."""


@dataclass(frozen=True, kw_only=True)
class VersionedService(Generic[V]):
    """Reads, creates and updates records of one type."""

    table: Table[V]
    resource_type: ResourceType
    display_name: str
    """Name of the type in error messages, such as `outfit` in "outfit not found"."""
    after_change: Callable[[Transaction, V | None, V], None] = _no_operation
    """Hook, called in the transaction of each change with the record before (None for a new one) and after it."""

    @property
    def not_found_message(self) -> str:
        """Message of the error for a record that does not exist."""
        return f"{self.display_name[0].upper()}{self.display_name[1:]} not found"

    def get(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V:
        """Return the record.

        Raises:
            NotFoundError: The record does not exist or is deleted.
        """
        return self._require(self.table.find(connection, row_id, include_deleted=include_deleted))

    def ensure_exists(self, connection: Connection, row_id: UUID, *, field: str | None = None) -> None:
        """Check that the record exists.

        Raises:
            NotFoundError: The record does not exist or is deleted; the error is about `field` of the request.
        """
        if not self.table.exists(connection, row_id):
            raise self._not_found(field)

    def get_for_share(self, connection: Connection, row_id: UUID, *, field: str | None = None) -> V:
        """Return the record, locked against updates and deletion until the end of the transaction.

        Raises:
            NotFoundError: The record does not exist or is deleted; the error is about `field` of the request.
        """
        return self._require(self.table.find_for_share(connection, row_id), field)

    def create(self, transaction: Transaction, caller: Caller, columns: Mapping[str, Any]) -> V:
        """Create a record.

        Raises:
            PlatformError: A constraint is violated; `Table.constraint_errors` has the error.
        """
        record_last_seen(transaction, caller)
        record = self.table.insert(transaction.connection, columns, user_id=caller.user_id)
        return self._record_change(transaction, caller, ActionType.CREATE, None, record)

    def get_for_update(
        self,
        transaction: Transaction,
        caller: Caller,
        row_id: UUID,
        if_match: IfMatch,
        *,
        include_deleted: bool = False,
    ) -> V:
        """Return the record, locked against updates until the end of the transaction.

        Raises:
            NotFoundError: The record does not exist or is deleted.
            PreconditionFailedError: It is not the version in If-Match.
        """
        record_last_seen(transaction, caller)
        record = self._require(
            self.table.find_for_update(transaction.connection, row_id, include_deleted=include_deleted)
        )
        if_match.require(record.etag)
        return record

    def update_locked(
        self,
        transaction: Transaction,
        caller: Caller,
        before: V,
        columns: Mapping[str, Any],
        *,
        action: ActionType = ActionType.EDIT,
    ) -> V:
        """Update a locked record with values by column. Equal values change nothing, and create no version.

        Raises:
            PlatformError: A constraint is violated; `Table.constraint_errors` has the error.
        """
        if not columns:
            return before
        after = self.table.update(transaction.connection, self._id(before), columns, user_id=caller.user_id)
        return self._record_change(transaction, caller, action, before, after) if after else before

    def update(
        self, transaction: Transaction, caller: Caller, row_id: UUID, columns: Mapping[str, Any], if_match: IfMatch
    ) -> V:
        """Lock the record and update it: `get_for_update` and `update_locked`."""
        return self.update_locked(
            transaction, caller, self.get_for_update(transaction, caller, row_id, if_match), columns
        )

    def _record_change(
        self, transaction: Transaction, caller: Caller, action: ActionType, before: V | None, after: V
    ) -> V:
        """Run the hook and write the activity log."""
        self.after_change(transaction, before, after)
        activity.record_change(
            transaction, caller, action, self.resource_type, self._id(after), before=before, after=after
        )
        return after

    @property
    def _field(self) -> str:
        return f"path.{self.table.row_id}"

    def _id(self, record: V) -> UUID:
        row_id: UUID = getattr(record, self.table.row_id)
        return row_id

    def _require(self, record: V | None, field: str | None = None) -> V:
        if record is None:
            raise self._not_found(field)
        return record

    def _not_found(self, field: str | None) -> NotFoundError:
        return NotFoundError(self.not_found_message, field=field or self._field)


@dataclass(frozen=True, kw_only=True)
class RecordService(VersionedService[R]):
    """Reads, creates, updates, soft-deletes and restores records of one type."""

    before_delete: Callable[[Transaction, R], None] = _no_operation
    """Hook that raises ConflictError if the record must not be deleted."""
    before_restore: Callable[[Transaction, R], None] = _no_operation
    """Hook that raises ConflictError if the record cannot be restored."""

    def delete(
        self, transaction: Transaction, caller: Caller, row_id: UUID, reason: str | None, if_match: IfMatch
    ) -> R:
        """Soft-delete the record and return it.

        Raises:
            NotFoundError: The record does not exist or is deleted.
            PreconditionFailedError: It is not the version in If-Match.
            ConflictError: It must not be deleted.
        """
        before = self.get_for_update(transaction, caller, row_id, if_match)
        self.before_delete(transaction, before)
        after = self.table.delete(transaction.connection, row_id, reason=reason, user_id=caller.user_id)
        assert after is not None, "the row is locked"  # noqa: S101
        return self._record_change(transaction, caller, ActionType.DELETE, before, after)

    def restore(self, transaction: Transaction, caller: Caller, row_id: UUID, if_match: IfMatch) -> R:
        """Restore the record and return it.

        Raises:
            NotFoundError: The record does not exist.
            PreconditionFailedError: It is not the version in If-Match.
            ConflictError: It is not deleted, or cannot be restored.
        """
        before = self.get_for_update(transaction, caller, row_id, if_match, include_deleted=True)
        if before.deleted_at is None:
            raise ConflictError(f"The {self.display_name} is not deleted", field=self._field)
        self.before_restore(transaction, before)
        after = self.table.restore(transaction.connection, row_id, user_id=caller.user_id)
        assert after is not None, "the row is locked"  # noqa: S101
        return self._record_change(transaction, caller, ActionType.RESTORE, before, after)


def record_last_seen(transaction: Transaction, caller: Caller) -> None:
    """Insert the caller into the users table, or update the time of the last request."""
    users.upsert(transaction.connection, caller.user_id, caller.email)
