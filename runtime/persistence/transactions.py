"""The transaction of a request, with actions to run after its commit. Independent of the web framework."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field

from runtime.adapters.database import Connection

__all__ = ["UNKNOWN_ORIGIN", "Connection", "Origin", "Transaction"]


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The origin of a request: the peer's address as the server or API Gateway reports it, and the client's User-Agent.

    Headers that claim another address are not trusted.
    """

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
        """Register an action that runs after the commit and before the response.

        The transaction is already committed and the response reports success, so the action must not raise, and another process
        must complete what it could not do. The outbox provides both.
        """
        self._after_commit.append(action)

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Open a savepoint: an error rolls back to it and removes the actions registered since."""
        action_count = len(self._after_commit)
        try:
            with self.connection.transaction():
                yield
        except BaseException:
            del self._after_commit[action_count:]
            raise

    @classmethod
    @contextmanager
    def begin(
        cls, opened: AbstractContextManager[Connection], *, origin: Origin = UNKNOWN_ORIGIN
    ) -> Iterator["Transaction"]:
        """Open a transaction on a connection context; run the registered actions after its commit, and none after a rollback."""
        with opened as connection:
            transaction = cls(connection=connection, origin=origin)
            yield transaction
        for action in transaction._after_commit:
            action()
