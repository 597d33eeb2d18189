"""Which records of one kind the episodes use, and for what."""

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
# A link that is there with the same context stays as it is: who made it, and when.
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


class _Wanted(NamedTuple):
    """A link that shall be: to which record, for what, and the field of the request that names the record."""

    record_id: UUID
    usage_context: str | None
    field: str


@dataclass(frozen=True, kw_only=True)
class Links(Generic[R]):
    """A table of links: `episode_id`, the record's id, `usage_context`, `linked_at`, `linked_by`.

    A link is made and taken away under a lock that keeps both ends from being deleted meanwhile. The episode is locked first
    and the records by their ids then: always in this order, two requests never wait for each other.
    """

    name: str
    owner: RecordService[Any]
    """The episodes, handed in by who declares the links."""
    records: RecordService[R]

    def put_many(
        self, transaction: Transaction, caller: Caller, episode_id: UUID, links: Sequence[LinkBody]
    ) -> list[dict[str, Any]]:
        """The `links` of a body, each of which has the record's id too: made or given another context, in their order. All or
        none: NotFoundError for the episode, or with an entry for each record that is not there."""
        row_id = self.records.table.row_id
        wanted = [
            _Wanted(getattr(link, row_id), link.usage_context, f"body.links.{place}.{row_id}")
            for place, link in enumerate(links)
        ]
        return self._put_all(transaction, caller, episode_id, wanted)

    def put(
        self, transaction: Transaction, caller: Caller, episode_id: UUID, record_id: UUID, body: LinkBody
    ) -> dict[str, Any]:
        """The link, made or given another context. NotFoundError for the episode and for the record."""
        (made,) = self._put_all(transaction, caller, episode_id, [_Wanted(record_id, body.usage_context, self._field)])
        return made

    def remove(self, transaction: Transaction, caller: Caller, episode_id: UUID, record_id: UUID) -> None:
        """Takes the link away. NotFoundError for the episode, and when there is none."""
        record_last_seen(transaction, caller)
        self.owner.get_for_share(transaction.connection, episode_id)
        values = {"episode_id": episode_id, "record_id": record_id}
        before = transaction.connection.execute(self._formatted(_FIND), values).fetchone()
        if before is None:
            raise NotFoundError(f"The episode has no such {self.records.display_name}", field=self._field)
        transaction.connection.execute(self._formatted(_DELETE), values)
        self._log(transaction, caller, ActionType.UNLINK, record_id, old=self._logged(episode_id, before))

    def list_records(
        self, connection: Connection, page: PageRequest, episode_id: UUID, *, usage_context: str | None = None
    ) -> JsonPage:
        """What the episode uses, each with its context, or what it uses for exactly this. NotFoundError for the episode."""
        self.owner.ensure_exists(connection, episode_id)
        filters = {"linked_episode_id": episode_id, "usage_context": usage_context}
        return self._of_episode.page(connection, page, visible=self.records.table.visible, **filters)

    def list_episodes(
        self, connection: Connection, page: PageRequest, record_id: UUID, *, usage_context: str | None = None
    ) -> JsonPage:
        """The episodes that use the record, each with its context, or those that use it for exactly this. NotFoundError
        for the record."""
        self.records.get(connection, record_id)
        filters = {"linked_record_id": record_id, "usage_context": usage_context}
        return self._of_record.page(connection, page, visible=self.owner.table.visible, **filters)

    @cached_property
    def _of_episode(self) -> ListQuery:
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
    def _of_record(self) -> ListQuery:
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
        self, transaction: Transaction, caller: Caller, episode_id: UUID, wanted: Sequence[_Wanted]
    ) -> list[dict[str, Any]]:
        record_last_seen(transaction, caller)
        self.owner.get_for_share(transaction.connection, episode_id)
        problems = {
            link.record_id: FieldProblem(f"There is no such {self.records.display_name}", link.field)
            for link in sorted(wanted, key=lambda link: link.record_id)
            if self.records.table.find_for_share(transaction.connection, link.record_id) is None
        }
        if problems:
            raise NotFoundError(f"There is no such {self.records.display_name}", problems=list(problems.values()))
        return [self._put(transaction, caller, episode_id, link) for link in wanted]

    def _put(self, transaction: Transaction, caller: Caller, episode_id: UUID, link: _Wanted) -> dict[str, Any]:
        values: dict[str, Any] = {"episode_id": episode_id, "record_id": link.record_id}
        before = transaction.connection.execute(self._formatted(_FIND), values).fetchone()
        values |= {"usage_context": link.usage_context, "user_id": caller.user_id}
        made = transaction.connection.execute(self._formatted(_UPSERT), values).fetchone()
        assert made is not None, "RETURNING answers the row"  # noqa: S101
        if before is None or before["usage_context"] != link.usage_context:
            old = self._logged(episode_id, before) if before else None
            self._log(transaction, caller, ActionType.LINK, link.record_id, old=old, new=self._logged(episode_id, made))
        return made

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
        kind = self.records.resource_type
        activity.record(transaction, caller, action, kind, record_id, old_values=old, new_values=new)

    def _logged(self, episode_id: UUID, link: Mapping[str, Any]) -> dict[str, Any]:
        return {"episode_id": str(episode_id), "usage_context": link["usage_context"]}

    def _formatted(self, statement: SQL) -> Composed:
        return statement.format(name=Identifier(self.name), record_id=Identifier(self.records.table.row_id))

    @property
    def _field(self) -> str:
        return f"path.{self.records.table.row_id}"
