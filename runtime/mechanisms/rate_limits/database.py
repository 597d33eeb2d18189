"""A rate limiter in the database, shared by all processes that use it."""

from dataclasses import dataclass
from uuid import UUID

from runtime.access.rate_limits import RateLimit, RateLimitStatus
from runtime.adapters.database import Database
from runtime.errors import UnavailableError
from runtime.mechanisms.rate_limits import repository


@dataclass(frozen=True, kw_only=True)
class DatabaseRateLimiter:
    """A rate limiter with the same limit for every user."""

    database: Database
    limit: RateLimit

    def consume(self, user_id: UUID) -> RateLimitStatus:
        """Count one request of this user, in a transaction of its own, so that it stays counted if the request fails.

        Raises:
            UnavailableError: The database does not respond.
        """
        # This runs for every request, so it is one round trip without a liveness check; the rare broken connection is noticed by
        # the failure of the statement. The request may be counted twice then.
        try:
            with self.database.autocommit_unchecked() as connection:
                return repository.consume(connection, user_id, self.limit)
        except UnavailableError as error:
            if not error.is_retry_safe:
                raise
        with self.database.autocommit() as connection:
            return repository.consume(connection, user_id, self.limit)
