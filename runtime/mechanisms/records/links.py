"""Link tables: the records of one type that episodes use, each with a usage context."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple
from uuid import UUID

from psycopg.sql import SQL, Composed, Identifier

from runtime.access.tokens import Caller
from runtime.errors import FieldProblem, NotFoundError
from runtime.mechanisms.audit import service as activity
from runtime.mechanisms.audit.schemas import ActionType
from runtime.mechanisms.records.schemas import LinkBody
from runtime.mechanisms.records.service import RecordService, record_last_seen
from runtime.mechanisms.records.table import R
from runtime.persistence.pages import JsonPage, ListQuery, PageRequest
from runtime.persistence.timestamps import utc
from runtime.persistence.transactions import Connection, Transaction

_LINKED = SQL("""l.usage_context,
    {linked_at} AS linked_at, l.linked_by""").format(linked_at=utc("l.linked_at"))
# An existing link keeps its creator and time, and gets the new context.
_UPSERT = SQL("""
INSERT INTO {name} AS l (episode_id, {record_id}, usage_context, linked_by)
VALUES (%(episode_id)s, %(record_id)s, %(usage_context)s, %(user_id)s)
ON CONFLICT (episode_id, {record_id}) DO UPDATE SET usage_context = excluded.usage_context
RETURNING l.episode_id, l.{record_id}, l.usage_context, l.linked_at, l.linked_by
""")
_FIND = SQL(
    "SELECT usage_context FROM {name} WHERE episode_id = %(episode_id)s AND {record_id} = %(record_id)s FOR NO KEY UPDATE"
)
_WITH_CONTEXT = SQL("l.usage_context = %(usage_context)s")
_DELETE = SQL("DELETE FROM {name} WHERE episode_id = %(episode_id)s AND {record_id} = %(record_id)s")


class _LinkRequest(NamedTuple):
    """A link to create or update, and the field of the request that contains the record's id."""

    record_id: UUID
    usage_context: str | None
    field: str


@dataclass(frozen=True, kw_only=True)
class Links(Generic[R]):
    """A table of links: `episode_id`, the record's id, `usage_context`, `linked_at`, `linked_by`.

    A link is created and removed while both ends are locked against deletion. The episode is locked first, then the records in the
    order of their ids; the fixed order prevents deadlocks.
    """

    name: str
    owner: RecordService[Any]
    """The service of episodes, passed in by the feature that declares the links."""
    records: RecordService[R]

    def put_many(
        self, transaction: Transaction, caller: Caller, episode_id: UUID, links: Sequence[LinkBody]
    ) -> list[dict[str, Any]]:
        """Create or update all links of a body, or none of them, and return them in the same order.

        Raises:
            NotFoundError: The episode does not exist, or records do not exist, with one problem for each.
        """
        row_id = self.records.table.row_id
        requests = [
            _LinkRequest(getattr(link, row_id), link.usage_context, f"body.links.{index}.{row_id}")
            for index, link in enumerate(links)
        ]
        return self._put_all(transaction, caller, episode_id, requests)

    def put(
        self, transaction: Transaction, caller: Caller, episode_id: UUID, record_id: UUID, body: LinkBody
    ) -> dict[str, Any]:
        """Create or update a link and return it.

        Raises:
            NotFoundError: The episode or the record does not exist.
        """
        request = _LinkRequest(record_id, body.usage_context, self._field)
        (link,) = self._put_all(transaction, caller, episode_id, [request])
        return link

    def remove(self, transaction: Transaction, caller: Caller, episode_id: UUID, record_id: UUID) -> None:
        """Remove a link.

        Raises:
            NotFoundError: The episode or the link does not exist.
        """
        record_last_seen(transaction, caller)
        self.owner.get_for_share(transaction.connection, episode_id)
        values = {"episode_id": episode_id, "record_id": record_id}
        before = transaction.connection.execute(self._format(_FIND), values).fetchone()
        if before is None:
            raise NotFoundError(f"The episode has no link to this {self.records.display_name}", field=self._field)
        transaction.connection.execute(self._format(_DELETE), values)
        self._log(transaction, caller, ActionType.UNLINK, record_id, old=self._logged_values(episode_id, before))

    def list_records(
        self, connection: Connection, page: PageRequest, episode_id: UUID, *, usage_context: str | None = None
    ) -> JsonPage:
        """Return a page of the records that the episode uses, optionally with exactly this context.

        Raises:
            NotFoundError: The episode does not exist.
        """
        self.owner.ensure_exists(connection, episode_id)
        filters = {"linked_episode_id": episode_id, "usage_context": usage_context}
        return self._records_query.page(connection, page, visible=self.records.table.visible, **filters)

    def list_episodes(
        self, connection: Connection, page: PageRequest, record_id: UUID, *, usage_context: str | None = None
    ) -> JsonPage:
        """Return a page of the episodes that use the record, optionally with exactly this context.

        Raises:
            NotFoundError: The record does not exist.
        """
        self.records.get(connection, record_id)
        filters = {"linked_record_id": record_id, "usage_context": usage_context}
        return self._episodes_query.page(connection, page, visible=self.owner.table.visible, **filters)

    @cached_property
    def _records_query(self) -> ListQuery:
        table = self.records.table
        return ListQuery(
            columns=SQL("{}, {}").format(table.list_columns, _LINKED),
            source=SQL("{} l JOIN {} {} USING ({}) {}").format(
                Identifier(self.name),
                Identifier(table.name),
                Identifier(table.alias),
                Identifier(table.row_id),
                table.joins,
            ),
            row_id=table.row_id,
            alias=table.alias,
            conditions={
                "linked_episode_id": SQL("l.episode_id = %(linked_episode_id)s"),
                "usage_context": _WITH_CONTEXT,
            },
        )

    @cached_property
    def _episodes_query(self) -> ListQuery:
        table, record_id = self.owner.table, Identifier("l", self.records.table.row_id)
        return ListQuery(
            columns=SQL("{}, {}").format(table.list_columns, _LINKED),
            source=SQL("{} l JOIN episodes e USING (episode_id) {}").format(Identifier(self.name), table.joins),
            row_id=table.row_id,
            alias=table.alias,
            conditions={
                "linked_record_id": SQL("{} = %(linked_record_id)s").format(record_id),
                "usage_context": _WITH_CONTEXT,
            },
        )

    def _put_all(
        self, transaction: Transaction, caller: Caller, episode_id: UUID, requests: Sequence[_LinkRequest]
    ) -> list[dict[str, Any]]:
        record_last_seen(transaction, caller)
        self.owner.get_for_share(transaction.connection, episode_id)
        problems = {
            request.record_id: FieldProblem(self.records.not_found_message, request.field)
            for request in sorted(requests, key=lambda request: request.record_id)
            if self.records.table.find_for_share(transaction.connection, request.record_id) is None
        }
        if problems:
            raise NotFoundError(self.records.not_found_message, problems=list(problems.values()))
        return [self._put(transaction, caller, episode_id, request) for request in requests]

    def _put(self, transaction: Transaction, caller: Caller, episode_id: UUID, request: _LinkRequest) -> dict[str, Any]:
        values: dict[str, Any] = {"episode_id": episode_id, "record_id": request.record_id}
        before = transaction.connection.execute(self._format(_FIND), values).fetchone()
        values |= {"usage_context": request.usage_context, "user_id": caller.user_id}
        link = transaction.connection.execute(self._format(_UPSERT), values).fetchone()
        assert link is not None, "RETURNING returns the row"  # noqa: S101
        if before is None or before["usage_context"] != request.usage_context:
            old, new = (
                self._logged_values(episode_id, before) if before else None,
                self._logged_values(episode_id, link),
            )
            self._log(transaction, caller, ActionType.LINK, request.record_id, old=old, new=new)
        return link

    def _log(
        self,
        transaction: Transaction,
        caller: Caller,
        action: ActionType,
        record_id: UUID,
        *,
        old: dict[str, Any] | None = None,
        new: dict[str, Any] | None = None,
    ) -> None:
        resource_type = self.records.resource_type
        activity.record(transaction, caller, action, resource_type, record_id, old_values=old, new_values=new)

    def _logged_values(self, episode_id: UUID, link: Mapping[str, Any]) -> dict[str, Any]:
        return {"episode_id": str(episode_id), "usage_context": link["usage_context"]}

    def _format(self, statement: SQL) -> Composed:
        return statement.format(name=Identifier(self.name), record_id=Identifier(self.records.table.row_id))

    @property
    def _field(self) -> str:
        return f"path.{self.records.table.row_id}"
