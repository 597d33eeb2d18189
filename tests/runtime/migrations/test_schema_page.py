"""The page about the schema says what the database says."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest

from tests.architecture.pages import maker
from tests.runtime.migrations import rows

Schema = psycopg.Connection[Any]


@pytest.fixture(scope="module")
def schema_page() -> Iterator[ModuleType]:
    with maker("schema_page") as module:
        yield module


@pytest.fixture
def elsewhere(schema_page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page is written to instead."""
    monkeypatch.setattr(schema_page, "ROOT", tmp_path)
    monkeypatch.setattr(schema_page, "PAGE", tmp_path / "SCHEMA.md")
    return tmp_path / "SCHEMA.md"


@pytest.mark.requirement("P1-42")
class TestPage:
    def test_it_is_what_the_migrations_make(self, schema_page: ModuleType, schema: Schema) -> None:
        assert schema_page.write_or_check(schema_page.page(schema), ["--check"]) is None

    def test_it_has_every_table_column_constraint_index_trigger_and_function(
        self, schema_page: ModuleType, schema: Schema
    ) -> None:
        page = schema_page.page(schema)
        for table in rows.tables(schema):
            assert f"\n### {table}\n\n" in page
        names = schema.execute(
            "SELECT attname FROM pg_attribute JOIN pg_class c ON c.oid = attrelid"
            " WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0 AND relname <> 'alembic_version'"
            " UNION ALL SELECT conname FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'"
            " UNION ALL SELECT indexname FROM pg_indexes WHERE schemaname = 'public'"
            " UNION ALL SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        ).fetchall()
        assert len(names) > 400
        assert [name for (name,) in names if f"`{name}`" not in page and name != "alembic_version_pkc"] == []
        for (function,) in schema.execute("SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"):
            assert f"\n- `{function}(" in page

    def test_every_foreign_key_is_drawn(self, schema_page: ModuleType, schema: Schema) -> None:
        drawn = schema_page.page(schema).partition("erDiagram\n")[2].partition("```")[0].splitlines()
        keys = schema.execute("SELECT count(*) FROM pg_constraint WHERE contype = 'f'").fetchone()
        assert (len(drawn),) == keys
        assert "    shows ||--o{ episodes : show_id" in drawn
        assert "    episodes |o--o{ thumbnails : episode_id" in drawn
        assert "    posts ||--o| post_metadata : post_id" in drawn

    def test_expressions_keep_their_brackets(self, schema_page: ModuleType, schema: Schema) -> None:
        page = schema_page.page(schema)
        assert "- `shows_status_check`: `CHECK (status IN ('active', 'archived', 'on_hold'))`" in page
        for line in page.splitlines():
            if line.startswith("- `") and "`: `" in line:
                assert line.count("(") == line.count(")"), line

    @pytest.mark.parametrize(
        "sql",
        [
            "ALTER TABLE guests ADD COLUMN nickname text",
            "ALTER TABLE guests ALTER COLUMN role SET DEFAULT 'x'",
            "COMMENT ON TABLE guests IS 'Somebody.'",
            "DROP INDEX idx_guests_tags",
            "DROP TRIGGER guests_version ON guests",
            "COMMENT ON FUNCTION count_version() IS 'Counts.'",
        ],
    )
    def test_another_schema_makes_it_stale(
        self, schema_page: ModuleType, schema: Schema, elsewhere: Path, sql: str
    ) -> None:
        assert schema_page.write_or_check(made := schema_page.page(schema), []) is None
        assert schema_page.write_or_check(made, ["--check"]) is None
        schema.execute(sql.encode())
        assert schema_page.write_or_check(schema_page.page(schema), ["--check"]) == "stale: SCHEMA.md; run `make docs`"

    def test_missing_one_is_stale(self, schema_page: ModuleType, schema: Schema, elsewhere: Path) -> None:
        assert schema_page.write_or_check("x", ["--check"]) == "stale: SCHEMA.md; run `make docs`"

    @pytest.mark.parametrize(
        ("sql", "name"), [("CREATE TABLE surprise (x int)", "surprise"), ("DROP TABLE components", "components")]
    )
    def test_table_without_a_subject_and_subject_without_a_table_stop_it(
        self, schema_page: ModuleType, schema: Schema, sql: str, name: str
    ) -> None:
        schema.execute(sql.encode())
        with pytest.raises(schema_page.SubjectsError, match=name):
            schema_page.page(schema)


def test_command_compares_with_a_database_of_its_own(schema_page: ModuleType) -> None:
    assert schema_page.main(["--check"]) is None
