"""What holds for every write that takes a JSON body: no bad body and no field of ours gets through it."""

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from fastapi.routing import iter_route_contexts
from psycopg.sql import SQL, Identifier

from tests.runtime.contract.test_strict_json import CANARY, REFUSED
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS
from tests.runtime.mechanisms.records.test_every_kind import PRIVILEGED
from tests.runtime.web.every_write import WRITES, Write, anywhere, send
from tests.tables import Proved

MEGABYTE = 1024 * 1024
OF_OTHER_TYPES = ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "")
NO_OBJECTS = (b"null", b"[]", b'"text"', b"5", b"true")
# A body that need not be sent, of which null says nothing.
OPTIONAL = "/process"
# Fields that only some tables have, and that are no client's either.
MORE_PRIVILEGED = ["status_changed_at", "usage_count", "retry_count", "lease_token", "user_id", "is_deleted", "groups"]


@pytest.fixture
def owner(database: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database.conninfo, autocommit=True) as connection:
        yield connection


def everything(owner: psycopg.Connection[Any]) -> dict[str, tuple[int, str]]:
    """How many rows each table has, and a digest of them."""
    tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    digest = SQL("SELECT count(*), md5(coalesce(string_agg(t::text, ',' ORDER BY t::text), '')) FROM {} t")
    found = {name: owner.execute(digest.format(Identifier(name))).fetchone() for (name,) in tables}
    return {name: (row[0], row[1]) for name, row in found.items() if row}


class TestWrites:
    def test_are_all_there(self, api: Api) -> None:
        found = {
            (method, context.path)
            for context in iter_route_contexts(api.client.app.routes)
            if getattr(dependant := getattr(context, "dependant", None), "body_params", None)
            for method in context.methods
            if not context.path.endswith("files/upload") and dependant
        }
        assert found == WRITES.keys()


class TestBadBodies:
    @pytest.mark.requirement("P1-29", "ROAD-95")
    @pytest.mark.table("bodies")
    def test_are_refused_by_every_write(self, api: Api, owner: psycopg.Connection[Any], proved: Proved) -> None:
        before = everything(owner)
        for write in WRITES:
            for name, body in REFUSED.items():
                answer = self.sent(api, write, body)
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body"}, (write, name)
                assert CANARY not in answer.text, (write, name)
        assert everything(owner) == before
        proved(len(WRITES) * len(REFUSED))

    @pytest.mark.requirement("P1-29")
    @pytest.mark.table("bodies")
    def test_that_are_no_objects_are_refused(self, api: Api, proved: Proved) -> None:
        for write in WRITES:
            for body in NO_OBJECTS:
                answer = self.sent(api, write, body)
                if body == b"null" and write[1].endswith(OPTIONAL):
                    problems(answer, 404, "NOT_FOUND")
                else:
                    problems(answer, 400, "VALIDATION_ERROR")
        proved(len(WRITES) * len(NO_OBJECTS))

    @pytest.mark.requirement("P1-29")
    @pytest.mark.table("bodies")
    def test_of_other_types_are_refused(self, api: Api, proved: Proved) -> None:
        for write in WRITES:
            for content_type in OF_OTHER_TYPES:
                answer = self.sent(api, write, b'{"name": "a"}', content_type)
                found = problems(answer, 400, "VALIDATION_ERROR")
                assert found == {"body": "Send a JSON object, with content-type application/json"}, (
                    write,
                    content_type,
                )
        proved(len(WRITES) * len(OF_OTHER_TYPES))

    @pytest.mark.requirement("A-14", "ROAD-98")
    @pytest.mark.table("bodies")
    def test_beyond_the_limit_are_413(self, api: Api, proved: Proved) -> None:
        sizes = [MEGABYTE + 1, 6_500_000, 10 * MEGABYTE]
        for write in WRITES:
            for size in sizes:
                problems(self.sent(api, write, b" " * size), 413, "PAYLOAD_TOO_LARGE")
        proved(len(WRITES) * len(sizes))

    @staticmethod
    def sent(api: Api, write: Write, body: bytes, content_type: str = "application/json") -> Any:
        return send(api, write, anywhere(write[1]), content=body, headers={"Content-Type": content_type})


class TestFieldsOfOurs:
    @pytest.mark.requirement("P1-29")
    @pytest.mark.table("mass assignment")
    def test_are_refused_by_every_write(self, api: Api, owner: psycopg.Connection[Any], proved: Proved) -> None:
        description, cells = api.client.get("/openapi.json").json(), 0
        for write, make in WRITES.items():
            path, body = make(api)
            names = self.privileged(description, write)
            assert len(names) >= 12, write
            before = everything(owner)
            answer = send(api, write, path, json=body | dict.fromkeys(names, str(uuid4())))
            refused = problems(answer, 400, "VALIDATION_ERROR")
            assert refused == {f"body.{name}": "Unknown field" for name in names}, write
            assert everything(owner) == before, write
            # Without them it is taken: they alone were refused.
            assert send(api, write, path, json=body).status_code in {200, 201, 202}, write
            cells += len(names)
        proved(cells)

    @staticmethod
    def privileged(description: dict[str, Any], write: Write) -> list[str]:
        """What no client may set by this write: what some other table, or another write, has a name for."""
        method, template = write
        ids = [kind.row_id for kind in KINDS.values()]
        names = {*PRIVILEGED, *MORE_PRIVILEGED, *ids}
        documented = description["paths"].get(template) or description["paths"]["/api/v1" + template]
        schema = documented[method.lower()]["requestBody"]["content"]["application/json"]["schema"]
        for option in (schema, *schema.get("anyOf", ())):
            if reference := option.get("$ref"):
                names -= description["components"]["schemas"][reference.rpartition("/")[2]]["properties"].keys()
        return sorted(names)
