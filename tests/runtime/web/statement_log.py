"""What Postgres was asked to do, as Postgres itself says it: each statement's text and the number under which pg_stat_statements
would count it.

That number (`compute_query_id`) is made of what the parser understood, with constants left out. The extension itself is no part
of the embedded server; the number is, and the server's log tells it (`%Q`) with every statement that took at least no time.
"""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

# A line that begins otherwise goes on with the one before. Values are kept out of the log: none can look like a line of it.
SETTINGS = {
    "log_line_prefix": "<%d %u %e %Q> ",
    "log_min_duration_statement": "0",
    "compute_query_id": "on",
    "log_parameter_max_length": "0",
    "log_parameter_max_length_on_error": "0",
}
_ENTRY = re.compile(r"^<(\S+) (\S+) (\w{5}) (-?\d+)> (\w+):  (.*(?:\n\t.*)*)", re.MULTILINE)
_TIMED = re.compile(r"duration: \S+ ms  (?:statement|(?:parse|bind|execute) \S+): (.*)", re.DOTALL)
_REFUSED = {"ERROR", "FATAL", "PANIC"}


class Statement(NamedTuple):
    """What was understood, and the text that it was understood from, with $1 for a value that came beside it."""

    query_id: int
    text: str


@dataclass(frozen=True)
class Recorded:
    """What one database was asked between two moments, by everyone but superusers."""

    statements: frozenset[Statement]
    sqlstates: frozenset[str]
    """Why statements were refused."""

    def __or__(self, other: "Recorded") -> "Recorded":
        return Recorded(self.statements | other.statements, self.sqlstates | other.sqlstates)

    @property
    def orders(self) -> frozenset[str]:
        """Every ORDER BY of the statements, up to what follows it."""
        clauses = re.compile(r"ORDER BY (.+?)(?= LIMIT|\)|$)")
        return frozenset(
            found for statement in self.statements for found in clauses.findall(" ".join(statement.text.split()))
        )


class StatementLog:
    """The log of a server that was told to write down every statement."""

    def __init__(self, log: Path, database: str) -> None:
        self._log, self._database = log, database

    def mark(self) -> int:
        """This moment. A statement is in the log before whoever asked has the answer."""
        return self._log.stat().st_size

    def between(self, start: int, end: int | None = None) -> Recorded:
        """What was asked between two moments, or from the one till now."""
        text = self._log.read_bytes()[start:end].decode()
        statements, sqlstates = set[Statement](), set[str]()
        for database, user, sqlstate, query_id, level, message in _ENTRY.findall(text):
            if database != self._database or user == "postgres":
                continue
            if timed := _TIMED.fullmatch(message):
                statements.add(Statement(int(query_id), timed[1]))
            elif level in _REFUSED:
                sqlstates.add(sqlstate)
        return Recorded(frozenset(statements), frozenset(sqlstates))


@contextmanager
def statement_log(log: Path, address: Any) -> Iterator[StatementLog]:
    """Has the server write its log so while the block runs. `address` is the superuser's and names the database."""
    with psycopg.connect(address.conninfo, autocommit=True) as owner:
        for name, value in SETTINGS.items():
            owner.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        reload(owner, SETTINGS["log_line_prefix"])
        try:
            yield StatementLog(log, address.name)
        finally:
            before = owner.execute("SELECT boot_val FROM pg_settings WHERE name = 'log_line_prefix'").fetchone()
            for name in SETTINGS:
                owner.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            assert before
            reload(owner, before[0])


def reload(owner: psycopg.Connection[Any], prefix: str) -> None:
    """Returns once sessions have the settings: the signal is sent to all of them at once."""
    owner.execute("SELECT pg_reload_conf()")
    for _ in range(500):
        row = owner.execute("SHOW log_line_prefix").fetchone()
        if row and row[0] == prefix:
            return
        time.sleep(0.01)
    raise TimeoutError("the server did not read its settings again")
