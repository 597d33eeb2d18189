"""Counts requests by caller, for all processes that share a database."""

from dataclasses import dataclass
from uuid import UUID

from runtime.access.rate_limits import RateLimit, RateLimitStatus
from runtime.adapters.database import Database
from runtime.errors import UnavailableError
from runtime.mechanisms.rate_limits import repository


@dataclass(frozen=True, kw_only=True)
class DatabaseRateLimiter:
    """One limit, the same for every caller."""

    database: Database
    limit: RateLimit

    def consume(self, user_id: UUID) -> RateLimitStatus:
        """Counts one request of this caller, in a commit of its own: it stays counted whatever becomes of the request.
        Raises UnavailableError as the database does."""
        # Every request passes here, so it is one round trip, and the rare broken connection is found out by failing. The
        # request may have been counted then, and is counted again.
        try:
            with self.database.autocommit_unchecked() as connection:
                return repository.consume(connection, user_id, self.limit)
        except UnavailableError as error:
            if not error.is_retry_safe:
                raise
        with self.database.autocommit() as connection:
            return repository.consume(connection, user_id, self.limit)
