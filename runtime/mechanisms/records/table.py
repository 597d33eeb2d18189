"""A table of records: versioned, changed by column, most of them deleted so that they can be restored. All SQL of that, and
no rule.

A record is the same whether it was found, made or changed: each of these is one statement that reads it by the same columns.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID

from psycopg.errors import IntegrityError
from psycopg.sql import SQL, Composable, Composed, Identifier, Placeholder
from psycopg.types.json import Jsonb

from runtime.contract.schemas import Record, Versioned
from runtime.errors import PlatformError
from runtime.persistence.pages import EVERY_ROW, JsonPage, ListQuery, Order, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection

R = TypeVar("R", bound=Record)
V = TypeVar("V", bound=Versioned)

# What every row has beside its own columns, in the very form in which it is sent, and what those have that can be deleted.
_VERSIONED = SQL("""
    {created_at} AS created_at, {alias}.created_by, {updated_at} AS updated_at, {alias}.updated_by,
    '"' || {etag} || '"' AS etag
""")
_DELETABLE = SQL("""
    {deleted_at} AS deleted_at, {alias}.deleted_by, {alias}.deleted_reason,
    {restored_at} AS restored_at, {alias}.restored_by
""")
_FIND = SQL("SELECT {columns} FROM {table} {alias} {joins} WHERE {mine} = %(row_id)s AND {visible}")
_LOCK = SQL("SELECT FROM {table} WHERE {row_id} = %(row_id)s {strength}")
# What is stored is read under the table's own alias, and joined to the rest as if it had been found.
_STORED = SQL("WITH {alias} AS ({change} RETURNING *) SELECT {columns} FROM {alias} {joins}")
_INSERT = SQL("INSERT INTO {table} ({names}, created_by, updated_by) VALUES ({values}, %(user_id)s, %(user_id)s)")
# Values that are stored already are no change: such a row keeps its version.
_UPDATE = SQL("""UPDATE {table} SET {assignments}, updated_by = %(user_id)s
    WHERE {row_id} = %(row_id)s AND ROW({names}) IS DISTINCT FROM ROW({values})""")
_DELETE = SQL("""UPDATE {table}
    SET deleted_at = now(), deleted_by = %(user_id)s, deleted_reason = %(reason)s, updated_by = %(user_id)s
    WHERE {row_id} = %(row_id)s""")
_RESTORE = SQL("""UPDATE {table} SET deleted_at = NULL, deleted_by = NULL, deleted_reason = NULL,
    restored_at = now(), restored_by = %(user_id)s, updated_by = %(user_id)s WHERE {row_id} = %(row_id)s""")


@dataclass(frozen=True, kw_only=True)
class Table(Generic[V]):
    """Where records of one kind are kept. `columns` are those that lists show, `more` those that only single records have;
    both name the table by `alias`, and so does `joins`, which brings the other tables that they read."""

    name: str
    alias: str
    row_id: str
    model: type[V]
    columns: Composable
    detail_columns: SQL | None = None
    joins: SQL = field(default_factory=lambda: SQL(""))
    is_deletable: bool = True
    """Whether rows have the marks of deletion. Those that have not are always there."""
    visible_when: Composable | None = None
    """What holds for records that are there; None for those that are not deleted."""
    etag: SQL | None = None
    """What tells one version from another; None for the row's own version."""
    json_columns: frozenset[str] = frozenset({"metadata"})
    constraint_errors: Mapping[str, Callable[[], PlatformError]] = field(default_factory=dict)
    """By the name of the constraint that refuses: what the caller is told."""
    orders: Mapping[str, Order] = field(default_factory=dict)
    conditions: Mapping[str, Composable] = field(default_factory=dict)
    """Filters of lists that are no comparison with a column, by their names, which are their placeholders too."""

    @cached_property
    def listing(self) -> ListQuery:
        """The list of the records."""
        return ListQuery(
            columns=self.list_columns,
            source=SQL("{} {} {}").format(Identifier(self.name), Identifier(self.alias), self.joins),
            row_id=self.row_id,
            alias=self.alias,
            orders=self.orders,
            conditions=self.conditions,
        )

    @cached_property
    def list_columns(self) -> Composed:
        """The columns that lists show."""
        return self.with_common_columns(self.columns)

    def with_common_columns(self, columns: Composable) -> Composed:
        """These columns, and those that every record has."""
        alias = Identifier(self.alias)
        names = ("created_at", "updated_at", "deleted_at", "restored_at")
        times = {name: utc(Identifier(self.alias, name)) for name in names}
        shared = _VERSIONED.format(alias=alias, etag=self.etag or SQL("{}.version").format(alias), **times)
        parts = [columns, shared, _DELETABLE.format(alias=alias, **times)] if self.is_deletable else [columns, shared]
        return SQL(", ").join(parts)

    @cached_property
    def visible(self) -> Composable:
        """What holds for records that are there."""
        unmarked = SQL("{}.deleted_at IS NULL").format(Identifier(self.alias)) if self.is_deletable else EVERY_ROW
        return self.visible_when or unmarked

    def insert(self, connection: Connection, columns: Mapping[str, Any], *, user_id: UUID) -> V:
        """The new record. What a constraint refuses raises the error that `constraint_errors` has for it."""
        change = _INSERT.format(
            table=Identifier(self.name), names=_names(columns), values=SQL(", ").join(map(Placeholder, columns))
        )
        stored = self._store(connection, change, {**self._adapted(columns), "user_id": user_id})
        assert stored is not None, "RETURNING answers the row"  # noqa: S101
        return stored

    def find(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V | None:
        """The record, if it is there."""
        statement = self._find_any if include_deleted else self.find_visible
        row = connection.execute(statement, {"row_id": row_id}).fetchone()
        return self.model.model_validate(row) if row else None

    def find_for_update(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V | None:
        """The record, if it is there. Until the transaction ends no other can change it, nor make one that depends on it."""
        return self._find_with(connection, row_id, SQL("FOR NO KEY UPDATE"), include_deleted=include_deleted)

    def find_for_share(self, connection: Connection, row_id: UUID) -> V | None:
        """The record, if it is there. Until the transaction ends no other can change or delete it."""
        return self._find_with(connection, row_id, SQL("FOR SHARE"), include_deleted=False)

    def update(self, connection: Connection, row_id: UUID, columns: Mapping[str, Any], *, user_id: UUID) -> V | None:
        """The record with these values by column, at least one; None when it has them already. What a constraint refuses
        raises the error that `constraint_errors` has for it."""
        values = SQL(", ").join(map(Placeholder, columns))
        change = _UPDATE.format(
            table=Identifier(self.name),
            row_id=Identifier(self.row_id),
            assignments=SQL(", ").join(SQL("{} = {}").format(Identifier(name), Placeholder(name)) for name in columns),
            names=_names(columns),
            values=values,
        )
        return self._store(connection, change, {**self._adapted(columns), "row_id": row_id, "user_id": user_id})

    def delete(self, connection: Connection, row_id: UUID, *, reason: str | None, user_id: UUID) -> V | None:
        """Marks the record deleted; answers it as it is now, or None when there is none."""
        change = _DELETE.format(table=Identifier(self.name), row_id=Identifier(self.row_id))
        return self._store(connection, change, {"row_id": row_id, "reason": reason, "user_id": user_id})

    def restore(self, connection: Connection, row_id: UUID, *, user_id: UUID) -> V | None:
        """Takes the mark away; answers the record as it is now, or None when there is none."""
        change = _RESTORE.format(table=Identifier(self.name), row_id=Identifier(self.row_id))
        return self._store(connection, change, {"row_id": row_id, "user_id": user_id})

    def exists(self, connection: Connection, row_id: UUID) -> bool:
        """Whether the record is there."""
        return connection.execute(self._exists, {"row_id": row_id}).fetchone() is not None

    def list_page(
        self, connection: Connection, page: PageRequest, *, include_deleted: bool = False, **filters: object
    ) -> JsonPage:
        """Records in the page's order; each filter that is not None narrows them."""
        visible = EVERY_ROW if include_deleted else self.visible
        return self.listing.page(connection, page, visible=visible, **filters)

    @cached_property
    def find_visible(self) -> Composed:
        """The statement that reads the record `row_id`, if it is there."""
        return self._find(self._whole, self.visible)

    @cached_property
    def _find_any(self) -> Composed:
        return self._find(self._whole, EVERY_ROW)

    @cached_property
    def _exists(self) -> Composed:
        return self._find(SQL("1"), self.visible)

    def _find(self, columns: Composable, visible: Composable) -> Composed:
        return _FIND.format(
            columns=columns,
            table=Identifier(self.name),
            alias=Identifier(self.alias),
            joins=self.joins,
            mine=Identifier(self.alias, self.row_id),
            visible=visible,
        )

    @cached_property
    def _whole(self) -> Composed:
        return (
            SQL("{}, {}").format(self.list_columns, self.detail_columns) if self.detail_columns else self.list_columns
        )

    def _find_with(self, connection: Connection, row_id: UUID, strength: SQL, *, include_deleted: bool) -> V | None:
        # Locked first and read then: what is read with the lock would join the row as it is now with the others as they were
        # before the wait.
        lock = _LOCK.format(table=Identifier(self.name), row_id=Identifier(self.row_id), strength=strength)
        connection.execute(lock, {"row_id": row_id})
        return self.find(connection, row_id, include_deleted=include_deleted)

    def _store(self, connection: Connection, change: Composed, values: Mapping[str, Any]) -> V | None:
        statement = _STORED.format(alias=Identifier(self.alias), change=change, columns=self._whole, joins=self.joins)
        try:
            row = connection.execute(statement, values).fetchone()
        except IntegrityError as error:
            refusal = self.constraint_errors.get(error.diag.constraint_name or "")
            if refusal is None:
                raise
            raise refusal() from None
        return self.model.model_validate(row) if row else None

    def _adapted(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """The values as psycopg takes them."""
        is_json = self.json_columns.__contains__
        return {name: Jsonb(value) if is_json(name) and value is not None else value for name, value in columns.items()}


def _names(columns: Mapping[str, Any]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
