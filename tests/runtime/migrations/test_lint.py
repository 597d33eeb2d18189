"""Squawk reads what each revision sends: nothing that holds the application up, but for what is excused here with a reason."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.runtime.migrations.installation import Installation, Statement, revisions

# What holds for every revision.
RULES_EXCUSED = {
    "prefer-text-field": "the requirements give lengths; a varchar that has to grow does so without reading the table",
    "prefer-bigint-over-int": "counts, seconds, pixels and figures of one thing; no key is an integer",
    "prefer-bigint-over-smallint": "an HTTP status",
    "ban-char-field": "char(64) is a SHA-256 or a token in hexadecimal, which a CHECK holds to 64 digits",
}
# What one revision may do.
EXCUSED = {
    ("0003", "require-concurrent-index-creation"): "released; the outbox holds what was not sent yet and the last days",
    (
        "0003",
        "require-concurrent-index-deletion",
    ): "released; the same small table, and nobody reads it by this index then",
    ("0003", "constraint-missing-not-valid"): "released; it is about columns that the same statement adds",
    (
        "0004",
        "require-concurrent-index-creation",
    ): "released; whoever had episodes then had few, and newer ones build beside",
    ("0006", "ban-drop-constraint"): "the same statement puts a wider list in its place",
    ("0011", "ban-drop-constraint"): "the same statement puts a wider list in its place",
    (
        "0011",
        "prefer-robust-stmts",
    ): "to validate twice changes nothing, and the statement before it can be repeated, too",
}

# Seven statements that each are a known way to hold up or break an application, and the rules that have to see them.
BAD = """
CREATE INDEX idx_bad ON shows (created_by);
ALTER TABLE shows ADD COLUMN bad integer NOT NULL;
ALTER TABLE shows ALTER COLUMN name TYPE text;
ALTER TABLE shows RENAME COLUMN description TO summary;
ALTER TABLE shows DROP COLUMN metadata;
ALTER TABLE shows ADD CONSTRAINT shows_bad FOREIGN KEY (created_by) REFERENCES users (user_id);
ALTER TABLE shows ALTER COLUMN status SET NOT NULL;
"""
BAD_RULES = {
    "adding-foreign-key-constraint",
    "adding-not-nullable-field",
    "adding-required-field",
    "ban-drop-column",
    "changing-column-type",
    "constraint-missing-not-valid",
    "renaming-column",
    "require-concurrent-index-creation",
}


@pytest.fixture(scope="session")
def squawk() -> str:
    """The program, from this environment or else from the path."""
    beside = Path(sys.executable).with_name("squawk")
    program = str(beside) if beside.exists() else shutil.which("squawk")
    if program is None:
        pytest.skip("squawk was not found: `make setup` installs it from the lock")
    return program


def findings(squawk: str, folder: Path, sent: Sequence[Statement]) -> list[tuple[str, str]]:
    """Each rule that something breaks, with the words about it.

    The timeouts are those that the runner gives the whole session; statements that are sent outside a transaction are read so.
    """
    found: list[Mapping[str, Any]] = []
    for in_transaction in (True, False):
        batch = [each.sql.rstrip().removesuffix(";") for each in sent if each.in_transaction is in_transaction]
        path = folder / f"{in_transaction}.sql"
        path.write_text(";\n".join(["SET lock_timeout = '4s'", "SET statement_timeout = '5s'", *batch, ""]))
        done = subprocess.run(
            [
                squawk,
                *("--pg-version=18", "--reporter=json"),
                "--assume-in-transaction" if in_transaction else "--no-assume-in-transaction",
                str(path),
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,  # no configuration file is found there
        )
        assert done.returncode in (0, 1), done.stderr
        found += json.loads(done.stdout)
    return [(each["rule_name"], f"line {each['line']}: {each['message']}") for each in found]


@pytest.mark.parametrize("revision", revisions())
def test_revision_holds_nobody_up(squawk: str, installed: Installation, tmp_path: Path, revision: str) -> None:
    found = findings(squawk, tmp_path, installed.sent[revision])
    unexcused = [each for each in found if each[0] not in RULES_EXCUSED and (revision, each[0]) not in EXCUSED]
    assert unexcused == []


def test_every_excuse_is_needed(squawk: str, installed: Installation, tmp_path: Path) -> None:
    broken = {
        (revision, rule) for revision in revisions() for rule, _ in findings(squawk, tmp_path, installed.sent[revision])
    }
    assert EXCUSED.keys() - broken == set()
    assert RULES_EXCUSED.keys() - {rule for _, rule in broken} == set()


def test_bad_statements_are_seen(squawk: str, tmp_path: Path) -> None:
    found = {rule for rule, _ in findings(squawk, tmp_path, [Statement(sql=BAD, in_transaction=True)])}
    assert found >= BAD_RULES


def test_every_bad_statement_is_seen_by_itself(squawk: str, tmp_path: Path) -> None:
    statements = [line for line in BAD.splitlines() if line]
    assert len(statements) == 7
    seen = [bool(findings(squawk, tmp_path, [Statement(sql=each, in_transaction=True)])) for each in statements]
    assert seen == [True] * 7


def test_index_outside_a_transaction_has_to_be_concurrent_and_inside_cannot_be(squawk: str, tmp_path: Path) -> None:
    sql = "CREATE INDEX CONCURRENTLY IF NOT EXISTS idx_good ON shows (created_by);"
    assert findings(squawk, tmp_path, [Statement(sql=sql, in_transaction=False)]) == []
    assert findings(squawk, tmp_path, [Statement(sql=sql, in_transaction=True)]) != []
