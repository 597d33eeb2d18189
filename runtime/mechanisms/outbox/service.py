"""The transactional outbox: messages are sent by their writer right after the commit, or later by the relay.

A message is sent at least once, so the effect of a topic must be idempotent.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from aws_lambda_powertools import Logger

from runtime.adapters.database import Database
from runtime.errors import PlatformError, UnavailableError
from runtime.mechanisms.outbox import repository
from runtime.mechanisms.outbox.repository import OutboxMessage
from runtime.persistence.transactions import Connection, Transaction

MESSAGE_SENT = "outbox_message_sent"
MESSAGE_DELAYED = "outbox_message_delayed"
MESSAGE_ABANDONED = "outbox_message_abandoned"
MESSAGE_FAILED = "outbox_message_failed"

BATCH = 10


class UndeliverableError(Exception):
    """The message can never be sent."""


class Topic(Protocol):
    """The handler of one kind of message."""

    def send(self, payload: Mapping[str, Any]) -> None:
        """Process a message; idempotent.

        Raises:
            UndeliverableError: The message can never be processed.
            UnavailableError: A dependency does not respond; the message is retried later.
        """

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """Handle an abandoned message, in the transaction that marks it."""


@dataclass(frozen=True, kw_only=True)
class RelayResult:
    """Numbers of messages that one run of the relay has sent, delayed and abandoned."""

    sent: int = 0
    delayed: int = 0
    abandoned: int = 0


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """The outbox with its topics by name. The relay leaves a message to its writer for `grace_seconds`."""

    database: Database
    topics: Mapping[str, Topic]
    log: Logger
    grace_seconds: int

    def enqueue(
        self, transaction: Transaction, topic: str, payload: dict[str, Any], *, send_immediately: bool = True
    ) -> None:
        """Insert a message in the transaction, and send it after the commit.

        With `send_immediately=False` the next run of the relay sends it, for more messages than a request has time for.

        Raises:
            KeyError: The topic is unknown.
        """
        self.topics[topic]  # fail before an unknown topic is stored
        grace_seconds = self.grace_seconds if send_immediately else 0
        message = repository.insert(transaction.connection, topic, payload, grace_seconds=grace_seconds)
        if send_immediately:
            transaction.after_commit(lambda: self._send(message))

    def relay(self) -> RelayResult:
        """Send due messages until there are none, or until one is delayed; the next run continues.

        Raises:
            UnavailableError: The database does not respond.
        """
        outcomes: list[str] = []
        while "delayed" not in outcomes and (messages := self._claim_due()):
            outcomes += [self._send(message) for message in messages]
        return RelayResult(**{outcome: outcomes.count(outcome) for outcome in set(outcomes)})

    def _claim_due(self) -> list[OutboxMessage]:
        with self.database.transaction() as connection:
            return repository.claim_due(connection, limit=BATCH, grace_seconds=self.grace_seconds)

    def _send(self, message: OutboxMessage) -> str:
        """Send a message and return the outcome. Never raises: the message is committed, and the relay retries it."""
        fields = {"outbox_id": str(message.outbox_id), "topic": message.topic, "attempts": message.attempts}
        try:
            try:
                self.topics[message.topic].send(message.payload)
            except UndeliverableError as error:
                self._abandon(message, str(error))
                self.log.error(MESSAGE_ABANDONED, extra=fields | {"reason": str(error)})
                return "abandoned"
            with self.database.transaction() as connection:
                repository.mark_sent(connection, message.outbox_id)
        except UnavailableError as error:
            self.log.warning(MESSAGE_DELAYED, extra=fields | {"reason": error.message})
            self._record_failure(message, error.message)
        except Exception:
            self.log.exception(MESSAGE_FAILED, extra=fields)
            self._record_failure(message, PlatformError.code)
        else:
            self.log.info(MESSAGE_SENT, extra=fields)
            return "sent"
        return "delayed"

    def _abandon(self, message: OutboxMessage, reason: str) -> None:
        with self.database.transaction() as connection:
            if repository.abandon(connection, message.outbox_id, reason):
                self.topics[message.topic].abandon(connection, message.payload, reason)

    def _record_failure(self, message: OutboxMessage, reason: str) -> None:
        try:
            with self.database.transaction() as connection:
                repository.record_failure(connection, message.outbox_id, reason)
        except UnavailableError:
            # The log has the reason, and the message becomes due again in any case.
            return
