"""Fifty editors and one library: no change is lost, none is noted twice, and nobody waits for ever."""

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
    on_a_thread,
    path_of,
    stored,
)
from tests.runtime.features.user_pool import User

EDITORS = 50
AWAY = 503

pytestmark = pytest.mark.requirement("ROAD-111")


def all_at_once(api: Api, requests: Sequence[Callable[[Client], httpx.Response]]) -> list[httpx.Response]:
    """What each is answered on a thread of its own. They share four connections: who waits too long for one is told to come
    again, and does."""
    start = Barrier(len(requests))

    def run(request: Callable[[Client], httpx.Response]) -> httpx.Response:
        def repeated(client: Client) -> httpx.Response:
            start.wait(timeout=60)
            while (answer := request(client)).status_code == AWAY:
                pass
            return answer

        return on_a_thread(api, repeated)

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(run, requests))


def assigning(clip: dict[str, Any], episode: dict[str, Any], **headers: str) -> Callable[[Client], httpx.Response]:
    """The request of an editor who was not there before."""
    user, body = User.of("editor"), {"episode_id": episode["episode_id"]}
    return lambda client: client.post(f"{path_of(clip)}/assign", body, user, headers=headers)


class TestAssigningOneClip:
    def test_each_change_is_noted_once_and_follows_the_one_before(self, api: Api) -> None:
        clip, episodes = create(api), [api.create_episode() for _ in range(5)]
        wanted = [episodes[number % len(episodes)] for number in range(EDITORS)]
        answers = all_at_once(api, [assigning(clip, episode) for episode in wanted])
        assert [data(answer)["episode_id"] for answer in answers] == [episode["episode_id"] for episode in wanted]
        last = stored(api, clip)
        links = [entry for entry in log_of(api, clip) if entry["action_type"] == "link"]
        # The version counts changes, and everybody's answer is one of the versions.
        changes = int(last["etag"].strip('"')) - 1
        assert len(links) == changes == len({answer.headers["etag"] for answer in answers})
        assert len(episodes) <= changes <= EDITORS
        steps = [(entry["old_values"]["episode_id"], entry["new_values"]["episode_id"]) for entry in links]
        assert [before for before, _ in steps] == [None, *(after for _, after in steps[:-1])]
        assert steps[-1][1] == last["episode_id"]

    def test_one_episode_gets_it_once(self, api: Api) -> None:
        clip, episode = create(api), api.create_episode()
        answers = all_at_once(api, [assigning(clip, episode)] * EDITORS)
        assert {data(answer)["etag"] for answer in answers} == {'"2"'}
        assert [entry["action_type"] for entry in log_of(api, clip)] == ["create", "link"]

    def test_of_those_who_know_the_same_version_one_wins(self, api: Api) -> None:
        clip, episodes = create(api), [api.create_episode() for _ in range(5)]
        known = {"If-Match": clip["etag"]}
        wanted = [episodes[number % len(episodes)] for number in range(EDITORS)]
        answers = all_at_once(api, [assigning(clip, episode, **known) for episode in wanted])
        assert Counter(answer.status_code for answer in answers) == {200: 1, 412: EDITORS - 1}
        (winner,) = (data(answer) for answer in answers if answer.status_code == 200)
        assert stored(api, clip) == winner
        for answer in answers:
            if answer.status_code != 200:
                problems(answer, 412, "PRECONDITION_FAILED")


class TestManyClips:
    def test_orders_that_cross_do_not_block_each_other(self, api: Api) -> None:
        """Half of them name the clips from the first to the last, the others from the last to the first: without one order of
        locking, Postgres would end some of them as victims of a deadlock, which a client is told as 503."""
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

            return on_a_thread(api, at_once).status_code

        # Four at a time have a connection each: what is refused is a deadlock and nothing else.
        with ThreadPoolExecutor(4) as threads:
            assert set(threads.map(run, range(24))) == {200}
        now = [stored(api, clip) for clip in clips]
        # None lost a tag, and the last one to assign got them all.
        expected = {f"t{number}" for number in range(24) if number // 2 % 2}
        assert all(set(clip["tags"]) == expected for clip in now)
        assert len({clip["episode_id"] for clip in now}) == 1
