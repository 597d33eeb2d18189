"""Adding and removing tags of many clips, of all or none."""

from typing import Any
from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.clips.clip_library import CLIPS, create, data, ids, log_of, path_of, stored

PATH = f"{CLIPS}/tag"

pytestmark = pytest.mark.requirement("ROAD-111", "ROAD-113")


class TestTagClips:
    def test_tags_are_added_and_removed_on_each_clip(self, api: Api) -> None:
        clips = [create(api, tags=tags) for tags in (["a", "b"], [], ["new", "old", "c"], ["new"])]
        body = {
            "clip_ids": ids([clips[2], clips[0], clips[1], clips[3]]),
            "add": ["new", " x ", "new"],
            "remove": ["old"],
        }
        returned = data(api.client.post(PATH, body, api.editor))
        assert ids(returned) == body["clip_ids"]
        assert [clip["tags"] for clip in returned] == [
            ["new", "c", "x"],
            ["a", "b", "new", "x"],
            ["new", "x"],
            ["new", "x"],
        ]
        assert returned == [stored(api, clip) for clip in returned]
        entry = log_of(api, clips[2])[-1]
        assert entry["action_type"] == "edit"
        assert (entry["old_values"], entry["new_values"]) == (
            {"tags": ["new", "old", "c"]},
            {"tags": ["new", "c", "x"]},
        )

    def test_unchanged_clip_keeps_its_version(self, api: Api) -> None:
        clip, other = create(api, tags=["a"]), create(api)
        body = {"clip_ids": ids([clip, other, clip]), "add": ["a"], "remove": ["z"]}
        returned = data(api.client.post(PATH, body, api.editor))
        assert (returned[0], returned[2], returned[1]["tags"]) == (clip, clip, ["a"])
        assert len(log_of(api, clip)) == 1

    def test_one_invalid_clip_prevents_all(self, api: Api) -> None:
        clip, gone = create(api), create(api)
        full = [create(api, tags=[f"t{number}" for number in range(count)]) for count in (30, 29, 30)]
        api.delete(path_of(gone))
        body = {"clip_ids": [*ids([clip, gone, full[0]]), str(uuid4())], "add": ["new"]}
        response = api.client.post(PATH, body, api.editor)
        assert problems(response, 404, "NOT_FOUND").keys() == {"body.clip_ids.1", "body.clip_ids.3"}
        body = {"clip_ids": ids([clip, *full]), "add": ["new"]}
        response = api.client.post(PATH, body, api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"body.clip_ids.1", "body.clip_ids.3"}
        assert [stored(api, each) for each in (clip, *full)] == [clip, *full]
        # Thirty tags are allowed; removing one makes room for another.
        returned = data(api.client.post(PATH, body | {"clip_ids": ids(full), "remove": ["t0"]}, api.editor))
        assert [len(each["tags"]) for each in returned] == [30, 29, 30]

    @pytest.mark.parametrize(
        ("fields", "named"),
        [
            ({}, "body.add"),
            ({"add": [], "remove": []}, "body.add"),
            ({"add": ["a", "b"], "remove": [" a"]}, "body.remove"),
            ({"add": [" "]}, "body.add.0"),
            ({"remove": ["x" * 101]}, "body.remove.0"),
            ({"add": ["a"] * 31}, "body.add"),
            ({"add": ["a"], "tags": []}, "body.tags"),
            ({"add": ["a"], "clip_ids": []}, "body.clip_ids"),
            ({"add": ["a"], "clip_ids": [str(uuid4())] * 101}, "body.clip_ids"),
        ],
    )
    def test_invalid_bodies_are_rejected_with_their_fields(self, api: Api, fields: dict[str, Any], named: str) -> None:
        clip = create(api, tags=["a"])
        response = api.client.post(PATH, {"clip_ids": ids([clip])} | fields, api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {named}
        assert stored(api, clip) == clip
