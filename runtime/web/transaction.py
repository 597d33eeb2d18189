"""One request, one transaction, and what may only happen once it is committed. No web framework here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any

import psycopg

Connection = psycopg.Connection[dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request came from: the peer's address as the server or API Gateway saw it, and what the client calls itself.
    Headers that claim another address are no evidence."""

    ip_address: str | None = None
    user_agent: str | None = None


NOWHERE = Origin()


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """The transaction of a request. Services write through `connection` and never commit."""

    connection: Connection
    origin: Origin = NOWHERE
    _after_commit: list[Callable[[], None]] = field(default_factory=list, repr=False)

    def after_commit(self, action: Callable[[], None]) -> None:
        """Has `action` called once the transaction is committed and before the caller is answered.

        What fails there refuses the request although its rows are stored, so an action must be one that repeating the
        request mends.
        """
        self._after_commit.append(action)

    @property
    def has_actions(self) -> bool:
        """Whether something waits for the commit."""
        return bool(self._after_commit)

    @classmethod
    @contextmanager
    def of(cls, opened: AbstractContextManager[Connection], *, origin: Origin = NOWHERE) -> Iterator["Transaction"]:
        """Commits at the end and then runs what was asked for; an error inside rolls back and runs nothing."""
        with opened as connection:
            transaction = cls(connection=connection, origin=origin)
            yield transaction
        for action in transaction._after_commit:
            action()
