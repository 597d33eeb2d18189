"""Idempotency-Key under faults: the effect and its answer are stored together or not at all."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from runtime.web.idempotency import IdempotentRequest
from tests.runtime.features.api_platform import HOST, Api, Client, application, problems
from tests.runtime.web.keyed_requests import assert_replayed, count, keyed
from tests.runtime.web.served_process import free_address, serving

SHOWS = "/api/v1/shows"


class TestCrashes:
    def test_answer_outlives_the_process(self, api: Api) -> None:
        headers = keyed()
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        api.client.app.state.resources.database.close()
        with asyncio.Runner() as runner:
            assert_replayed(
                first, Client(application(), runner).post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
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
        url = free_address()

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
        store_response, headers = IdempotentRequest.store_response, keyed()

        def break_connections() -> None:
            with psycopg.connect(database.conninfo, autocommit=True) as owner:
                owner.execute(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )

        def breaking(request: IdempotentRequest, response: Any) -> None:
            if moment == "before":
                break_connections()
            store_response(request, response)
            break_connections()

        with monkeypatch.context() as broken:
            broken.setattr(IdempotentRequest, "store_response", breaking)
            answer = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
            problems(answer, 503, "SERVICE_UNAVAILABLE")
        assert count(api, "shows") == count(api, "idempotency_keys") == 0
        first = api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers)
        assert first.status_code == 201
        assert_replayed(first, api.client.post(SHOWS, {"name": "Once"}, api.admin, headers=headers))
