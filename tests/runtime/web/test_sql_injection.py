"""SQL strings in every place that takes strings: Postgres is asked nothing that it is not asked for harmless ones."""

import base64
from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from runtime.persistence.pages import Position, encode_cursor
from tests.runtime.conftest import MigratedDatabase
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.files import file_forms
from tests.runtime.features.user_pool import User
from tests.runtime.mechanisms.records.kinds import KINDS, Kind
from tests.runtime.web import attacked_requests
from tests.runtime.web.attacked_requests import Attacked
from tests.runtime.web.sql_strings import BY_FAMILY, DISGUISES, PAYLOADS, SQL_STRINGS
from tests.runtime.web.sql_sweep import Sweep, assert_nothing_new
from tests.runtime.web.statement_log import StatementLog
from tests.runtime.web.string_places import Json, Path, Settled
from tests.tables import Proved

SHOWS = "/api/v1/shows"
EVERY_STRING = (
    f"POST {SHOWS}",
    "GET /api/v1/search/shows",
    "GET /api/v1/search/suggest",
)
# What the tests' own client calls itself.
AGENT = f"python-httpx/{httpx.__version__}"
Untouched = Callable[[], None]


@pytest.fixture
def description(api: Api) -> Json:
    described: Json = api.client.get("/openapi.json").json()
    return described


@pytest.fixture
def untouched(database: Any, api: Api) -> Untouched:
    """Checks that what was there before is as it was: records, the schema with its rights, and who may sign in."""
    made = {kind.path_of(record): record for kind in KINDS.values() for record in [kind.create(api)]}

    def state() -> list[Any]:
        with psycopg.connect(database.conninfo) as owner:
            roles = owner.execute("SELECT rolname, rolsuper, rolcreaterole, rolpassword FROM pg_authid ORDER BY 1")
            return [MigratedDatabase.shape_now(owner), roles.fetchall()]

    before = state()

    def check() -> None:
        assert state() == before
        assert {path: Kind.answer(api.client.get(path, api.admin)) for path in made} == made

    return check


def stored(value: Any) -> Any:
    """As it is kept: without the space around it."""
    return [item.strip() for item in value] if isinstance(value, list) and isinstance(value[0], str) else value


class TestStrings:
    def test_are_many_and_of_every_kind(self) -> None:
        assert len(SQL_STRINGS) == len(set(SQL_STRINGS)) >= 200
        assert BY_FAMILY.keys() == PAYLOADS.keys() | DISGUISES.keys()
        assert all(len(strings) >= 3 for strings in BY_FAMILY.values())
        # They fit into a tag, which is the shortest text that is kept, and lose nothing where space around it is dropped.
        assert all(text == text.strip() and 0 < len(text) <= 100 for text in SQL_STRINGS)


@pytest.mark.requirement("NOVA-45", "P1-29")
@pytest.mark.table("SQL strings")
class TestSqlStrings:
    def test_in_bodies_are_kept_as_they_are(
        self, log: StatementLog, api: Api, untouched: Untouched, description: Json, proved: Proved
    ) -> None:
        kept: set[tuple[str, Path]] = set()

        def is_kept(request: Attacked, result: Settled, values: dict[Path, Any]) -> None:
            data = result.answer.json().get("data") if result.taken else None
            for path in result.taken:
                if isinstance(data, dict) and path[0] in data:
                    assert data[path[0]] == stored(values[path]), (request.name, path)
                    kept.add((request.name, path))

        sweep = Sweep(log, lambda: str(api.create_show()["name"]), 8, EVERY_STRING)
        sweep.run(list(attacked_requests.bodies(api, description)), is_kept)
        untouched()
        assert_nothing_new(sweep.hostile, sweep.harmless)
        assert len(kept) >= 150
        assert set(SQL_STRINGS) <= sweep.sent
        proved(sweep.cells)

    def test_in_addresses_are_values(
        self, log: StatementLog, api: Api, untouched: Untouched, description: Json, proved: Proved
    ) -> None:
        taken: set[tuple[str, Path]] = set()

        def note(request: Attacked, result: Settled, _: dict[Path, Any]) -> None:
            taken.update((request.name, path) for path in result.taken)

        sweep = Sweep(log, lambda: str(api.create_show()["name"]), 6, EVERY_STRING)
        requests = [*attacked_requests.queries(api, description), *attacked_requests.deletions(api, description)]
        sweep.run(requests, note)
        untouched()
        assert_nothing_new(sweep.hostile, sweep.harmless)
        assert len(taken) >= 40
        assert {path for _, path in taken} & {("sort",), ("cursor",), ("limit",)} == set()
        proved(sweep.cells)

    def test_are_no_order_and_no_cursor(
        self, log: StatementLog, api: Api, untouched: Untouched, description: Json, proved: Proved
    ) -> None:
        lists = dict(attacked_requests.sorted_lists(api, description))
        turn, cells = 0, 0

        def ask(path: str, order: str, text: str) -> None:
            place = Position(uuid4(), text)
            answer = api.client.get(path, api.admin, params={"sort": order, "cursor": encode_cursor(place, order)})
            assert answer.status_code == 200 or problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}

        start = log.mark()
        for path, orders in lists.items():
            for order in orders:
                ask(path, order, "harmless")
                assert api.client.get(path, api.admin, params={"sort": order}).status_code == 200
        middle = log.mark()
        for path, orders in lists.items():
            for order in orders:
                for _ in range(6):
                    ask(path, order, SQL_STRINGS[(turn := turn + 1) % len(SQL_STRINGS)])
                    cells += 1
            for text in SQL_STRINGS[turn % 16 :: 16]:
                encoded = base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()
                query = {"sort": orders[0] + text, "cursor": encoded}
                answer = api.client.get(path, api.admin, params=query)
                assert "query.sort" in problems(answer, 400, "VALIDATION_ERROR"), query
                answer = api.client.get(path, api.admin, params={"cursor": encoded})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}, query
                cells += 2
        hostile, harmless = log.between(middle), log.between(start, middle)
        untouched()
        assert len(lists) >= 9
        assert_nothing_new(hostile, harmless)
        proved(cells)

    def test_in_paths_reach_no_statement(self, log: StatementLog, api: Api, proved: Proved) -> None:
        templates = {
            (method, context.path)
            for context in iter_route_contexts(api.client.app.routes)
            if "{" in context.path and getattr(context, "dependant", None)
            for method in context.methods
        }
        assert len(templates) >= 90
        start, rounds = log.mark(), 6
        for number, (method, template) in enumerate(sorted(templates)):
            for turn in range(rounds):
                text = SQL_STRINGS[(7 * number + turn * (len(SQL_STRINGS) // rounds)) % len(SQL_STRINGS)]
                names = [part for part in template.split("/") if part.startswith("{")]
                path = template
                for name in names:
                    path = path.replace(name, quote(text, safe=""))
                answer = api.client.send(method, path, api.admin, params={"q": "x"} if "search" in path else {})
                assert answer.status_code in {400, 403, 404, 405}, (method, template, text)
        # The pool asks nothing, to see whether its connection is well; nobody else asks anything.
        assert {statement.text for statement in log.between(start).statements} <= {""}
        proved(rounds * len(templates))

    def test_in_headers_and_claims_are_values(
        self, log: StatementLog, api: Api, untouched: Untouched, proved: Proved
    ) -> None:
        cells = 0

        def ask(text: str, number: int) -> None:
            nonlocal cells
            user = User.of("admin", text, email=text, username=text)
            headers: dict[str, Any] = user.headers | {"User-Agent": text.encode(), "X-Request-ID": text.encode()}
            is_key = text.isascii() and text.isprintable()
            headers["Idempotency-Key"] = text.replace(" ", "+") + f"+{number}" if is_key else "key"
            # A header has no line break and no tab in it that a server would let through.
            sent = {name: value for name, value in headers.items() if text.isprintable() or name == "Authorization"}
            answer = api.client.send("POST", SHOWS, headers=sent, json={"name": f"Of {number}"})
            assert answer.status_code == 201, (text, answer.text)
            me = api.client.get("/api/v1/users/me", user).json()["data"]
            assert me["email"] == text
            entry = api.client.get("/api/v1/activity-logs", api.admin, params={"user_id": str(user.user_id)}).json()
            assert entry["data"][0]["user_agent"] == (
                text.encode().decode("latin-1") if "User-Agent" in sent else AGENT
            )
            refused = api.client.patch(f"{SHOWS}/{uuid4()}", {}, user, headers={"If-Match": text.encode()})
            assert refused.status_code in {400, 404}, text
            cells += 3 + len(sent)

        start = log.mark()
        for number in range(2):
            ask(f"harmless{number}", number)
        middle = log.mark()
        for number, text in enumerate(SQL_STRINGS[::3], 2):
            ask(text, number)
        hostile, harmless = log.between(middle), log.between(start, middle)
        untouched()
        assert_nothing_new(hostile, harmless)
        proved(cells)

    def test_in_files_are_kept_as_they_are(
        self, log: StatementLog, api: Api, untouched: Untouched, proved: Proved
    ) -> None:
        columns = (
            "title",
            "description",
            "file_name",
            "notes",
            "tags",
            "metadata",
            "talent_source",
            "quality",
            "guest_id",
        )
        taken = {"title", "description", "file_name", "notes", "tags", "metadata"}

        def rows(strings: tuple[str, ...], names: set[str]) -> list[dict[str, Any]]:
            shaped = {"tags": lambda text: [text], "metadata": lambda text: {text: text}}
            made = [{name: shaped.get(name, str)(text) for name in columns if name in names} for text in strings]
            return [row | ({} if "talent_source" in names else {"talent_source": "Lala"}) for row in made]

        def send(strings: tuple[str, ...], names: set[str]) -> list[Json]:
            reports = []
            for form, body in {
                "text/csv": attacked_requests.as_csv(rows(strings, names)),
                "application/x-ndjson": attacked_requests.as_lines(rows(strings, names)),
            }.items():
                answer = api.client.post(
                    "/api/v1/clips/import", user=api.admin, content=body, headers={"Content-Type": form}
                )
                reports += Kind.answer(answer)["lines"]
            return reports

        start = log.mark()
        harmless_strings = tuple(f"harmless {number}" for number in range(3))
        assert {line["status"] for line in send(harmless_strings, taken)} == {"created"}
        assert {line["status"] for line in send(harmless_strings, set(columns))} == {"refused"}
        api.client.get("/api/v1/clips", api.admin, params={"limit": 100})
        middle = log.mark()
        assert {line["status"] for line in send(SQL_STRINGS, taken)} == {"created"}
        assert {line["status"] for line in send(SQL_STRINGS, set(columns))} == {"refused"}
        found = Kind.answer(api.client.get("/api/v1/clips", api.admin, params={"limit": 100}))
        hostile, harmless = log.between(middle), log.between(start, middle)
        assert [row["title"] for row in found] == list(SQL_STRINGS[:-101:-1])
        assert all(row["tags"] == [row["title"]] and row["metadata"] == {row["title"]: row["title"]} for row in found)
        for text in SQL_STRINGS[::20]:
            body = attacked_requests.as_csv([{"title": "x", "talent_source": "Lala", text: "x"}])
            answer = api.client.post(
                "/api/v1/clips/import", user=api.admin, content=body, headers={"Content-Type": "text/csv"}
            )
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body"}, text
        untouched()
        assert_nothing_new(hostile, harmless)
        proved(2 * len(SQL_STRINGS) * (len(taken) + len(columns)) + len(SQL_STRINGS[::20]))

    def test_in_forms_are_values(self, log: StatementLog, api: Api, untouched: Untouched, proved: Proved) -> None:
        episode_id, cells = api.create_episode()["episode_id"], 0

        def ask(text: str) -> None:
            nonlocal cells
            assert file_forms.create_file(api, name=text.replace('"', "'"), entity_id=episode_id)["file_name"]
            for field in ("entity_type", "entity_id"):
                fields = {"entity_id": episode_id} | {field: text}
                refused = problems(file_forms.send(api, **fields), 400, "VALIDATION_ERROR")
                assert refused.keys() == {f"body.{field}"}, text
            cells += 3

        start = log.mark()
        ask("harmless")
        middle = log.mark()
        for text in SQL_STRINGS[::16]:
            ask(text)
        hostile, harmless = log.between(middle), log.between(start, middle)
        untouched()
        assert_nothing_new(hostile, harmless)
        proved(cells)
