"""Idempotency-Key: one effect and one answer, whoever repeats what, and whatever fails in between."""

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest
from fastapi.routing import iter_route_contexts

from runtime.access.guards import Guard
from runtime.adapters.objects import ObjectStore
from runtime.app import create_app
from runtime.errors import UnavailableError
from runtime.features.idempotency import repository
from runtime.web.dependencies import _transaction
from runtime.web.idempotency import Attempt
from tests.runtime.features.api_platform import HOST, Api, Client, User, problems

SHOWS = "/api/v1/shows"
PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50
REPEATS = 20


def keyed(key: str | None = None) -> dict[str, str]:
    return {"Idempotency-Key": key or str(uuid4())}


def count(api: Api, table: str) -> int:
    with api.client.app.state.resources.database.transaction() as connection:
        row = connection.execute(f"SELECT count(*) AS rows FROM {table}").fetchone()  # noqa: S608  (a name from here)
    assert row
    return int(row["rows"])


def assert_replayed(first: httpx.Response, again: httpx.Response) -> None:
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers.get("etag") == first.headers.get("etag")
    assert again.headers["content-type"] == first.headers["content-type"]
    assert again.headers["x-request-id"] != first.headers["x-request-id"]


def restorable(api: Api, thing: str) -> str:
    made = api.create_show() if thing == "shows" else api.create_episode()
    path = f"/api/v1/{thing}/{made[f'{thing[:-1]}_id']}"
    api.delete(path)
    return f"{path}/restore"


def completable(api: Api) -> str:
    upload = api.announce(PHOTO, user=api.admin)
    api.store(upload, PHOTO)
    return f"/api/v1/upload/{upload['upload_id']}/complete"


@contextmanager
def serving(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The API as a process of its own, at this address, once it answers."""
    arguments = [sys.executable, "-m", "runtime", "--port", url.rpartition(":")[2]]
    with subprocess.Popen(arguments, cwd=Path(__file__).parents[3], stdout=subprocess.DEVNULL) as server:
        try:
            while True:
                try:
                    httpx.get(f"{url}/health")
                    break
                except httpx.ConnectError:
                    assert server.poll() is None
            yield server
        finally:
            server.kill()


# A request for every POST there is: its path and its body.
REQUESTS: dict[str, Callable[[Api], tuple[str, dict[str, Any] | None]]] = {
    "/api/v1/shows": lambda _: (SHOWS, {"name": "Once"}),
    "/api/v1/shows/{show_id}/restore": lambda api: (restorable(api, "shows"), None),
    "/api/v1/episodes": lambda api: (
        "/api/v1/episodes",
        {"show_id": api.create_show()["show_id"], "title": "Once", "episode_number": 1},
    ),
    "/api/v1/episodes/{episode_id}/restore": lambda api: (restorable(api, "episodes"), None),
    "/api/v1/upload/generate-url": lambda api: ("/api/v1/upload/generate-url", api.announcement(PHOTO)),
    "/upload/generate-url": lambda api: ("/upload/generate-url", api.announcement(PHOTO)),
    "/api/v1/upload/{upload_id}/complete": lambda api: (completable(api), None),
}


class TestEveryPost:
    def test_is_in_the_table_and_knows_its_caller_before_its_transaction(self, api: Api) -> None:
        found = {}
        for context in iter_route_contexts(api.client.app.routes):
            if "POST" in context.methods:
                found[context.path] = [dependency.call for dependency in context.dependant.dependencies]
        assert found.keys() == REQUESTS.keys()
        for path, calls in found.items():
            guards = [position for position, call in enumerate(calls) if isinstance(call, Guard)]
            assert guards[0] < calls.index(_transaction), path

    def test_is_described_with_its_key(self, api: Api) -> None:
        for path, operations in api.client.get("/openapi.json").json()["paths"].items():
            for method, operation in operations.items():
                names = [parameter["name"] for parameter in operation.get("parameters", [])]
                assert len(set(names)) == len(names)
                assert ("Idempotency-Key" in names) is (method == "post"), path

    @pytest.mark.parametrize("template", REQUESTS)
    def test_repeated_has_one_effect_and_one_answer(self, api: Api, template: str) -> None:
        path, body = REQUESTS[template](api)
        headers = keyed()
        before = count(api, "activity_logs")
        first = api.client.post(path, body, api.admin, headers=headers)
        assert first.status_code in {200, 201}, first.text
        for _ in range(3):
            assert_replayed(first, api.client.post(path, body, api.admin, headers=headers))
        assert count(api, "activity_logs") == before + 1


class TestKey:
    @pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "é", "a\tb"])
    def test_that_is_none_is_refused(self, api: Api, key: str) -> None:
        answer = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers={"Idempotency-Key": key.encode()})
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"header.idempotency-key"}
        assert count(api, "shows") == 0

    def test_may_have_255_characters(self, api: Api) -> None:
        headers = keyed("k" * 255)
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        assert_replayed(first, api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers))

    def test_two_of_them_are_refused(self, api: Api) -> None:
        headers = [*api.admin.headers.items(), ("Idempotency-Key", "a"), ("Idempotency-Key", "a")]
        answer = api.client.send_raw("POST", SHOWS, headers, json={"name": "Once"})
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"header.idempotency-key"}

    def test_of_another_request_is_refused(self, api: Api) -> None:
        headers, body = keyed(), {"name": "Once"}
        first = api.client.post(SHOWS, body, api.admin, headers=headers)
        show_path = f"{SHOWS}/{first.json()['data']['show_id']}/restore"
        for path, other in ((SHOWS, {"name": "Other"}), (f"{SHOWS}?x=1", body), (show_path, None)):
            answer = api.client.post(path, other, api.admin, headers=headers)
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"header.idempotency-key"}
        assert count(api, "shows") == 1
        assert_replayed(first, api.client.post(SHOWS, body, api.admin, headers=headers))

    def test_belongs_to_one_user(self, api: Api) -> None:
        headers, other = keyed(), User.of("admin")
        first = api.client.post(SHOWS, {"name": "Mine"}, api.admin, headers=headers)
        theirs = api.client.post(SHOWS, {"name": "Theirs"}, other, headers=headers)
        assert theirs.json()["data"]["created_by"] == str(other.user_id)
        # The very same request of another user is another request.
        problems(api.client.post(SHOWS, {"name": "Mine"}, User.of("admin"), headers=headers), 409, "CONFLICT")
        assert_replayed(first, api.client.post(SHOWS, {"name": "Mine"}, api.admin, headers=headers))

    def test_opens_nothing_to_who_may_not(self, api: Api) -> None:
        headers = keyed()
        api.client.post(SHOWS, {"name": "Mine"}, api.admin, headers=headers)
        problems(api.client.post(SHOWS, {"name": "Mine"}, headers=headers), 401, "UNAUTHORIZED")
        demoted = User(api.admin.user_id, User.of("viewer", sub=str(api.admin.user_id)).token)
        problems(api.client.post(SHOWS, {"name": "Mine"}, demoted, headers=headers), 403, "FORBIDDEN")
        problems(api.client.post(SHOWS, {"name": "Mine"}, headers={"Idempotency-Key": ""}), 401, "UNAUTHORIZED")

    def test_means_nothing_to_other_methods(self, api: Api) -> None:
        path, headers = f"{SHOWS}/{api.create_show()['show_id']}", keyed()
        for text in ("1", "2"):
            answer = api.client.patch(path, {"description": text}, api.editor, headers=headers)
            assert answer.json()["data"]["description"] == text
        assert api.client.get(path, api.viewer, headers={"Idempotency-Key": ""}).status_code == 200
        assert count(api, "idempotency_keys") == 0

    def test_is_kept_for_a_day_and_forgotten_then(self, api: Api) -> None:
        headers = keyed()
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)

        def age(hours: int) -> None:
            with api.client.app.state.resources.database.transaction() as connection:
                connection.execute(
                    "UPDATE idempotency_keys SET created_at = now() - make_interval(hours => %s)", [hours]
                )

        age(23)
        assert_replayed(first, api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers))
        age(25)
        problems(api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers), 409, "CONFLICT")
        again = api.client.post(SHOWS, {"name": "Anew"}, api.admin, headers=headers)
        assert_replayed(again, api.client.post(SHOWS, {"name": "Anew"}, api.admin, headers=headers))
        for number in range(3):
            api.client.post(SHOWS, {"name": f"Old {number}"}, api.admin, headers=keyed())
        age(25)
        for number in range(3):
            api.client.post(SHOWS, {"name": f"New {number}"}, api.admin, headers=keyed())
        assert count(api, "idempotency_keys") == 3


class TestRefusals:
    def test_are_not_stored(self, api: Api) -> None:
        headers = keyed()
        taken = api.create_show(name="Taken")
        problems(api.client.post(SHOWS, {"name": ""}, api.admin, headers=headers), 400, "VALIDATION_ERROR")
        problems(api.client.post(SHOWS, content=b"{", user=api.admin, headers=headers), 400, "VALIDATION_ERROR")
        problems(api.client.post(SHOWS, {"name": "Taken"}, api.admin, headers=headers), 409, "CONFLICT")
        problems(api.client.post(f"{SHOWS}/{uuid4()}/restore", None, api.admin, headers=headers), 404, "NOT_FOUND")
        stale = headers | {"If-Match": '"7"'}
        answer = api.client.post(f"{SHOWS}/{taken['show_id']}/restore", None, api.admin, headers=stale)
        problems(answer, 412, "PRECONDITION_FAILED")
        assert count(api, "idempotency_keys") == 0
        first = api.client.post(SHOWS, {"name": "Free"}, api.admin, headers=headers)
        assert first.status_code == 201
        assert_replayed(first, api.client.post(SHOWS, {"name": "Free"}, api.admin, headers=headers))

    def test_too_large_body_is_refused_as_ever(self, api: Api) -> None:
        def chunks() -> Any:
            async def stream() -> Any:
                for _ in range(20):
                    yield b" " * 100_000

            return stream()

        answer = api.client.post(SHOWS, content=chunks(), user=api.admin, headers=keyed())
        problems(answer, 413, "PAYLOAD_TOO_LARGE")


class TestAtOnce:
    def test_twenty_have_one_effect(self, api: Api) -> None:
        headers, body = keyed(), {"name": "Once"}

        def post(_: int) -> httpx.Response:
            with asyncio.Runner() as runner:
                return Client(api.client.app, runner).post(SHOWS, body, api.admin, headers=headers)

        with ThreadPoolExecutor(REPEATS) as threads:
            answers = list(threads.map(post, range(REPEATS)))
        (first,) = [a for a in answers if a.status_code == 201 and "idempotency-replayed" not in a.headers]
        for answer in answers:
            if answer.status_code == 409:
                assert problems(answer, 409, "CONFLICT").keys() == {"header.idempotency-key"}
            elif answer is not first:
                assert_replayed(first, answer)
        assert count(api, "shows") == count(api, "activity_logs") == count(api, "idempotency_keys") == 1

    def test_one_that_is_under_way_is_a_conflict(self, api: Api) -> None:
        headers = keyed()
        with api.client.app.state.resources.database.transaction() as connection:
            assert repository.try_lock(connection, api.admin.user_id, headers["Idempotency-Key"])
            answer = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
            assert problems(answer, 409, "CONFLICT").keys() == {"header.idempotency-key"}
            # Nobody else's key waits for it.
            assert api.client.post(SHOWS, {"name": "Other"}, User.of("admin"), headers=headers).status_code == 201
        assert api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers).status_code == 201


class TestCrashes:
    def test_answer_outlives_the_process(self, api: Api) -> None:
        headers = keyed()
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        api.client.app.state.resources.database.close()
        with asyncio.Runner() as runner:
            assert_replayed(
                first, Client(create_app(), runner).post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
            )

    def test_lost_answer_is_found_again(self, api: Api) -> None:
        """The process dies when everything is committed and before the answer leaves."""
        headers, app = keyed(), api.client.app
        stack = app.build_middleware_stack()

        async def dying(scope: Any, receive: Any, _send: Any) -> None:
            async def send(_: Any) -> None:
                raise ConnectionResetError

            await stack(scope, receive, send)

        app.middleware_stack = dying
        assert api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers).status_code == 500
        app.middleware_stack = stack
        again = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert count(api, "shows") == 1

    def test_killed_server_leaves_nothing_half_done(self, api: Api, database: Any) -> None:
        """SIGKILL, first when the effect is written and its answer is not, then when both are committed."""
        headers, body = keyed(), {"name": "Once"}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        url = f"http://127.0.0.1:{port}"

        def post() -> httpx.Response:
            sent = api.admin.headers | headers | {"Host": HOST}
            return httpx.post(url + SHOWS, json=body, headers=sent, timeout=60)

        with (
            psycopg.connect(database.conninfo, autocommit=True) as looking,
            ThreadPoolExecutor(1) as threads,
            serving(url) as server,
        ):
            with psycopg.connect(database.conninfo) as holding:
                holding.execute("LOCK TABLE idempotency_keys IN SHARE MODE")
                request = threads.submit(post)
                while not looking.execute("SELECT FROM pg_locks WHERE NOT granted").fetchall():
                    assert not request.done(), request.result().text
                server.kill()
                server.wait()
                assert isinstance(request.exception(), httpx.TransportError)
            # Until Postgres notices that nobody is there any more, the request counts as under way.
            while looking.execute("SELECT FROM pg_locks WHERE locktype = 'advisory'").fetchall():
                pass
        assert count(api, "shows") == 0
        with serving(url) as server:
            first = post()
            assert first.status_code == 201
            server.kill()
        assert_replayed(first, api.client.post(SHOWS, body, api.admin, headers=headers))
        assert count(api, "shows") == 1

    @pytest.mark.parametrize("moment", ["before", "after"])
    def test_effect_and_answer_are_lost_together(
        self, api: Api, database: Any, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        """The database breaks every connection before or after the answer is stored, and before the commit."""
        keep, headers = Attempt.keep, keyed()

        def break_connections() -> None:
            with psycopg.connect(database.conninfo, autocommit=True) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        def breaking(attempt: Attempt, response: Any) -> None:
            if moment == "before":
                break_connections()
            keep(attempt, response)
            break_connections()

        with monkeypatch.context() as broken:
            broken.setattr(Attempt, "keep", breaking)
            answer = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
            problems(answer, 503, "SERVICE_UNAVAILABLE")
        assert count(api, "shows") == count(api, "idempotency_keys") == 0
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        assert first.status_code == 201
        assert_replayed(first, api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers))

    def test_what_follows_the_commit_is_mended_before_the_answer_is_replayed(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An upload is completed, its copy fails: the answer is stored, and not yet good enough to be repeated."""
        path, headers = completable(api), keyed()

        def fail(*_: Any, **__: Any) -> None:
            raise UnavailableError("storage is away")

        with monkeypatch.context() as broken:
            broken.setattr(ObjectStore, "copy", fail)
            for _ in range(2):
                answer = api.client.post(path, None, api.admin, headers=headers)
                problems(answer, 503, "SERVICE_UNAVAILABLE")
        listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["storage"])
        assert (count(api, "processing_queue"), listed["KeyCount"]) == (1, 0)
        mended = api.client.post(path, None, api.admin, headers=headers)
        assert mended.status_code == 200
        listed = api.account.client("s3").list_objects_v2(Bucket=api.buckets["storage"])
        assert (count(api, "processing_queue"), listed["KeyCount"]) == (1, 1)
        assert_replayed(mended, api.client.post(path, None, api.admin, headers=headers))
