"""Sends what must leave after a commit: by whoever caused it at once, by the relay when that one could not.

A message is sent at least once, so what a topic does must be safe to repeat.
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
    """A message that no further attempt can send."""


class Topic(Protocol):
    """What becomes of the messages of one topic."""

    def send(self, payload: Mapping[str, Any]) -> None:
        """Has the effect; repeating it does no harm. UndeliverableError when it can never be had, UnavailableError when not
        now."""

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        """Tells whoever waits for the effect, in the transaction that ends the message."""


@dataclass(frozen=True, kw_only=True)
class RelayResult:
    """How many messages of one run were sent, will be tried again, and were given up."""

    sent: int = 0
    delayed: int = 0
    abandoned: int = 0


@dataclass(frozen=True, kw_only=True)
class Outbox:
    """The outbox with its topics by name. `grace_seconds` is how long a message is its writer's own, longer than sending
    takes."""

    database: Database
    topics: Mapping[str, Topic]
    log: Logger
    grace_seconds: int

    def enqueue(
        self, transaction: Transaction, topic: str, payload: dict[str, Any], *, send_immediately: bool = True
    ) -> None:
        """Writes a message into the transaction, and has it sent once that is committed; not `send_immediately`, by the next relay,
        which is for more messages than a request has time for. KeyError for an unknown topic."""
        self.topics[topic]  # before anything is stored that nobody could send
        grace_seconds = self.grace_seconds if send_immediately else 0
        message = repository.insert(transaction.connection, topic, payload, grace_seconds=grace_seconds)
        if send_immediately:
            transaction.after_commit(lambda: self._send(message))

    def relay(self) -> RelayResult:
        """Sends what is due, until nothing is or something does not answer; the next run goes on. UnavailableError when the
        database does not answer."""
        outcomes: list[str] = []
        while "delayed" not in outcomes and (messages := self._claim_due()):
            outcomes += [self._send(message) for message in messages]
        return RelayResult(**{outcome: outcomes.count(outcome) for outcome in set(outcomes)})

    def _claim_due(self) -> list[OutboxMessage]:
        with self.database.transaction() as connection:
            return repository.claim_due(connection, limit=BATCH, grace_seconds=self.grace_seconds)

    def _send(self, message: OutboxMessage) -> str:
        """Never raises: the effect is promised already, and what fails here is tried again."""
        told = {"outbox_id": str(message.outbox_id), "topic": message.topic, "attempts": message.attempts}
        try:
            try:
                self.topics[message.topic].send(message.payload)
            except UndeliverableError as error:
                self._abandon(message, str(error))
                self.log.error(MESSAGE_ABANDONED, extra=told | {"reason": str(error)})
                return "abandoned"
            with self.database.transaction() as connection:
                repository.mark_sent(connection, message.outbox_id)
        except UnavailableError as error:
            self.log.warning(MESSAGE_DELAYED, extra=told | {"reason": error.message})
            self._note(message, error.message)
        except Exception:
            self.log.exception(MESSAGE_FAILED, extra=told)
            self._note(message, PlatformError.code)
        else:
            self.log.info(MESSAGE_SENT, extra=told)
            return "sent"
        return "delayed"

    def _abandon(self, message: OutboxMessage, reason: str) -> None:
        with self.database.transaction() as connection:
            if repository.abandon(connection, message.outbox_id, reason):
                self.topics[message.topic].abandon(connection, message.payload, reason)

    def _note(self, message: OutboxMessage, reason: str) -> None:
        try:
            with self.database.transaction() as connection:
                repository.record_failure(connection, message.outbox_id, reason)
        except UnavailableError:
            # The log has the reason; the message is due again in any case.
            return
