"""One request, one transaction, and what may only happen once it is committed. No web framework here."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from runtime.adapters.database import Connection

__all__ = ["UNKNOWN_ORIGIN", "Connection", "Origin", "Transaction"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a request came from: the peer's address as the server or API Gateway saw it, and what the client calls itself.
    Headers that claim another address are no evidence."""

    ip_address: str | None = None
    user_agent: str | None = None


UNKNOWN_ORIGIN = Origin()


@dataclass(frozen=True, kw_only=True)
class Transaction:
    """The transaction of a request. Services write through `connection` and never commit."""

    connection: Connection
    origin: Origin = UNKNOWN_ORIGIN
    _after_commit: list[Callable[[], object]] = field(default_factory=list, repr=False)

    def after_commit(self, action: Callable[[], object]) -> None:
        """Has `action` called once the transaction is committed and before the caller is answered.

        Its rows are stored whatever happens there, and the caller is told so: an action must not raise, and what it could
        not do must be found and done by someone else. Use the outbox, which is both.
        """
        self._after_commit.append(action)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """A part that may fail alone: an error inside takes back what that part did, and nothing else."""
        waiting = len(self._after_commit)
        try:
            with self.connection.transaction():
                yield
        except BaseException:
            del self._after_commit[waiting:]
            raise

    @classmethod
    @contextmanager
    def begin(
        cls, opened: AbstractContextManager[Connection], *, origin: Origin = UNKNOWN_ORIGIN
    ) -> Iterator["Transaction"]:
        """Commits at the end and then runs what was asked for; an error inside rolls back and runs nothing."""
        with opened as connection:
            transaction = cls(connection=connection, origin=origin)
            yield transaction
        for action in transaction._after_commit:
            action()
