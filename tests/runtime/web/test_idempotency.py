"""Idempotency-Key: one effect and one answer, whoever repeats what, and whatever fails in between."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import iter_route_contexts

from runtime.access.guards import Guard
from runtime.mechanisms.idempotency import repository
from runtime.web.dependencies import _transaction
from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.user_pool import User
from tests.runtime.web.every_post import ENTRIES, REQUESTS, post
from tests.runtime.web.keyed_requests import assert_replayed, count, keyed

SHOWS = "/api/v1/shows"
REPEATS = 20


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
        first = post(api, path, body, headers)
        assert first.status_code in {200, 201, 202}, first.text
        for _ in range(3):
            assert_replayed(first, post(api, path, body, headers))
        assert count(api, "activity_logs") == before + ENTRIES.get(template, 1)


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
        for description in ("1", "2"):
            answer = api.client.patch(path, {"description": description}, api.editor, headers=headers)
            assert answer.json()["data"]["description"] == description
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
