"""Fifty concurrent editors of clips: no change is lost or logged twice, and nothing deadlocks."""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import httpx
import pytest

from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.clips.clip_library import (
    CLIPS,
    create,
    data,
    ids,
    log_of,
    path_of,
    send_from_thread,
    stored,
)
from tests.runtime.features.user_pool import User

EDITORS = 50
AWAY = 503

pytestmark = pytest.mark.requirement("ROAD-111")


def all_at_once(api: Api, requests: Sequence[Callable[[Client], httpx.Response]]) -> list[httpx.Response]:
    """Send all requests at the same moment, each from its own thread; repeat those that get 503, because the threads
    share four database connections."""
    start = Barrier(len(requests))

    def run(request: Callable[[Client], httpx.Response]) -> httpx.Response:
        def repeated(client: Client) -> httpx.Response:
            start.wait(timeout=60)
            while (response := request(client)).status_code == AWAY:
                pass
            return response

        return send_from_thread(api, repeated)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(run, requests))


def assigning(clip: dict[str, Any], episode: dict[str, Any], **headers: str) -> Callable[[Client], httpx.Response]:
    """Build the request of a new editor."""
    user, body = User.of("editor"), {"episode_id": episode["episode_id"]}
    return lambda client: client.post(f"{path_of(clip)}/assign", body, user, headers=headers)


class TestAssigningOneClip:
    def test_concurrent_assignments_are_logged_in_sequence(self, api: Api) -> None:
        clip, episodes = create(api), [api.create_episode() for _ in range(5)]
        wanted = [episodes[number % len(episodes)] for number in range(EDITORS)]
        responses = all_at_once(api, [assigning(clip, episode) for episode in wanted])
        assert [data(response)["episode_id"] for response in responses] == [episode["episode_id"] for episode in wanted]
        last = stored(api, clip)
        links = [entry for entry in log_of(api, clip) if entry["action_type"] == "link"]
        # The version counts changes, and each response has one of the versions.
        changes = int(last["etag"].strip('"')) - 1
        assert len(links) == changes == len({response.headers["etag"] for response in responses})
        assert len(episodes) <= changes <= EDITORS
        steps = [(entry["old_values"]["episode_id"], entry["new_values"]["episode_id"]) for entry in links]
        assert [before for before, _ in steps] == [None, *(after for _, after in steps[:-1])]
        assert steps[-1][1] == last["episode_id"]

    def test_concurrent_assignments_to_one_episode_change_it_once(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        responses = all_at_once(api, [assigning(clip, episode)] * EDITORS)
        assert {data(response)["etag"] for response in responses} == {'"2"'}
        assert [entry["action_type"] for entry in log_of(api, clip)] == ["create", "link"]

    def test_concurrent_if_match_lets_one_win(self, api: Api) -> None:
        clip, episodes = create(api), [api.create_episode() for _ in range(5)]
        known = {"If-Match": clip["etag"]}
        wanted = [episodes[number % len(episodes)] for number in range(EDITORS)]
        responses = all_at_once(api, [assigning(clip, episode, **known) for episode in wanted])
        assert Counter(response.status_code for response in responses) == {200: 1, 412: EDITORS - 1}
        (winner,) = (data(response) for response in responses if response.status_code == 200)
        assert stored(api, clip) == winner
        for response in responses:
            if response.status_code != 200:
                problems(response, 412, "PRECONDITION_FAILED")


class TestManyClips:
    def test_crossing_orders_do_not_deadlock(self, api: Api) -> None:
        """Half of them name the clips from the first to the last, the others from the last to the first: without one order of
        locking, Postgres would abort some of them because of a deadlock, which clients see as 503."""
        clips, episodes = [create(api) for _ in range(20)], [api.create_episode() for _ in range(2)]
        forth, back = ids(clips), ids(clips[::-1])

        def request(number: int) -> Callable[[Client], httpx.Response]:
            user, clip_ids = User.of("editor"), (forth, back)[number % 2]
            assigned = {"episode_id": episodes[number % 2]["episode_id"], "clip_ids": clip_ids}
            tagged = {"clip_ids": clip_ids, "add": [f"t{number}"]}
            path, body = ((f"{CLIPS}/assign", assigned), (f"{CLIPS}/tag", tagged))[number // 2 % 2]
            return lambda client: client.post(path, body, user)

        start = Barrier(4)

        def run(number: int) -> int:
            def at_once(client: Client) -> httpx.Response:
                start.wait(timeout=60)
                return request(number)(client)

            return send_from_thread(api, at_once).status_code

        # Each of four threads has a connection, so that only a deadlock can fail a request.
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(run, range(24))) == {200}
        now = [stored(api, clip) for clip in clips]
        # No tag is lost, and the last assignment applies to all clips.
        expected = {f"t{number}" for number in range(24) if number // 2 % 2}
        assert all(set(clip["tags"]) == expected for clip in now)
        assert len({clip["episode_id"] for clip in now}) == 1
