"""Clips that have the same file: refused unless they are wanted, whoever else makes one at that moment, and listed."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from threading import Barrier
from typing import Any
from uuid import uuid4

import pytest

from runtime.features.clips import service
from runtime.features.clips.schemas import ClipCreate
from runtime.persistence.transactions import Transaction
from tests.runtime.features.api_platform import Api, Client, problems
from tests.runtime.features.clips.clip_library import (
    CLIPS,
    HASH,
    OTHER_HASH,
    caller_of,
    create,
    data,
    database_of,
    ids,
    listed,
    new,
    on_a_thread,
    path_of,
    stored,
    waiting,
)

GROUPS = f"{CLIPS}/duplicates"
ALLOWED = "?allow_duplicate=true"

pytestmark = pytest.mark.requirement("ROAD-111", "G-02")


def groups(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(api.client.get(GROUPS + query, api.viewer))
    return found


class TestRefusal:
    def test_new_clip_with_the_file_of_another_names_it(self, api: Api) -> None:
        first = create(api, file_hash=HASH)
        answer = api.client.post(CLIPS, new(file_hash=HASH), api.editor)
        refused = problems(answer, 409, "CONFLICT")
        assert refused.keys() == {"body.file_hash"}
        assert first["clip_id"] in str(refused["body.file_hash"])
        answer = api.client.post(f"{CLIPS}?allow_duplicate=false", new(file_hash=HASH), api.editor)
        problems(answer, 409, "CONFLICT")
        assert listed(api, "") == ids([first])
        second = create(api, ALLOWED, file_hash=HASH)
        assert listed(api, f"file_hash={HASH}") == ids([second, first])

    def test_clips_without_a_hash_are_no_duplicates(self, api: Api) -> None:
        clips = [create(api) for _ in range(2)]
        assert listed(api, "") == ids(clips[::-1])
        assert groups(api) == []

    def test_file_of_a_deleted_clip_may_come_again(self, api: Api) -> None:
        deleted = create(api, file_hash=HASH)
        api.delete(path_of(deleted))
        clip = create(api, file_hash=HASH)
        # What comes back is a duplicate then, and as good as any other.
        restored = data(api.client.post(f"{path_of(deleted)}/restore", user=api.admin))
        assert groups(api) == [{"file_hash": HASH, "count": 2, "clip_ids": ids([restored, clip])}]

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_change_to_the_file_of_another_is_refused(self, api: Api, method: str) -> None:
        taken, clip = create(api, file_hash=HASH), create(api, file_hash=OTHER_HASH)
        answer = api.client.send(method, path_of(clip), api.editor, json={"file_hash": HASH, "title": "Same"})
        refused = problems(answer, 409, "CONFLICT")
        assert refused.keys() == {"body.file_hash"}
        assert taken["clip_id"] in str(refused["body.file_hash"])
        assert stored(api, clip) == clip
        answer = api.client.send(method, path_of(clip) + ALLOWED, api.editor, json={"file_hash": HASH})
        assert data(answer)["file_hash"] == HASH

    def test_change_that_keeps_the_file_or_clears_it_is_none(self, api: Api) -> None:
        create(api, file_hash=HASH)
        clip = create(api, ALLOWED, file_hash=HASH)
        kept = data(api.client.patch(path_of(clip), {"file_hash": HASH, "title": "Kept"}, api.editor))
        assert (kept["file_hash"], kept["title"]) == (HASH, "Kept")
        assert data(api.client.patch(path_of(clip), {"file_hash": None}, api.editor))["file_hash"] is None

    def test_parameter_is_true_or_false(self, api: Api) -> None:
        answer = api.client.post(f"{CLIPS}?allow_duplicate=perhaps", new(), api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.allow_duplicate"}


class TestAtOnce:
    def test_of_two_new_clips_exactly_one_is_made(self, api: Api) -> None:
        """Twenty times two threads send the same file at the same moment."""
        both = Barrier(2)

        def post(number: int) -> int:
            def request(client: Client) -> Any:
                both.wait(timeout=20)
                return client.post(CLIPS, new(file_hash=f"{number:064x}"), api.editor)

            return on_a_thread(api, request).status_code

        with ThreadPoolExecutor(2) as threads:
            for number in range(20):
                assert sorted(threads.map(post, [number, number])) == [201, 409]
        assert groups(api) == []
        assert len(listed(api, "limit=100")) == 20

    def test_second_waits_until_the_first_is_stored(self, api: Api) -> None:
        other, caller = create(api), caller_of(api.editor)
        body = ClipCreate(title="First", talent_source="Lala", file_hash=HASH)
        with ThreadPoolExecutor(2) as threads:
            with database_of(api).transaction() as connection:
                first = service.create(Transaction(connection=connection), caller, body, allow_duplicate=False)
                made = waiting(threads, api, lambda client: client.post(CLIPS, new(file_hash=HASH), api.admin))
                change = {"file_hash": HASH}
                changed = waiting(threads, api, lambda client: client.patch(path_of(other), change, api.admin))
                # Another file waits for nobody.
                create(api, file_hash=OTHER_HASH)
            for answer in (made.result(), changed.result()):
                assert str(first.clip_id) in str(problems(answer, 409, "CONFLICT")["body.file_hash"])

    def test_second_is_made_when_the_first_is_not(self, api: Api) -> None:
        caller = caller_of(api.editor)
        body = ClipCreate(title="First", talent_source="Lala", file_hash=HASH)
        with ThreadPoolExecutor(1) as threads:
            with database_of(api).transaction() as connection:
                service.create(Transaction(connection=connection), caller, body, allow_duplicate=False)
                made = waiting(threads, api, lambda client: client.post(CLIPS, new(file_hash=HASH), api.admin))
                connection.rollback()
            assert data(made.result(), 201)["file_hash"] == HASH


class TestDuplicatesOfAClip:
    def test_others_with_the_file_are_listed_newest_first(self, api: Api) -> None:
        clips = [create(api, ALLOWED, file_hash=HASH) for _ in range(4)]
        create(api, file_hash=OTHER_HASH)
        api.delete(path_of(clips[2]))
        path = f"{path_of(clips[0])}/duplicates"
        assert data(api.client.get(path, api.viewer)) == [clips[3], clips[1]]
        page = api.client.get(f"{path}?limit=1", api.viewer).json()
        assert page["data"] == [clips[3]]
        page = api.client.get(f"{path}?limit=1&cursor={page['page']['next']}", api.viewer).json()
        assert (page["data"], page["page"]["next"]) == ([clips[1]], None)

    def test_clip_without_a_hash_has_none(self, api: Api) -> None:
        clip = create(api)
        create(api)
        assert data(api.client.get(f"{path_of(clip)}/duplicates", api.viewer)) == []

    def test_unknown_and_deleted_clips_are_404(self, api: Api) -> None:
        deleted = create(api, file_hash=HASH)
        api.delete(path_of(deleted))
        for clip_id in (deleted["clip_id"], uuid4()):
            answer = api.client.get(f"{CLIPS}/{clip_id}/duplicates", api.viewer)
            assert problems(answer, 404, "NOT_FOUND").keys() == {"path.clip_id"}


class TestGroups:
    def test_every_file_of_several_clips_is_a_group(self, api: Api) -> None:
        later = [create(api, ALLOWED, file_hash=OTHER_HASH) for _ in range(2)]
        sooner = [create(api, ALLOWED, file_hash=HASH) for _ in range(4)]
        api.delete(path_of(sooner[1]))
        create(api, file_hash="ef" * 32)
        assert groups(api) == [
            {"file_hash": HASH, "count": 3, "clip_ids": ids([sooner[0], sooner[2], sooner[3]])},
            {"file_hash": OTHER_HASH, "count": 2, "clip_ids": ids(later)},
        ]

    @pytest.mark.requirement("G-07")
    def test_pages_have_neither_gaps_nor_doubles(self, api: Api) -> None:
        for number in (3, 1, 5, 2, 4):
            for _ in range(2):
                create(api, ALLOWED, file_hash=f"{number:064x}")
        whole = groups(api)
        assert [int(group["file_hash"], 16) for group in whole] == [1, 2, 3, 4, 5]
        seen, query = [], "?limit=2"
        while query:
            page = api.client.get(GROUPS + query, api.viewer).json()
            seen.append(page["data"])
            query = f"?limit=2&cursor={page['page']['next']}" if page["page"]["next"] else ""
        assert [len(page) for page in seen] == [2, 2, 1]
        assert list(chain(*seen)) == whole
        # A page that is exactly full and the last one says so.
        assert api.client.get(f"{GROUPS}?limit=5", api.viewer).json()["page"]["next"] is None

    def test_large_group_names_its_first_hundred(self, api: Api) -> None:
        with database_of(api).transaction() as connection:
            connection.execute(
                "INSERT INTO clips (title, talent_source, file_hash) SELECT n, 'Lala', %s FROM generate_series(1, 101) n",
                [HASH],
            )
        (group,) = groups(api)
        assert (group["count"], len(group["clip_ids"])) == (101, 100)
        assert group["clip_ids"] == sorted(group["clip_ids"])

    def test_foreign_cursors_are_refused(self, api: Api) -> None:
        for number in (1, 2):
            for _ in range(2):
                create(api, ALLOWED, file_hash=f"{number:064x}")
        of_clips = [
            api.client.get(f"{CLIPS}?limit=1{sort}", api.viewer).json()["page"]["next"] for sort in ("", "&sort=title")
        ]
        own = api.client.get(f"{GROUPS}?limit=1", api.viewer).json()["page"]["next"]
        for cursor in (*of_clips, "x", "", own[:-4], "W10"):
            answer = api.client.get(GROUPS, api.viewer, params={"cursor": cursor})
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}, cursor
        answer = api.client.get(f"{CLIPS}?cursor={own}", api.viewer)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}
