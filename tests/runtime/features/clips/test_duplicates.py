"""Clips with the same file: rejected unless allowed, also under concurrency, and listed."""

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
    path_of,
    send_from_thread,
    stored,
    submit_blocked,
)

GROUPS = f"{CLIPS}/duplicates"
ALLOWED = "?allow_duplicate=true"

pytestmark = pytest.mark.requirement("ROAD-111", "G-02")


def groups(api: Api, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = data(api.client.get(GROUPS + query, api.viewer))
    return found


class TestRejection:
    def test_duplicate_file_is_409_and_names_the_other_clip(self, api: Api) -> None:
        first = create(api, file_hash=HASH)
        response = api.client.post(CLIPS, new(file_hash=HASH), api.editor)
        errors = problems(response, 409, "CONFLICT")
        assert errors.keys() == {"body.file_hash"}
        assert first["clip_id"] in str(errors["body.file_hash"])
        response = api.client.post(f"{CLIPS}?allow_duplicate=false", new(file_hash=HASH), api.editor)
        problems(response, 409, "CONFLICT")
        assert listed(api, "") == ids([first])
        second = create(api, ALLOWED, file_hash=HASH)
        assert listed(api, f"file_hash={HASH}") == ids([second, first])

    def test_clips_without_a_hash_are_no_duplicates(self, api: Api) -> None:
        clips = [create(api) for _ in range(2)]
        assert listed(api, "") == ids(clips[::-1])
        assert groups(api) == []

    def test_file_of_a_deleted_clip_is_accepted(self, api: Api) -> None:
        deleted = create(api, file_hash=HASH)
        api.delete(path_of(deleted))
        clip = create(api, file_hash=HASH)
        # The restored clip is a duplicate then.
        restored = data(api.client.post(f"{path_of(deleted)}/restore", user=api.admin))
        assert groups(api) == [{"file_hash": HASH, "count": 2, "clip_ids": ids([restored, clip])}]

    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_update_to_a_duplicate_file_is_409(self, api: Api, method: str) -> None:
        taken, clip = create(api, file_hash=HASH), create(api, file_hash=OTHER_HASH)
        response = api.client.send(method, path_of(clip), api.editor, json={"file_hash": HASH, "title": "Same"})
        errors = problems(response, 409, "CONFLICT")
        assert errors.keys() == {"body.file_hash"}
        assert taken["clip_id"] in str(errors["body.file_hash"])
        assert stored(api, clip) == clip
        response = api.client.send(method, path_of(clip) + ALLOWED, api.editor, json={"file_hash": HASH})
        assert data(response)["file_hash"] == HASH

    def test_update_that_keeps_or_clears_the_file_is_accepted(self, api: Api) -> None:
        create(api, file_hash=HASH)
        clip = create(api, ALLOWED, file_hash=HASH)
        kept = data(api.client.patch(path_of(clip), {"file_hash": HASH, "title": "Kept"}, api.editor))
        assert (kept["file_hash"], kept["title"]) == (HASH, "Kept")
        assert data(api.client.patch(path_of(clip), {"file_hash": None}, api.editor))["file_hash"] is None

    def test_invalid_allow_duplicate_is_rejected(self, api: Api) -> None:
        response = api.client.post(f"{CLIPS}?allow_duplicate=perhaps", new(), api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.allow_duplicate"}


class TestConcurrency:
    def test_concurrent_creates_store_exactly_one_clip(self, api: Api) -> None:
        """Two threads send the same file at the same moment, twenty times."""
        both = Barrier(2)

        def post(number: int) -> int:
            def request(client: Client) -> Any:
                both.wait(timeout=20)
                return client.post(CLIPS, new(file_hash=f"{number:064x}"), api.editor)

            return send_from_thread(api, request).status_code

        with ThreadPoolExecutor(2) as threads:
            for number in range(20):
                assert sorted(threads.map(post, [number, number])) == [201, 409]
        assert groups(api) == []
        assert len(listed(api, "limit=100")) == 20

    def test_second_create_waits_for_the_first_commit(self, api: Api) -> None:
        other, caller = create(api), caller_of(api.editor)
        body = ClipCreate(title="First", talent_source="Lala", file_hash=HASH)
        with ThreadPoolExecutor(2) as threads:
            with database_of(api).transaction() as connection:
                first = service.create(Transaction(connection=connection), caller, body, allow_duplicate=False)
                created = submit_blocked(
                    threads, api, lambda client: client.post(CLIPS, new(file_hash=HASH), api.admin)
                )
                change = {"file_hash": HASH}
                changed = submit_blocked(threads, api, lambda client: client.patch(path_of(other), change, api.admin))
                # Another file is not blocked.
                create(api, file_hash=OTHER_HASH)
            for response in (created.result(), changed.result()):
                assert str(first.clip_id) in str(problems(response, 409, "CONFLICT")["body.file_hash"])

    def test_second_create_succeeds_after_a_rollback(self, api: Api) -> None:
        caller = caller_of(api.editor)
        body = ClipCreate(title="First", talent_source="Lala", file_hash=HASH)
        with ThreadPoolExecutor(1) as threads:
            with database_of(api).transaction() as connection:
                service.create(Transaction(connection=connection), caller, body, allow_duplicate=False)
                created = submit_blocked(
                    threads, api, lambda client: client.post(CLIPS, new(file_hash=HASH), api.admin)
                )
                connection.rollback()
            assert data(created.result(), 201)["file_hash"] == HASH


class TestDuplicatesOfAClip:
    def test_other_clips_with_the_file_are_listed_newest_first(self, api: Api) -> None:
        clips = [create(api, ALLOWED, file_hash=HASH) for _ in range(4)]
        create(api, file_hash=OTHER_HASH)
        api.delete(path_of(clips[2]))
        path = f"{path_of(clips[0])}/duplicates"
        assert data(api.client.get(path, api.viewer)) == [clips[3], clips[1]]
        page = api.client.get(f"{path}?limit=1", api.viewer).json()
        assert page["data"] == [clips[3]]
        page = api.client.get(f"{path}?limit=1&cursor={page['page']['next']}", api.viewer).json()
        assert (page["data"], page["page"]["next"]) == ([clips[1]], None)

    def test_clip_without_a_hash_has_no_duplicates(self, api: Api) -> None:
        clip = create(api)
        create(api)
        assert data(api.client.get(f"{path_of(clip)}/duplicates", api.viewer)) == []

    def test_unknown_and_deleted_clips_are_404(self, api: Api) -> None:
        deleted = create(api, file_hash=HASH)
        api.delete(path_of(deleted))
        for clip_id in (deleted["clip_id"], uuid4()):
            response = api.client.get(f"{CLIPS}/{clip_id}/duplicates", api.viewer)
            assert problems(response, 404, "NOT_FOUND").keys() == {"path.clip_id"}


class TestListDuplicates:
    def test_each_shared_file_is_a_group(self, api: Api) -> None:
        later = [create(api, ALLOWED, file_hash=OTHER_HASH) for _ in range(2)]
        sooner = [create(api, ALLOWED, file_hash=HASH) for _ in range(4)]
        api.delete(path_of(sooner[1]))
        create(api, file_hash="ef" * 32)
        assert groups(api) == [
            {"file_hash": HASH, "count": 3, "clip_ids": ids([sooner[0], sooner[2], sooner[3]])},
            {"file_hash": OTHER_HASH, "count": 2, "clip_ids": ids(later)},
        ]

    @pytest.mark.requirement("G-07")
    def test_pages_have_no_gaps_or_duplicates(self, api: Api) -> None:
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
        # A full page that is the last one has no cursor.
        assert api.client.get(f"{GROUPS}?limit=5", api.viewer).json()["page"]["next"] is None

    def test_large_group_lists_its_first_100_clips(self, api: Api) -> None:
        with database_of(api).transaction() as connection:
            connection.execute(
                "INSERT INTO clips (title, talent_source, file_hash) SELECT n, 'Lala', %s FROM generate_series(1, 101) n",
                [HASH],
            )
        (group,) = groups(api)
        assert (group["count"], len(group["clip_ids"])) == (101, 100)
        assert group["clip_ids"] == sorted(group["clip_ids"])

    def test_foreign_cursors_are_rejected(self, api: Api) -> None:
        for number in (1, 2):
            for _ in range(2):
                create(api, ALLOWED, file_hash=f"{number:064x}")
        of_clips = [
            api.client.get(f"{CLIPS}?limit=1{sort}", api.viewer).json()["page"]["next"] for sort in ("", "&sort=title")
        ]
        own = api.client.get(f"{GROUPS}?limit=1", api.viewer).json()["page"]["next"]
        for cursor in (*of_clips, "x", "", own[:-4], "W10"):
            response = api.client.get(GROUPS, api.viewer, params={"cursor": cursor})
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}, cursor
        response = api.client.get(f"{CLIPS}?cursor={own}", api.viewer)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}
