"""That the proof of tests/runtime/web/test_sql_injection.py would find what it looks for, and that no search has wildcards."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest
from fastapi import APIRouter
from psycopg.sql import SQL, Literal

from runtime.app import create_app
from runtime.persistence.transactions import Connection
from runtime.web.dependencies import DatabaseDep
from tests.runtime.features.api_platform import Api
from tests.runtime.mechanisms.records.kinds import KINDS, Kind
from tests.runtime.web import attacked_requests
from tests.runtime.web.sql_strings import SQL_STRINGS
from tests.runtime.web.sql_sweep import assert_nothing_new
from tests.runtime.web.statement_log import Recorded, StatementLog
from tests.tables import Proved

FIND = "SELECT title FROM episodes WHERE "
ALL = "SELECT title FROM episodes ORDER BY "
# Ways to paste a text into SQL, each with the text that it was made for.
PASTED: dict[str, tuple[Callable[[str], str], str]] = {
    "literal": (lambda text: f"{FIND} title = '{text}'", "x"),
    "pattern": (lambda text: f"{FIND} title LIKE '%{text}%'", "x"),
    "number": (lambda text: f"{FIND} season_number = {text}", "1"),
    "order": (lambda text: f"{ALL} {text}", "title"),
    "name": (lambda text: f'{ALL} "{text}"', "title"),
    "path in JSON": (lambda text: f"{FIND} metadata->>'{text}' = 'x'", "x"),
    "literal behind an escape": (lambda text: f"{FIND} title = E'{text.replace(chr(39), chr(92) + chr(39))}'", "x"),
    # Harmless in this place and for now: no string gets out of it. Nothing pastes, all the same.
    "literal with its quotes doubled": (lambda text: f"{FIND} title = '{text.replace(chr(39), chr(39) * 2)}'", "x"),
    "literal that psycopg quotes": (lambda text: SQL(FIND + "title = {}").format(Literal(text)).as_string(), "x"),
}
# Some of all; not those that would sleep.
SOME = [text for text in SQL_STRINGS if "sleep" not in text.lower()][::4]


@pytest.fixture
def recorded(
    api: Api, log: StatementLog
) -> Callable[[Callable[[Connection, str], Any], str], tuple[Recorded, Recorded]]:
    """What Postgres is asked by a route that was made so: for hostile texts, and for a harmless one."""

    def record(
        ask: Callable[[Connection, str], Any], harmless: str, hostile: Sequence[str] = SOME
    ) -> tuple[Recorded, Recorded]:
        router = APIRouter()

        @router.get("/found")
        def find(text: str, database: DatabaseDep) -> list[str]:
            with database.transaction() as connection:
                return [row["title"] for row in ask(connection, text)]

        api.client.app.router = create_app().router
        api.client.app.include_router(router)
        api.create_episode()

        def send(texts: Iterable[str]) -> Recorded:
            start = log.mark()
            for text in texts:
                assert api.client.get("/found", params={"text": text}).status_code in {200, 500}
            return log.between(start)

        return send(hostile), send([harmless])

    return record


@pytest.mark.requirement("NOVA-45")
class TestProof:
    @pytest.mark.parametrize("way", PASTED)
    def test_finds_a_route_that_pastes(self, recorded: Any, way: str) -> None:
        make, harmless_text = PASTED[way]
        hostile, harmless = recorded(lambda connection, text: connection.execute(make(text).encode()), harmless_text)
        with pytest.raises(AssertionError):
            assert_nothing_new(hostile, harmless)
        # Not for the transaction alone that ends otherwise when a statement fails.
        new = {statement.text for statement in hostile.statements - harmless.statements} - {"ROLLBACK"}
        assert new or {"42601", "42703"} <= hostile.sqlstates

    def test_finds_other_orders_and_bad_syntax_by_themselves(self, recorded: Any) -> None:
        make, harmless_text = PASTED["order"]
        hostile, harmless = recorded(
            lambda connection, text: connection.execute(make(text).encode()),
            harmless_text,
            ["title DESC, 1", "title'", "stolen", "title; DROP TABLE shows"],
        )
        assert (harmless.orders, harmless.sqlstates) == ({"title"}, set())
        assert hostile.orders == {"title DESC, 1"}
        # No SQL, an unknown column, and what the application's role may not.
        assert hostile.sqlstates == {"42601", "42703", "42501"}

    def test_passes_a_route_that_binds(self, recorded: Any) -> None:
        statement = f"{FIND} title = %(text)s OR metadata ? %(text)s ORDER BY title"
        assert_nothing_new(*recorded(lambda connection, text: connection.execute(statement, {"text": text}), "x"))


@pytest.mark.requirement("NOVA-45")
class TestWildcards:
    # What LIKE and regular expressions take for any character, and for many.
    ALL_THINGS = ("%", "_%", "\\", "%e%", ".*", "[a-z]")

    @pytest.mark.table("SQL strings")
    def test_stand_for_themselves_in_every_filter(self, api: Api, proved: Proved) -> None:
        description = api.client.get("/openapi.json").json()
        requests = list(attacked_requests.queries(api, description))
        for kind in KINDS.values():
            kind.create(api, **{name: value for name, value in kind.change.items() if name not in kind.required})
        cells = 0
        for request in requests:
            for path, _ in request.places:
                for text in self.ALL_THINGS:
                    answer = request.send(request.base | {path[0]: text})
                    if answer.status_code == 400:
                        # What is no text, or a text that has a form.
                        break
                    assert answer.status_code == 200, (request.name, path, text)
                    if path != ("file_name",):
                        assert self.found(answer) == [], (request.name, path, text)
                        cells += 1
        assert cells >= 100
        proved(cells)

    def test_find_what_has_them(self, api: Api) -> None:
        for text in ("100%", "a_b", "a\\b", "50% off_now"):
            kind = KINDS["backgrounds"]
            made = kind.create(api, tags=[text], location="x", background_type=text)
            kind.create(api, tags=[text.replace("%", "x").replace("_", "x").replace("\\", "x")], background_type="x")
            for name in ("tag", "background_type"):
                (found,) = Kind.answer(api.client.get(kind.path, api.viewer, params={name: text}))
                assert found["background_id"] == made["background_id"], (name, text)

    @staticmethod
    def found(answer: Any) -> Any:
        """The records; an export is a file of them, whose header does not count."""
        if answer.headers["content-type"].startswith("text/csv"):
            return answer.text.splitlines()[1:]
        data = answer.json()["data"]
        return [count for counts in data.values() for count in counts] if isinstance(data, dict) else data
