"""SQL of a table of records: versioned rows, updated by column, usually with soft deletion. Contains no business rules.

Finding, inserting and updating a record is one statement each, which returns the record with the same columns.
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

# The common columns of all rows, formatted as they are sent, and those of rows with soft deletion.
_VERSION_COLUMNS = SQL("""
    {created_at} AS created_at, {alias}.created_by, {updated_at} AS updated_at, {alias}.updated_by,
    '"' || {etag} || '"' AS etag
""")
_DELETION_COLUMNS = SQL("""
    {deleted_at} AS deleted_at, {alias}.deleted_by, {alias}.deleted_reason,
    {restored_at} AS restored_at, {alias}.restored_by
""")
_FIND = SQL("SELECT {columns} FROM {table} {alias} {joins} WHERE {key} = %(row_id)s AND {visible}")
_LOCK = SQL("SELECT FROM {table} WHERE {row_id} = %(row_id)s {strength}")
# The changed row is selected under the table's alias and joined to the other tables, as when a record is found.
_STORED = SQL("WITH {alias} AS ({change} RETURNING *) SELECT {columns} FROM {alias} {joins}")
_INSERT = SQL("INSERT INTO {table} ({names}, created_by, updated_by) VALUES ({values}, %(user_id)s, %(user_id)s)")
# Equal values are no change: the row keeps its version.
_UPDATE = SQL("""UPDATE {table} SET {assignments}, updated_by = %(user_id)s
    WHERE {row_id} = %(row_id)s AND ROW({names}) IS DISTINCT FROM ROW({values})""")
_DELETE = SQL("""UPDATE {table}
    SET deleted_at = now(), deleted_by = %(user_id)s, deleted_reason = %(reason)s, updated_by = %(user_id)s
    WHERE {row_id} = %(row_id)s""")
_RESTORE = SQL("""UPDATE {table} SET deleted_at = NULL, deleted_by = NULL, deleted_reason = NULL,
    restored_at = now(), restored_by = %(user_id)s, updated_by = %(user_id)s WHERE {row_id} = %(row_id)s""")


@dataclass(frozen=True, kw_only=True)
class Table(Generic[V]):
    """The table of one type of record.

    `columns` are those of lists and single records, `detail_columns` those of single records only. Both use `alias` for the table,
    as do the `joins` of other tables that they read.
    """

    name: str
    alias: str
    row_id: str
    model: type[V]
    columns: Composable
    detail_columns: SQL | None = None
    joins: SQL = field(default_factory=lambda: SQL(""))
    is_deletable: bool = True
    """Whether the table has the columns of soft deletion."""
    visible_when: Composable | None = None
    """Condition of visible records; None for those that are not deleted."""
    etag: SQL | None = None
    """Expression of the ETag; None for the row's version."""
    json_columns: frozenset[str] = frozenset({"metadata"})
    constraint_errors: Mapping[str, Callable[[], PlatformError]] = field(default_factory=dict)
    """The errors of violated constraints, by the constraint's name."""
    orders: Mapping[str, Order] = field(default_factory=dict)
    conditions: Mapping[str, Composable] = field(default_factory=dict)
    """Conditions of list filters that do not compare a column, by the filter's name, which is also the placeholder."""

    @cached_property
    def listing(self) -> ListQuery:
        """The query for lists of the records."""
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
        """The columns of lists."""
        return self.with_common_columns(self.columns)

    def with_common_columns(self, columns: Composable) -> Composed:
        """Add the columns that all records have."""
        alias = Identifier(self.alias)
        names = ("created_at", "updated_at", "deleted_at", "restored_at")
        times = {name: utc(Identifier(self.alias, name)) for name in names}
        common = _VERSION_COLUMNS.format(alias=alias, etag=self.etag or SQL("{}.version").format(alias), **times)
        deletion = [_DELETION_COLUMNS.format(alias=alias, **times)] if self.is_deletable else []
        return SQL(", ").join([columns, common, *deletion])

    @cached_property
    def visible(self) -> Composable:
        """Condition of visible records."""
        not_deleted = SQL("{}.deleted_at IS NULL").format(Identifier(self.alias)) if self.is_deletable else EVERY_ROW
        return self.visible_when or not_deleted

    def insert(self, connection: Connection, columns: Mapping[str, Any], *, user_id: UUID) -> V:
        """Insert a record. A violated constraint raises its error from `constraint_errors`."""
        change = _INSERT.format(
            table=Identifier(self.name), names=_names(columns), values=SQL(", ").join(map(Placeholder, columns))
        )
        stored = self._store(connection, change, {**self._adapt(columns), "user_id": user_id})
        assert stored is not None, "RETURNING returns the row"  # noqa: S101
        return stored

    def find(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V | None:
        """Return the record, or None when it is not visible."""
        statement = self._find_any if include_deleted else self.find_visible
        row = connection.execute(statement, {"row_id": row_id}).fetchone()
        return self.model.model_validate(row) if row else None

    def find_for_update(self, connection: Connection, row_id: UUID, *, include_deleted: bool = False) -> V | None:
        """Return the record, locked until the end of the transaction (FOR NO KEY UPDATE), or None."""
        return self._find_with(connection, row_id, SQL("FOR NO KEY UPDATE"), include_deleted=include_deleted)

    def find_for_share(self, connection: Connection, row_id: UUID) -> V | None:
        """Return the record, locked against changes until the end of the transaction (FOR SHARE), or None."""
        return self._find_with(connection, row_id, SQL("FOR SHARE"), include_deleted=False)

    def update(self, connection: Connection, row_id: UUID, columns: Mapping[str, Any], *, user_id: UUID) -> V | None:
        """Update at least one column and return the record, or None when it already has these values.

        A violated constraint raises its error from `constraint_errors`.
        """
        values = SQL(", ").join(map(Placeholder, columns))
        change = _UPDATE.format(
            table=Identifier(self.name),
            row_id=Identifier(self.row_id),
            assignments=SQL(", ").join(SQL("{} = {}").format(Identifier(name), Placeholder(name)) for name in columns),
            names=_names(columns),
            values=values,
        )
        return self._store(connection, change, {**self._adapt(columns), "row_id": row_id, "user_id": user_id})

    def delete(self, connection: Connection, row_id: UUID, *, reason: str | None, user_id: UUID) -> V | None:
        """Soft-delete the record and return it, or None when it does not exist."""
        change = _DELETE.format(table=Identifier(self.name), row_id=Identifier(self.row_id))
        return self._store(connection, change, {"row_id": row_id, "reason": reason, "user_id": user_id})

    def restore(self, connection: Connection, row_id: UUID, *, user_id: UUID) -> V | None:
        """Restore the record and return it, or None when it does not exist."""
        change = _RESTORE.format(table=Identifier(self.name), row_id=Identifier(self.row_id))
        return self._store(connection, change, {"row_id": row_id, "user_id": user_id})

    def exists(self, connection: Connection, row_id: UUID) -> bool:
        """Return whether the record exists and is visible."""
        return connection.execute(self._exists, {"row_id": row_id}).fetchone() is not None

    def list_page(
        self, connection: Connection, page: PageRequest, *, include_deleted: bool = False, **filters: object
    ) -> JsonPage:
        """Return a page of records that match all filters that are not None."""
        visible = EVERY_ROW if include_deleted else self.visible
        return self.listing.page(connection, page, visible=visible, **filters)

    @cached_property
    def find_visible(self) -> Composed:
        """The statement that selects the visible record `row_id`."""
        return self._find(self._all_columns, self.visible)

    @cached_property
    def _find_any(self) -> Composed:
        return self._find(self._all_columns, EVERY_ROW)

    @cached_property
    def _exists(self) -> Composed:
        return self._find(SQL("1"), self.visible)

    def _find(self, columns: Composable, visible: Composable) -> Composed:
        return _FIND.format(
            columns=columns,
            table=Identifier(self.name),
            alias=Identifier(self.alias),
            joins=self.joins,
            key=Identifier(self.alias, self.row_id),
            visible=visible,
        )

    @cached_property
    def _all_columns(self) -> Composed:
        return (
            SQL("{}, {}").format(self.list_columns, self.detail_columns) if self.detail_columns else self.list_columns
        )

    def _find_with(self, connection: Connection, row_id: UUID, strength: SQL, *, include_deleted: bool) -> V | None:
        # Lock first, then read: a single statement would join the current row with rows of other tables as they were before it
        # waited for the lock.
        lock = _LOCK.format(table=Identifier(self.name), row_id=Identifier(self.row_id), strength=strength)
        connection.execute(lock, {"row_id": row_id})
        return self.find(connection, row_id, include_deleted=include_deleted)

    def _store(self, connection: Connection, change: Composed, values: Mapping[str, Any]) -> V | None:
        statement = _STORED.format(
            alias=Identifier(self.alias), change=change, columns=self._all_columns, joins=self.joins
        )
        try:
            row = connection.execute(statement, values).fetchone()
        except IntegrityError as error:
            create_error = self.constraint_errors.get(error.diag.constraint_name or "")
            if create_error is None:
                raise
            raise create_error() from None
        return self.model.model_validate(row) if row else None

    def _adapt(self, columns: Mapping[str, Any]) -> dict[str, Any]:
        """Wrap the values of JSON columns for psycopg."""
        is_json = self.json_columns.__contains__
        return {name: Jsonb(value) if is_json(name) and value is not None else value for name, value in columns.items()}


def _names(columns: Mapping[str, Any]) -> Composed:
    return SQL(", ").join(map(Identifier, columns))
