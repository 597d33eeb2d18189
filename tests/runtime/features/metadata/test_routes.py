"""What was found in episodes: machines add it, and everyone reads it."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from runtime.contract.values import json_byte_count
from runtime.features.metadata.schemas import FINDINGS, MAX_EXTRACTION_BYTES, MAX_FINDING_BYTES, MAX_TEXT_BYTES
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.metadata.extractions import FOUND, Body, add, answered, log_of, newest, path_of
from tests.runtime.features.user_pool import MACHINE_CLIENT_ID

# What a function may answer, all told (Lambda's quota on a synchronous response).
MAX_ANSWER_BYTES = 6 * 1024 * 1024


# Values that a field does not take.
WRONG: list[tuple[str, Any]] = [
    ("extracted_text", 5),
    ("extracted_text", "x" * (MAX_TEXT_BYTES + 1)),
    ("transcription", "ü" * (MAX_TEXT_BYTES // 2 + 1)),
    ("scenes_detected", "x" * (MAX_FINDING_BYTES - 1)),
    # Few bytes as they are sent, and 301 digits each as they are stored.
    ("visual_objects", [1e300] * 1_000),
    ("sentiment_analysis", {"score": [[1e-300] * 1_000]}),
    ("tags", "spring"),
    ("tags", {"name": "spring"}),
    ("tags", None),
    ("tags", ["x" * 2_000] * 140),
    ("categories", ["x" * 2_000] * 140),
    ("extraction_timestamp", 1_700_000_000),
    ("extraction_timestamp", "1700000000"),
    ("extraction_timestamp", "2026-11-21"),
    ("extraction_timestamp", "2026-11-21T10:09:00"),
    ("extraction_timestamp", "0001-01-01T00:00:00+14:00"),
    ("extraction_timestamp", "9999-12-31T23:59:59-14:00"),
    ("extraction_timestamp", "1969-12-31T23:59:59Z"),
    ("processing_duration_seconds", -1),
    ("processing_duration_seconds", 2**31),
    ("processing_duration_seconds", "5"),
    ("processing_duration_seconds", 1.5),
    ("metadata_id", "x"),
    ("episode_id", "x"),
    ("created_by", "x"),
    ("version", 1),
]


def in_envelope(answer: httpx.Response) -> int:
    """How large the answer is as a function gives it: its body is a string within JSON."""
    return len(json.dumps({"body": answer.text}, ensure_ascii=False).encode())


class TestCreate:
    @pytest.mark.requirement("P1-05", "P1-21", "C-11")
    def test_machine_adds_what_it_found(self, api: Api, episode: Body) -> None:
        answer = api.client.post(path_of(episode), FOUND, api.system)
        made = answered(answer, 201)
        assert {name: made[name] for name in FOUND} == FOUND
        assert made["episode_id"] == episode["episode_id"]
        assert UUID(made["metadata_id"]).version == 7
        assert made["created_by"] == made["updated_by"] == str(api.system.user_id)
        assert answer.headers["etag"] == made["etag"]
        assert newest(api, episode) == made

    def test_extraction_that_found_nothing_is_one_too(self, api: Api, episode: Body) -> None:
        made = add(api, episode)
        assert {name: made[name] for name in FINDINGS} == dict.fromkeys(FINDINGS) | {"tags": [], "categories": []}
        assert made["extraction_timestamp"] == made["created_at"]

    def test_findings_are_any_json(self, api: Api, episode: Body) -> None:
        for value in ("x", 1, 1.5, True, [], {}, [[None, {"a": [1e22]}]]):
            made = add(
                api, episode, scenes_detected=value, sentiment_analysis=value, visual_objects=value, tags=[value]
            )
            assert made["scenes_detected"] == made["sentiment_analysis"] == made["visual_objects"] == value
            assert (newest(api, episode), made["tags"]) == (made, [value])

    @pytest.mark.requirement("P1-08")
    def test_is_noted_under_the_machines_own_name(self, api: Api, episode: Body) -> None:
        made = add(api, episode, **FOUND)
        (entry,) = log_of(api, made["metadata_id"])
        assert (entry["user_id"], entry["action_type"]) == (MACHINE_CLIENT_ID, "create")
        assert entry["old_values"] is None
        assert {name: entry["new_values"][name] for name in FOUND} == FOUND

    @pytest.mark.requirement("C-11", "P1-28")
    def test_no_person_may(self, api: Api, episode: Body) -> None:
        for user in (api.viewer, api.editor, api.admin):
            problems(api.client.post(path_of(episode), FOUND, user), 403, "FORBIDDEN")
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == []

    def test_episode_that_is_not_there_is_404(self, api: Api, episode: Body) -> None:
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            answer = api.client.post(path, FOUND, api.system)
            assert problems(answer, 404, "NOT_FOUND") == {"path.episode_id": "There is no such episode"}

    def test_repetition_with_a_key_adds_nothing(self, api: Api, episode: Body) -> None:
        key = {"Idempotency-Key": "extraction-1"}
        first, second = (api.client.post(path_of(episode), FOUND, api.system, headers=key) for _ in range(2))
        assert first.json() == second.json()
        assert len(api.client.get(path_of(episode), api.viewer).json()["data"]) == 1

    def test_example_of_the_description_is_accepted(self, api: Api, episode: Body) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        (example,) = schemas["EpisodeMetadataCreate"]["examples"]
        add(api, episode, **example)
        (example,) = schemas["EpisodeMetadataUpdate"]["examples"]
        answered(api.client.put(path_of(episode), example, api.admin))

    @pytest.mark.requirement("ROAD-95")
    def test_wrong_value_is_refused_by_its_field(self, api: Api, episode: Body) -> None:
        for field, value in WRONG:
            refused = problems(api.client.post(path_of(episode), {field: value}, api.system), 400, "VALIDATION_ERROR")
            assert {name.split(".")[1] for name in refused if name} == {field}, f"{field}: {str(value)[:40]}"
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == []

    @pytest.mark.parametrize("text", ["\\u0000", "\\ud800"], ids=["NUL", "half a pair"])
    def test_text_that_cannot_be_stored_is_400(self, api: Api, episode: Body, text: str) -> None:
        for body in (
            f'{{"transcription": "{text}"}}',
            f'{{"tags": ["{text}"]}}',
            f'{{"visual_objects": {{"{text}": 1}}}}',
        ):
            answer = api.client.post(
                path_of(episode), user=api.system, content=body, headers={"Content-Type": "application/json"}
            )
            problems(answer, 400, "VALIDATION_ERROR")


class TestList:
    @pytest.mark.requirement("P1-20", "P1-05")
    def test_newest_comes_first_and_alone_is_told_in_full(self, api: Api, episode: Body) -> None:
        made = [add(api, episode, **FOUND, **extra) for extra in ({}, {}, {})][::-1]
        add(api, api.create_episode(), **FOUND)
        listed = api.client.get(path_of(episode), api.viewer).json()["data"]
        bare = dict.fromkeys(FINDINGS)
        assert listed == [
            made[0] | {"is_complete": True},
            made[1] | bare | {"is_complete": False},
            made[2] | bare | {"is_complete": False},
        ]
        assert [
            answered(api.client.get(f"{path_of(episode)}/{row['metadata_id']}", api.viewer)) for row in made
        ] == made

    def test_pages_hold_each_once_and_later_ones_no_findings(self, api: Api, episode: Body) -> None:
        made = [add(api, episode, **FOUND)["metadata_id"] for _ in range(5)][::-1]
        rows: list[Body] = []
        cursor: dict[str, str] = {}
        while cursor or not rows:
            answer = api.client.get(path_of(episode), api.viewer, params={"limit": 2} | cursor).json()
            rows += answer["data"]
            cursor = {"cursor": answer["page"]["next"]} if answer["page"]["next"] else {}
        assert [row["metadata_id"] for row in rows] == made
        assert [row["is_complete"] for row in rows] == [True, False, False, False, False]

    @pytest.mark.requirement("P1-28", "C-11")
    def test_every_role_reads_and_so_does_the_machine(self, api: Api, episode: Body) -> None:
        made = add(api, episode, **FOUND)
        for user in (api.viewer, api.editor, api.admin, api.system):
            (row,) = api.client.get(path_of(episode), user).json()["data"]
            assert row == made | {"is_complete": True}

    def test_episode_without_any_has_an_empty_list(self, api: Api, episode: Body) -> None:
        assert api.client.get(path_of(episode), api.viewer).json() == {"data": [], "page": {"next": None}}

    def test_episode_that_is_not_there_is_404(self, api: Api, episode: Body) -> None:
        made = add(api, episode)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            for each in (path, f"{path}/{made['metadata_id']}"):
                refused = problems(api.client.get(each, api.admin), 404, "NOT_FOUND")
                assert refused == {"path.episode_id": "There is no such episode"}

    def test_another_episodes_metadata_is_404(self, api: Api, episode: Body) -> None:
        made = add(api, api.create_episode())
        for metadata_id in (made["metadata_id"], uuid4()):
            answer = api.client.get(f"{path_of(episode)}/{metadata_id}", api.admin)
            assert problems(answer, 404, "NOT_FOUND") == {"path.metadata_id": "The episode has no such metadata"}

    def test_largest_answers_fit_into_a_functions(self, api: Api, episode: Body) -> None:
        # The worst there is: quotes, which take two bytes in JSON, and four in JSON within JSON.
        quotes = '"' * ((MAX_EXTRACTION_BYTES - 100) // 4)
        for _ in range(2):
            add(api, episode, extracted_text=quotes)
        answered(api.client.put(path_of(episode), {"transcription": quotes}, api.admin))
        found = newest(api, episode)
        assert sum(json_byte_count(found[name]) for name in FINDINGS) > MAX_EXTRACTION_BYTES - 200
        listed = api.client.get(f"{path_of(episode)}?limit=100", api.viewer)
        # A hundred rows without findings are below one megabyte, wherever they stand.
        assert in_envelope(listed) < MAX_ANSWER_BYTES - 1024 * 1024
        for change in ({"transcription": quotes[1:] + "x"}, {"extracted_text": quotes[1:] + "x"}):
            answered(api.client.put(path_of(episode), change, api.admin))
        query = {"resource_type": "metadata", "resource_id": found["metadata_id"]}
        for entry in api.client.get("/api/v1/activity-logs", api.admin, params=query).json()["data"]:
            whole = api.client.get(f"/api/v1/activity-logs/{entry['activity_log_id']}", api.admin)
            assert in_envelope(whole) < MAX_ANSWER_BYTES
