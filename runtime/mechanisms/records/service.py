"""What happens to every record in the same way: it is made, changed, deleted and restored, by someone, and that is noted.

Each change notes the user first and locks the record then: always in this order, two requests never wait for each other.
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


def _nothing(*_: object) -> None:
    """For a kind of record without rules of its own."""


@dataclass(frozen=True, kw_only=True)
class VersionedService(Generic[V]):
    """How rows of one kind are made and changed, with the rule that is their own."""

    table: Table[V]
    resource_type: ResourceType
    display_name: str
    """What refusals call it: There is no such …"""
    after_change: Callable[[Transaction, V | None, V], None] = _nothing
    """Called with the record before and after each change, in its transaction. There is none before a new one."""

    def get(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V:
        """The record. NotFoundError."""
        return self._there(self.table.find(connection, row_id, include_deleted=include_deleted))

    def ensure_exists(self, connection: Connection, row_id: UUID, *, field: str | None = None) -> None:
        """Raises NotFoundError, which names the field of the request, when the record is not there."""
        if not self.table.exists(connection, row_id):
            raise self._missing(field)

    def get_for_share(self, connection: Connection, row_id: UUID, *, field: str | None = None) -> V:
        """The record, which nobody else changes or deletes until the transaction ends. NotFoundError, which names the field of
        the request."""
        return self._there(self.table.find_for_share(connection, row_id), field)

    def create(self, transaction: Transaction, caller: Caller, columns: Mapping[str, Any]) -> V:
        """The new record. ConflictError or NotFoundError, as the table's constraints say."""
        record_last_seen(transaction, caller)
        record = self.table.insert(transaction.connection, columns, user_id=caller.user_id)
        return self._noted(transaction, caller, ActionType.CREATE, None, record)

    def get_for_update(
        self,
        transaction: Transaction,
        caller: Caller,
        row_id: UUID,
        if_match: IfMatch,
        *,
        include_deleted: bool = False,
    ) -> V:
        """The record, which nobody else changes until the transaction ends. NotFoundError, PreconditionFailedError when it is
        another version than the caller's."""
        record_last_seen(transaction, caller)
        record = self._there(
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
        """The locked record with these values by column: as it was when it has them already. ConflictError or NotFoundError,
        as the table's constraints say."""
        if not columns:
            return before
        after = self.table.update(transaction.connection, self._id(before), columns, user_id=caller.user_id)
        return self._noted(transaction, caller, action, before, after) if after else before

    def update(
        self, transaction: Transaction, caller: Caller, row_id: UUID, columns: Mapping[str, Any], if_match: IfMatch
    ) -> V:
        """The record with what was sent: `lock` and `change`."""
        return self.update_locked(
            transaction, caller, self.get_for_update(transaction, caller, row_id, if_match), columns
        )

    def _noted(self, transaction: Transaction, caller: Caller, action: ActionType, before: V | None, after: V) -> V:
        """The record, after its change is in the log of what users did."""
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

    def _there(self, record: V | None, field: str | None = None) -> V:
        if record is None:
            raise self._missing(field)
        return record

    def _missing(self, field: str | None) -> NotFoundError:
        return NotFoundError(f"There is no such {self.display_name}", field=field or self._field)


@dataclass(frozen=True, kw_only=True)
class RecordService(VersionedService[R]):
    """The life of one kind of record, with the rules that are its own."""

    before_delete: Callable[[Transaction, R], None] = _nothing
    """Raises ConflictError for a record that must stay."""
    before_restore: Callable[[Transaction, R], None] = _nothing
    """Raises ConflictError for a record that cannot come back yet."""

    def delete(
        self, transaction: Transaction, caller: Caller, row_id: UUID, reason: str | None, if_match: IfMatch
    ) -> R:
        """The record, deleted. NotFoundError, PreconditionFailedError, ConflictError when something keeps it."""
        before = self.get_for_update(transaction, caller, row_id, if_match)
        self.before_delete(transaction, before)
        after = self.table.delete(transaction.connection, row_id, reason=reason, user_id=caller.user_id)
        assert after is not None, "the row is locked"  # noqa: S101
        return self._noted(transaction, caller, ActionType.DELETE, before, after)

    def restore(self, transaction: Transaction, caller: Caller, row_id: UUID, if_match: IfMatch) -> R:
        """The record, back again. NotFoundError, PreconditionFailedError, ConflictError when it is not deleted or cannot come
        back yet."""
        before = self.get_for_update(transaction, caller, row_id, if_match, include_deleted=True)
        if before.deleted_at is None:
            raise ConflictError(f"The {self.display_name} is not deleted", field=self._field)
        self.before_restore(transaction, before)
        after = self.table.restore(transaction.connection, row_id, user_id=caller.user_id)
        assert after is not None, "the row is locked"  # noqa: S101
        return self._noted(transaction, caller, ActionType.RESTORE, before, after)


def record_last_seen(transaction: Transaction, caller: Caller) -> None:
    """Makes the caller's row among the users, or notes that the caller was seen."""
    users.upsert(transaction.connection, caller.user_id, caller.email)
