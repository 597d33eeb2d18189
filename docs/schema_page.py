"""Write docs/SCHEMA.md: every table with its columns, keys, checks, indexes and triggers, from a migrated database.

Run by `make docs`, which starts a separate Postgres for it; `--check` writes nothing and fails when the page is stale.
"""

import re
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from local.compute.rds.postgres import EmbeddedPostgres
from local.supervisor import Supervisor
from runtime.migrations.runner import Migrator, head_revision

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "SCHEMA.md"

# The tables by subject. A table without a subject is an error.
SUBJECTS = {
    "Shows and episodes": ["shows", "episodes", "script_versions"],
    "What episodes use": [
        "outfits", "episode_outfits", "ui_elements", "episode_ui_elements", "backgrounds", "episode_backgrounds",
    ],
    "The library": ["clips", "components", "guests"],
    "Files and their processing": ["upload_sessions", "processing_queue", "thumbnails", "metadata_storage"],
    "Posts": ["posts", "post_images", "post_metadata"],
    "Users and activity": ["users", "activity_logs", "audit_log"],
    "Internal tables": ["outbox", "idempotency_keys", "rate_limits"],
}  # fmt: skip
# Alembic's own table, with the database's revision.
EXCLUDED_TABLES = {"alembic_version"}

PAGE_TEXT = """\
# Schema

Generated from the catalogue of a database at revision {head} by `make docs`; do not edit. The revisions in
`runtime/migrations/versions/` create the tables. Times are `timestamptz`, ids are UUIDs, version 7 where Postgres generates them.
A deleted record has `deleted_at`; queries for live records have `deleted_at IS NULL`.

## Foreign keys

```mermaid
erDiagram
{diagram}
```

{subjects}

## Functions

{functions}
"""

RELATIONS = """
SELECT c.relname, c.oid::integer, coalesce(obj_description(c.oid, 'pg_class'), ''), c.relkind = 'v'
FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'p', 'm')
"""
COLUMNS = """
SELECT attname, format_type(atttypid, atttypmod), attnotnull, coalesce(pg_get_expr(adbin, adrelid, true), ''), attgenerated <> ''
FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
CONSTRAINTS = """
SELECT conname, pg_get_constraintdef(oid, true) FROM pg_constraint WHERE conrelid = %s AND contype <> 'n'
ORDER BY array_position('{p,u,f,c}', contype::text), conname
"""
INDEXES = """
SELECT relname, pg_get_indexdef(indexrelid, 0, true) FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE indrelid = %s AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u'))
ORDER BY relname
"""
TRIGGERS = """
SELECT tgname, pg_get_triggerdef(oid, true) FROM pg_trigger WHERE tgrelid = %s AND NOT tgisinternal ORDER BY tgname
"""
FUNCTIONS = """
SELECT proname || '(' || pg_get_function_identity_arguments(oid) || ')', pg_get_function_result(oid),
    coalesce(obj_description(oid, 'pg_proc'), '')
FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY proname
"""
# Foreign keys: whether the reference is required, and whether it is unique.
REFERENCES = """
SELECT confrelid::regclass::text, conrelid::regclass::text, attname, attnotnull,
    EXISTS (SELECT FROM pg_index WHERE indrelid = conrelid AND indisunique AND indpred IS NULL AND indkey::text = attnum::text)
FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
WHERE contype = 'f' AND connamespace = 'public'::regnamespace ORDER BY 1, 2, 3
"""

Connection = psycopg.Connection[Any]


class SubjectsError(Exception):
    """A table has no subject, or a subject names a table that does not exist."""


def page(connection: Connection) -> str:
    """Return the whole page, from the catalogue of a migrated database.

    Raises:
        SubjectsError: SUBJECTS and the database differ.
    """
    relations = {name: rest for name, *rest in connection.execute(RELATIONS) if name not in EXCLUDED_TABLES}
    listed = {name for names in SUBJECTS.values() for name in names}
    if wrong := sorted(listed ^ relations.keys()):
        raise SubjectsError(f"SUBJECTS of docs/schema_page.py and the database differ in: {', '.join(wrong)}")
    subjects = [
        f"## {subject}\n\n" + "\n\n".join(_relation(connection, name, *relations[name]) for name in names)
        for subject, names in SUBJECTS.items()
    ]
    return PAGE_TEXT.format(
        head=head_revision(),
        diagram="\n".join(_diagram(connection)),
        subjects="\n\n".join(subjects),
        functions="\n".join(
            f"- `{name}`{'' if result == 'trigger' else f' returns `{result}`'}: {comment}"
            for name, result, comment in connection.execute(FUNCTIONS)
        ),
    )


def _relation(connection: Connection, name: str, oid: int, comment: str, is_view: bool) -> str:
    parts = [f"### {name}\n\n{comment}", _columns(connection, oid, is_view)]
    for title, query, simplify in (
        ("Keys and checks", CONSTRAINTS, _condition),
        ("Indexes", INDEXES, _index),
        ("Triggers", TRIGGERS, _trigger),
    ):
        if rows := connection.execute(query, [oid]).fetchall():
            parts.append(f"{title}:\n\n" + "\n".join(f"- `{each}`: `{simplify(text)}`" for each, text in rows))
    return "\n\n".join(parts)


def _columns(connection: Connection, oid: int, is_view: bool) -> str:
    rows = []
    for name, kind, not_null, default, generated in connection.execute(COLUMNS, [oid]):
        value = f"`{'always ' if generated else ''}{_condition(default)}`" if default else ""
        rows.append(f"| `{name}` | `{kind}` | {'' if not_null or is_view else 'yes'} | {_cell(value)} |")
    return "| Column | Type | Null | Default |\n|---|---|---|---|\n" + "\n".join(rows)


def _condition(text: str) -> str:
    """Return an expression without the casts that Postgres adds: `x IN ('a', 'b')`."""
    plain = re.sub(r"::(character varying|text|bpchar|jsonb)\b(\[\])?", "", text)
    return re.sub(r"= ANY \(ARRAY\[(.*?)\]\)", r"IN (\1)", plain)


def _index(text: str) -> str:
    """Return the part after the table's name: the method unless it is btree, columns, condition."""
    unique = "UNIQUE " if text.startswith("CREATE UNIQUE") else ""
    return unique + _condition(re.sub(r"^CREATE .*? ON \S+ USING (btree )?", "", text))


def _trigger(text: str) -> str:
    """Return the trigger's events and function."""
    return re.sub(r"^CREATE TRIGGER \S+ (.*?) ON \S+ (.*)EXECUTE FUNCTION ", r"\1 \2", text)


def _diagram(connection: Connection) -> Iterator[str]:
    for parent, child, column, required, single in connection.execute(REFERENCES):
        yield f"    {parent} {'||' if required else '|o'}--o{'|' if single else '{'} {child} : {column}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


@contextmanager
def migrated_database() -> Iterator[Connection]:
    """Yield a connection to a database at the newest revision, on a separate server."""
    with tempfile.TemporaryDirectory() as folder:
        supervisor = Supervisor(Path(folder))
        username, password, database = "postgres", secrets.token_urlsafe(24), "postgres"
        server = EmbeddedPostgres(
            supervisor, Path(folder) / "data", username=username, password=password, database=database
        )
        try:
            server.start()
            Migrator(
                host=server.address,
                port=server.port,
                username=username,
                password=password,
                database=database,
                lock_timeout_seconds=4,
                statement_timeout_seconds=5,
            ).upgrade()
            with psycopg.connect(
                host=server.address, port=server.port, user=username, password=password, dbname=database
            ) as connection:
                yield connection
        finally:
            supervisor.stop_all()


def write_or_check(text: str, arguments: list[str]) -> str | None:
    """Write the page, or compare it with `--check`; return an error message for the exit."""
    if "--check" not in arguments:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        return f"stale: {PAGE.relative_to(ROOT)}; run `make docs`"
    return None


def main(arguments: list[str]) -> str | None:
    """Write or compare the page of a fresh installation; return an error message for the exit."""
    with migrated_database() as connection:
        try:
            text = page(connection)
        except SubjectsError as error:
            return str(error)
    return write_or_check(text, arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
