"""The outbox: what is posted is sent once it is committed, by its writer or by the relay, and told when it never can be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from runtime.adapters.database import Database
from runtime.adapters.logs import get_logger
from runtime.errors import UnavailableError
from runtime.mechanisms.outbox import repository
from runtime.mechanisms.outbox.service import Outbox, RelayResult, UndeliverableError
from runtime.persistence.transactions import Connection, Transaction

GRACE_SECONDS = 30


@dataclass
class Letters:
    """A topic that keeps what it was sent, after raising what it is told to."""

    faults: list[Exception] = field(default_factory=list)
    sent: list[Any] = field(default_factory=list)
    returned: list[tuple[Any, str]] = field(default_factory=list)

    def send(self, payload: Mapping[str, Any]) -> None:
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(payload["text"])

    def abandon(self, connection: Connection, payload: Mapping[str, Any], reason: str) -> None:
        connection.execute("INSERT INTO shows (name) VALUES (%s)", [f"returned: {payload['text']}"])
        self.returned.append((payload["text"], reason))


@pytest.fixture
def letters() -> Letters:
    return Letters()


@pytest.fixture
def outbox(application_database: Database, letters: Letters) -> Outbox:
    return Outbox(
        database=application_database, topics={"letter": letters}, log=get_logger("test"), grace_seconds=GRACE_SECONDS
    )


def post(outbox: Outbox, *texts: str) -> None:
    with Transaction.begin(outbox.database.transaction()) as transaction:
        for text in texts:
            outbox.enqueue(transaction, "letter", {"text": text})


def leave(outbox: Outbox, *texts: str) -> None:
    """Messages whose writer died between the commit and the sending."""
    with outbox.database.transaction() as connection:
        for text in texts:
            repository.insert(connection, "letter", {"text": text}, grace_seconds=GRACE_SECONDS)


def pass_time(outbox: Outbox, seconds: float = GRACE_SECONDS) -> None:
    with outbox.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = not_before - make_interval(secs => %s)", [seconds])


def stored(outbox: Outbox) -> list[dict[str, Any]]:
    with outbox.database.transaction() as connection:
        return connection.execute(
            """SELECT payload ->> 'text' AS text, attempts, sent_at IS NOT NULL AS sent, given_up_at IS NOT NULL AS given_up,
                last_error, ceil(extract(epoch FROM not_before - now()))::int AS due_in
            FROM outbox ORDER BY outbox_id"""
        ).fetchall()


def states(outbox: Outbox) -> list[tuple[bool, bool, str | None]]:
    return [(row["sent"], row["given_up"], row["last_error"]) for row in stored(outbox)]


class TestPost:
    def test_is_sent_once_it_is_committed(self, outbox: Outbox, letters: Letters) -> None:
        with Transaction.begin(outbox.database.transaction()) as transaction:
            outbox.enqueue(transaction, "letter", {"text": "hello"})
            assert letters.sent == []
        assert letters.sent == ["hello"]
        assert states(outbox) == [(True, False, None)]
        pass_time(outbox, 10 * GRACE_SECONDS)
        assert (outbox.relay(), letters.sent) == (RelayResult(), ["hello"])

    def test_is_not_sent_when_it_is_rolled_back(self, outbox: Outbox, letters: Letters) -> None:
        with pytest.raises(ZeroDivisionError), Transaction.begin(outbox.database.transaction()) as transaction:
            outbox.enqueue(transaction, "letter", {"text": "hello"})
            raise ZeroDivisionError
        assert (letters.sent, stored(outbox)) == ([], [])

    def test_unknown_topic_stores_nothing(self, outbox: Outbox) -> None:
        with pytest.raises(KeyError), Transaction.begin(outbox.database.transaction()) as transaction:
            outbox.enqueue(transaction, "parcel", {})
        assert stored(outbox) == []

    @pytest.mark.parametrize(
        ("fault", "reason"),
        [(UnavailableError("the post is on strike"), "the post is on strike"), (ValueError("bug"), "SERVER_ERROR")],
        ids=["away", "unexpected"],
    )
    def test_failed_sending_is_no_failure_of_the_writer(
        self, outbox: Outbox, letters: Letters, fault: Exception, reason: str
    ) -> None:
        letters.faults = [fault]
        post(outbox, "hello")
        assert states(outbox) == [(False, False, reason)]
        pass_time(outbox)
        assert (outbox.relay(), letters.sent) == (RelayResult(sent=1), ["hello"])
        assert states(outbox) == [(True, False, None)]

    def test_database_that_goes_away_after_the_commit_is_no_failure_either(
        self, outbox: Outbox, letters: Letters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def gone(*_: Any) -> None:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        with monkeypatch.context() as broken:
            broken.setattr(repository, "mark_sent", gone)
            broken.setattr(repository, "record_failure", gone)
            post(outbox, "hello")
        assert states(outbox) == [(False, False, None)]
        pass_time(outbox)
        outbox.relay()
        assert letters.sent == ["hello", "hello"], "at least once"


class TestRelay:
    def test_leaves_to_the_writer_what_is_still_its_own(self, outbox: Outbox, letters: Letters) -> None:
        leave(outbox, "hello")
        assert (outbox.relay(), letters.sent) == (RelayResult(), [])
        pass_time(outbox)
        assert (outbox.relay(), letters.sent) == (RelayResult(sent=1), ["hello"])

    def test_sends_everything_in_the_order_of_its_writing(self, outbox: Outbox, letters: Letters) -> None:
        texts = [f"{number}" for number in range(25)]
        leave(outbox, *texts)
        pass_time(outbox)
        assert outbox.relay() == RelayResult(sent=25)
        assert letters.sent == texts

    def test_two_relays_share_the_work(self, outbox: Outbox, letters: Letters) -> None:
        leave(outbox, *(f"{number}" for number in range(15)))
        pass_time(outbox)
        with outbox.database.transaction() as connection:
            # The other relay is in the middle of taking its share.
            taken = repository.claim_due(connection, limit=10, grace_seconds=GRACE_SECONDS)
            assert outbox.relay() == RelayResult(sent=5)
        assert len(taken) == 10
        assert not {message.payload["text"] for message in taken} & set(letters.sent)
        # Taken is not sent: what that relay does not come to is due again.
        pass_time(outbox)
        assert outbox.relay() == RelayResult(sent=10)

    def test_waits_twice_as_long_after_every_failure(self, outbox: Outbox, letters: Letters) -> None:
        leave(outbox, "hello")
        waits = []
        for _ in range(7):
            pass_time(outbox, 10_000)
            letters.faults = [UnavailableError("on strike")]
            assert outbox.relay() == RelayResult(delayed=1)
            waits.append(stored(outbox)[0]["due_in"])
        assert waits == [30, 60, 120, 240, 480, 900, 900]
        with outbox.database.transaction() as connection:
            connection.execute("UPDATE outbox SET attempts = 100000")
        pass_time(outbox, 10_000)
        assert outbox.relay() == RelayResult(sent=1)

    def test_stops_at_what_does_not_answer(self, outbox: Outbox, letters: Letters) -> None:
        leave(outbox, *(f"{number}" for number in range(15)))
        pass_time(outbox)
        letters.faults = [UnavailableError("on strike")]
        assert outbox.relay() == RelayResult(sent=9, delayed=1)
        assert outbox.relay() == RelayResult(sent=5)

    def test_gives_up_what_can_never_be_sent_and_tells_so_once(self, outbox: Outbox, letters: Letters) -> None:
        leave(outbox, "hello", "world")
        pass_time(outbox)
        letters.faults = [UndeliverableError("moved away")]
        assert outbox.relay() == RelayResult(sent=1, abandoned=1)
        assert states(outbox) == [(False, True, "moved away"), (True, False, None)]
        assert letters.returned == [("hello", "moved away")]
        pass_time(outbox, 10_000)
        assert (outbox.relay(), letters.sent) == (RelayResult(), ["world"])

    def test_giving_up_and_telling_so_are_one(
        self, outbox: Outbox, letters: Letters, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        leave(outbox, "hello")
        pass_time(outbox)
        letters.faults = [UndeliverableError("moved away")]

        def fail(*_: Any) -> None:
            raise ValueError("nobody to tell")

        with monkeypatch.context() as broken:
            broken.setattr(letters, "abandon", fail)
            assert outbox.relay() == RelayResult(delayed=1)
        assert states(outbox) == [(False, False, "SERVER_ERROR")]

    def test_database_that_is_away_is_told(self, outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
        def gone(*_: Any, **__: Any) -> None:
            raise psycopg.OperationalError("server closed the connection unexpectedly")

        monkeypatch.setattr(repository, "claim_due", gone)
        with pytest.raises(UnavailableError):
            outbox.relay()


class TestDeleteSent:
    def test_forgets_what_was_sent_long_ago_and_nothing_else(self, outbox: Outbox, letters: Letters) -> None:
        post(outbox, "long ago", "lately")
        leave(outbox, "waiting", "given up")
        with outbox.database.transaction() as connection:
            connection.execute(
                """UPDATE outbox SET sent_at = now() - interval '7 days 1 minute' WHERE payload ->> 'text' = 'long ago';
                UPDATE outbox SET sent_at = now() - interval '6 days' WHERE payload ->> 'text' = 'lately';
                UPDATE outbox SET given_up_at = now() - interval '1 year' WHERE payload ->> 'text' = 'given up';
                UPDATE outbox SET created_at = now() - interval '1 year'"""
            )
            assert repository.delete_sent(connection, older_than_days=7, limit=10) == 1
        assert [row["text"] for row in stored(outbox)] == ["lately", "waiting", "given up"]

    def test_takes_no_more_than_it_is_told(self, outbox: Outbox) -> None:
        post(outbox, "1", "2", "3")
        with outbox.database.transaction() as connection:
            connection.execute("UPDATE outbox SET sent_at = now() - interval '8 days'")
            assert repository.delete_sent(connection, older_than_days=7, limit=2) == 2

    def test_takes_no_more_by_any_plan(self, outbox: Outbox) -> None:
        post(outbox, *map(str, range(6)))
        with outbox.database.transaction() as connection:
            connection.execute("UPDATE outbox SET sent_at = now() - interval '8 days'")
            # What is left is a nested loop, which asks its inner side once for every row of the outer.
            for way in ("hashjoin", "mergejoin", "hashagg", "sort", "material", "memoize"):
                connection.execute(SQL("SET LOCAL {} = off").format(Identifier(f"enable_{way}")))
            assert repository.delete_sent(connection, older_than_days=7, limit=2) == 2
