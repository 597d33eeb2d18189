"""Extracted metadata: machines create it, everyone reads it."""

import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from runtime.contract.values import json_byte_count
from runtime.features.metadata.schemas import FINDINGS, MAX_EXTRACTION_BYTES, MAX_FINDING_BYTES, MAX_TEXT_BYTES
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.metadata.extractions import EXTRACTION, Body, add, data_of, log_of, newest, path_of
from tests.runtime.features.user_pool import MACHINE_CLIENT_ID

# Lambda's limit on the size of a synchronous response.
MAX_RESPONSE_BYTES = 6 * 1024 * 1024


# Invalid values by field.
WRONG: list[tuple[str, Any]] = [
    ("extracted_text", 5),
    ("extracted_text", "x" * (MAX_TEXT_BYTES + 1)),
    ("transcription", "ü" * (MAX_TEXT_BYTES // 2 + 1)),
    ("scenes_detected", "x" * (MAX_FINDING_BYTES - 1)),
    # Short in the request, but stored with 301 digits each.
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


def in_envelope(response: httpx.Response) -> int:
    """Return the size of the response as Lambda returns it, with the body as a JSON string."""
    return len(json.dumps({"body": response.text}, ensure_ascii=False).encode())


class TestCreate:
    @pytest.mark.requirement("P1-05", "P1-21", "C-11")
    def test_machine_creates_metadata(self, api: Api, episode: Body) -> None:
        response = api.client.post(path_of(episode), EXTRACTION, api.system)
        created = data_of(response, 201)
        assert {name: created[name] for name in EXTRACTION} == EXTRACTION
        assert created["episode_id"] == episode["episode_id"]
        assert UUID(created["metadata_id"]).version == 7
        assert created["created_by"] == created["updated_by"] == str(api.system.user_id)
        assert response.headers["etag"] == created["etag"]
        assert newest(api, episode) == created

    def test_empty_extraction_is_created(self, api: Api, episode: Body) -> None:
        created = add(api, episode)
        assert {name: created[name] for name in FINDINGS} == dict.fromkeys(FINDINGS) | {"tags": [], "categories": []}
        assert created["extraction_timestamp"] == created["created_at"]

    def test_findings_accept_any_json(self, api: Api, episode: Body) -> None:
        values: list[Any] = ["x", 1, 1.5, True, [], {}, [[None, {"a": [1e22]}]]]
        for value in values:
            created = add(
                api, episode, scenes_detected=value, sentiment_analysis=value, visual_objects=value, tags=[value]
            )
            assert created["scenes_detected"] == created["sentiment_analysis"] == created["visual_objects"] == value
            assert (newest(api, episode), created["tags"]) == (created, [value])

    @pytest.mark.requirement("P1-08")
    def test_create_is_logged_with_the_machines_id(self, api: Api, episode: Body) -> None:
        created = add(api, episode, **EXTRACTION)
        (entry,) = log_of(api, created["metadata_id"])
        assert (entry["user_id"], entry["action_type"]) == (MACHINE_CLIENT_ID, "create")
        assert entry["old_values"] is None
        assert {name: entry["new_values"][name] for name in EXTRACTION} == EXTRACTION

    @pytest.mark.requirement("C-11", "P1-28")
    def test_user_roles_get_403(self, api: Api, episode: Body) -> None:
        for user in (api.viewer, api.editor, api.admin):
            problems(api.client.post(path_of(episode), EXTRACTION, user), 403, "FORBIDDEN")
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == []

    def test_unknown_or_deleted_episode_is_404(self, api: Api, episode: Body) -> None:
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            response = api.client.post(path, EXTRACTION, api.system)
            assert problems(response, 404, "NOT_FOUND") == {"path.episode_id": "Episode not found"}

    def test_repeated_idempotency_key_creates_one_extraction(self, api: Api, episode: Body) -> None:
        key = {"Idempotency-Key": "extraction-1"}
        first, second = (api.client.post(path_of(episode), EXTRACTION, api.system, headers=key) for _ in range(2))
        assert first.json() == second.json()
        assert len(api.client.get(path_of(episode), api.viewer).json()["data"]) == 1

    def test_schema_example_is_accepted(self, api: Api, episode: Body) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        (example,) = schemas["EpisodeMetadataCreate"]["examples"]
        add(api, episode, **example)
        (example,) = schemas["EpisodeMetadataUpdate"]["examples"]
        data_of(api.client.put(path_of(episode), example, api.admin))

    @pytest.mark.requirement("ROAD-95")
    def test_invalid_value_is_rejected_with_its_field(self, api: Api, episode: Body) -> None:
        for field, value in WRONG:
            errors = problems(api.client.post(path_of(episode), {field: value}, api.system), 400, "VALIDATION_ERROR")
            assert {name.split(".")[1] for name in errors if name} == {field}, f"{field}: {str(value)[:40]}"
        assert api.client.get(path_of(episode), api.viewer).json()["data"] == []

    @pytest.mark.parametrize("text", ["\\u0000", "\\ud800"], ids=["NUL", "half a pair"])
    def test_unstorable_text_is_400(self, api: Api, episode: Body, text: str) -> None:
        for body in (
            f'{{"transcription": "{text}"}}',
            f'{{"tags": ["{text}"]}}',
            f'{{"visual_objects": {{"{text}": 1}}}}',
        ):
            response = api.client.post(
                path_of(episode), user=api.system, content=body, headers={"Content-Type": "application/json"}
            )
            problems(response, 400, "VALIDATION_ERROR")


class TestList:
    @pytest.mark.requirement("P1-20", "P1-05")
    def test_newest_is_first_and_only_it_has_findings(self, api: Api, episode: Body) -> None:
        created = [add(api, episode, **EXTRACTION) for _ in range(3)][::-1]
        add(api, api.create_episode(), **EXTRACTION)
        listed = api.client.get(path_of(episode), api.viewer).json()["data"]
        bare = dict.fromkeys(FINDINGS)
        assert listed == [
            created[0] | {"is_complete": True},
            created[1] | bare | {"is_complete": False},
            created[2] | bare | {"is_complete": False},
        ]
        assert [
            data_of(api.client.get(f"{path_of(episode)}/{row['metadata_id']}", api.viewer)) for row in created
        ] == created

    def test_pages_have_no_gaps_or_duplicates_and_older_ones_no_findings(self, api: Api, episode: Body) -> None:
        created = [add(api, episode, **EXTRACTION)["metadata_id"] for _ in range(5)][::-1]
        rows: list[Body] = []
        cursor: dict[str, str] = {}
        while cursor or not rows:
            response = api.client.get(path_of(episode), api.viewer, params={"limit": 2} | cursor).json()
            rows += response["data"]
            cursor = {"cursor": response["page"]["next"]} if response["page"]["next"] else {}
        assert [row["metadata_id"] for row in rows] == created
        assert [row["is_complete"] for row in rows] == [True, False, False, False, False]

    @pytest.mark.requirement("P1-28", "C-11")
    def test_every_role_and_the_machine_can_read(self, api: Api, episode: Body) -> None:
        created = add(api, episode, **EXTRACTION)
        for user in (api.viewer, api.editor, api.admin, api.system):
            (row,) = api.client.get(path_of(episode), user).json()["data"]
            assert row == created | {"is_complete": True}

    def test_episode_without_metadata_has_an_empty_list(self, api: Api, episode: Body) -> None:
        assert api.client.get(path_of(episode), api.viewer).json() == {"data": [], "page": {"next": None}}

    def test_unknown_or_deleted_episode_is_404(self, api: Api, episode: Body) -> None:
        created = add(api, episode)
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            for each in (path, f"{path}/{created['metadata_id']}"):
                errors = problems(api.client.get(each, api.admin), 404, "NOT_FOUND")
                assert errors == {"path.episode_id": "Episode not found"}

    def test_metadata_of_another_episode_is_404(self, api: Api, episode: Body) -> None:
        created = add(api, api.create_episode())
        for metadata_id in (created["metadata_id"], uuid4()):
            response = api.client.get(f"{path_of(episode)}/{metadata_id}", api.admin)
            assert problems(response, 404, "NOT_FOUND") == {"path.metadata_id": "Metadata not found"}

    def test_largest_responses_fit_the_lambda_limit(self, api: Api, episode: Body) -> None:
        # The worst case: a quote takes two bytes in JSON, and four in JSON within JSON.
        quotes = '"' * ((MAX_EXTRACTION_BYTES - 100) // 4)
        for _ in range(2):
            add(api, episode, extracted_text=quotes)
        data_of(api.client.put(path_of(episode), {"transcription": quotes}, api.admin))
        found = newest(api, episode)
        assert sum(json_byte_count(found[name]) for name in FINDINGS) > MAX_EXTRACTION_BYTES - 200
        listed = api.client.get(f"{path_of(episode)}?limit=100", api.viewer)
        # A hundred rows without findings take less than one megabyte.
        assert in_envelope(listed) < MAX_RESPONSE_BYTES - 1024 * 1024
        for change in ({"transcription": quotes[1:] + "x"}, {"extracted_text": quotes[1:] + "x"}):
            data_of(api.client.put(path_of(episode), change, api.admin))
        query = {"resource_type": "metadata", "resource_id": found["metadata_id"]}
        for entry in api.client.get("/api/v1/activity-logs", api.admin, params=query).json()["data"]:
            whole = api.client.get(f"/api/v1/activity-logs/{entry['activity_log_id']}", api.admin)
            assert in_envelope(whole) < MAX_RESPONSE_BYTES
