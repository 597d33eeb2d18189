"""Episodes: create, get."""

from uuid import uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.episodes.episode_fields import ALL_FIELDS

# Invalid values by field.
WRONG_VALUES: list[tuple[str, object]] = [
    ("episode_number", 0),
    ("episode_number", "5"),
    ("episode_number", True),
    ("episode_number", 1.5),
    ("episode_number", 2**31),
    ("season_number", -1),
    ("duration_seconds", -1),
    ("duration_minutes", 2**31),
    ("status", "lost"),
    ("title", ""),
    ("title", "x" * 501),
    ("description", "x" * 5001),
    ("filming_date", "yesterday"),
    ("air_date", "2026-02-30"),
    ("publish_date", "0"),
    ("edit_deadline", 0),
    ("filming_date", "2026-07-01T00:00:00"),
    ("tags", ["x"] * 31),
    ("tags", "spring"),
    ("rating", 100),
    ("rating", 8.55),
    ("rating", -1),
    ("language", "english; DROP TABLE"),
    ("genre", "x" * 101),
    ("metadata", "text"),
    ("approval_status", "rejected"),
    ("processing_status", "complete"),
    ("thumbnail_url", "https://elsewhere.example.test/x.jpg"),
    ("raw_video_s3_key", "raw/x"),
    ("processed_video_s3_key", "processed/x"),
    ("metadata_json_s3_key", "metadata/x"),
    ("released_at", "2026-01-01T00:00:00Z"),
    ("upload_date", "2026-01-01T00:00:00Z"),
    ("last_modified", "2026-01-01T00:00:00Z"),
    ("uploaded_by", str(uuid4())),
    ("original_approver", str(uuid4())),
    ("poster_url", "http://example.test/x.jpg"),
    ("poster_url", "https://user:password@example.test/x.jpg"),
    ("poster_url", "https://example.test/<script>"),
    ("poster_url", "https://example.test/a\nb"),
    ("poster_url", "https://example.test/" + "x" * 492),
    ("video_url", "javascript:alert(1)"),
    ("video_url", "https:///x"),
    ("trailer_reference", "trailers/x.mp4"),
    ("trailer_reference", "s3://trailers/"),
    ("script_file_reference", "s3://x/y"),
    ("created_by", str(uuid4())),
    ("deleted_at", "2026-01-01T00:00:00Z"),
]


class TestCreateEpisode:
    @pytest.mark.requirement("ROAD-73", "ROAD-106", "P1-01", "P1-02", "P1-03", "P1-13", "C-02", "C-03")
    def test_response_has_every_field_and_alias(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries")
        episode = api.create_episode(show, **ALL_FIELDS)
        assert ALL_FIELDS.items() <= episode.items()
        assert (episode["show_id"], episode["show_name"]) == (show["show_id"], "Meadow Diaries")
        assert episode["episode_title"] == "Dandelions"
        assert episode["plot_summary"] == ALL_FIELDS["description"]
        assert episode["duration_minutes"] == 25
        assert (episode["processing_status"], episode["approval_status"]) == ("pending", "approved")
        assert (episode["upload_date"], episode["last_modified"]) == (episode["created_at"], episode["updated_at"])
        unset = {"released_at", "original_approver", "uploaded_by", "thumbnail_url"}
        unset |= {"raw_video_s3_key", "processed_video_s3_key", "metadata_json_s3_key"}
        assert {name: episode[name] for name in unset} == dict.fromkeys(unset)
        assert episode["created_by"] == episode["updated_by"] == str(api.admin.user_id)

    @pytest.mark.requirement("C-02", "C-03", "P1-01")
    def test_aliases_are_accepted(self, api: Api) -> None:
        show = api.create_show(name="Meadow Diaries")
        body = {
            "show_name": "Meadow Diaries",
            "episode_title": "Ants",
            "plot_summary": "Small.",
            "duration_minutes": 20,
        }
        response = api.client.post("/api/v1/episodes", body | {"episode_number": 1}, api.admin)
        episode = response.json()["data"]
        assert (episode["show_id"], episode["title"], episode["description"]) == (show["show_id"], "Ants", "Small.")
        assert (episode["duration_seconds"], episode["season_number"], episode["status"]) == (1200, 1, "draft")

    @pytest.mark.requirement("C-02", "C-03")
    def test_agreeing_aliases_are_accepted(self, api: Api) -> None:
        show = api.create_show()
        both = {"show_name": show["name"], "episode_title": "Ants", "plot_summary": "Small.", "duration_minutes": 1}
        named = {"show_id": show["show_id"], "title": "Ants", "description": "Small.", "duration_seconds": 119}
        response = api.client.post("/api/v1/episodes", {**both, **named, "episode_number": 1}, api.admin)
        assert response.json()["data"]["duration_seconds"] == 119

    @pytest.mark.requirement("C-03")
    def test_disagreeing_aliases_are_rejected_with_their_fields(self, api: Api) -> None:
        body = {
            "show_id": api.create_show()["show_id"],
            "episode_number": 1,
            "title": "Ants",
            "episode_title": "Bees",
            "description": "Small.",
            "plot_summary": "",
            "duration_seconds": 59,
            "duration_minutes": 1,
        }
        found = problems(api.client.post("/api/v1/episodes", body, api.admin), 400, "VALIDATION_ERROR")
        assert found.keys() == {"body.episode_title", "body.plot_summary", "body.duration_minutes"}

    @pytest.mark.requirement("C-02")
    def test_two_shows_are_rejected(self, api: Api) -> None:
        body = {"show_id": api.create_show()["show_id"], "show_name": api.create_show()["name"]}
        response = api.client.post("/api/v1/episodes", body | {"title": "Ants", "episode_number": 1}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.show_name"}

    def test_show_and_title_are_required(self, api: Api) -> None:
        response = api.client.post("/api/v1/episodes", {"episode_number": 1}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.show_id", "body.title"}

    @pytest.mark.parametrize(
        ("named", "field"), [({"show_id": str(uuid4())}, "body.show_id"), ({"show_name": "Nowhere"}, "body.show_name")]
    )
    def test_unknown_show_is_404(self, api: Api, named: dict[str, str], field: str) -> None:
        response = api.client.post("/api/v1/episodes", named | {"title": "Ants", "episode_number": 1}, api.admin)
        assert problems(response, 404, "NOT_FOUND").keys() == {field}

    @pytest.mark.requirement("ROAD-75", "P1-04")
    def test_taken_number_within_the_season_is_409(self, api: Api) -> None:
        show = api.create_show()
        api.create_episode(show, episode_number=1)
        body = {"show_id": show["show_id"], "title": "Again", "episode_number": 1}
        response = api.client.post("/api/v1/episodes", body, api.admin)
        assert problems(response, 409, "CONFLICT").keys() == {"body.episode_number"}
        assert api.create_episode(show, episode_number=1, season_number=2)["season_number"] == 2

    @pytest.mark.requirement("ROAD-74", "ROAD-88", "P1-29")
    def test_invalid_values_are_rejected_with_their_fields(self, api: Api) -> None:
        show_id = api.create_show()["show_id"]
        for field, value in WRONG_VALUES:
            body = {"show_id": show_id, "title": "Ants", "episode_number": 1, field: value}
            response = api.client.post("/api/v1/episodes", body, api.admin)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}, (field, value)
        assert api.client.get("/api/v1/episodes", api.viewer).json()["data"] == []

    @pytest.mark.requirement("ROAD-77")
    @pytest.mark.parametrize(
        "words",
        [
            # Worst cases of the index: distinct short words, compounds that are indexed as a whole and in parts.
            [f"{n:05x}" for n in range(33_000)],
            [f"{n:04x}-{n + 1:04x}" for n in range(20_000)],
            [f"a{n:x}-b{n:x}-c{n:x}" for n in range(12_000)],
            [f"{n:x}.example/{n:x}" for n in range(12_000)],
            ["é" * 90_000],
        ],
        ids=["words", "pairs", "triples", "addresses", "one-word"],
    )
    def test_longest_script_is_always_indexed(self, api: Api, words: list[str]) -> None:
        script = " ".join(words).encode()[:200_000].decode(errors="ignore")
        assert len(script.encode()) > 170_000
        description = " ".join(f"x{n:03x}-y{n:03x}" for n in range(500))
        assert api.create_episode(script_text=script, description=description)["script_text"] == script

    @pytest.mark.requirement("ROAD-77")
    def test_longer_script_is_rejected(self, api: Api) -> None:
        body = {"show_id": api.create_show()["show_id"], "title": "Ants", "episode_number": 1}
        response = api.client.post("/api/v1/episodes", body | {"script_text": "é" * 100_001}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.script_text"}

    def test_longest_tags_and_keys_are_indexed(self, api: Api) -> None:
        tags = [f"{n:02d}" + "😀" * 98 for n in range(30)]
        assert api.create_episode(tags=tags, metadata={"k" * 8000: "v" * 8000})["tags"] == tags


class TestGetEpisode:
    @pytest.mark.requirement("P1-02", "P1-03", "ROAD-73")
    def test_stored_columns_are_returned(self, api: Api) -> None:
        episode = api.create_episode()
        created = {
            "thumbnail_url": "https://cdn.example.test/x.jpg",
            "raw_video_s3_key": "raw/x.mp4",
            "processed_video_s3_key": "processed/x.mp4",
            "metadata_json_s3_key": "metadata/x.json",
            "uploaded_by": str(uuid4()),
            "processing_status": "complete",
        }
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute(
                """UPDATE episodes SET thumbnail_url = %(thumbnail_url)s, raw_video_s3_key = %(raw_video_s3_key)s,
                processed_video_s3_key = %(processed_video_s3_key)s, metadata_json_s3_key = %(metadata_json_s3_key)s,
                uploaded_by = %(uploaded_by)s, processing_status = %(processing_status)s""",
                created,
            )
        response = api.client.get(f"/api/v1/episodes/{episode['episode_id']}", api.viewer).json()["data"]
        assert created.items() <= response.items()
        assert (response["upload_date"], response["last_modified"]) == (episode["created_at"], response["updated_at"])

    @pytest.mark.requirement("P1-12", "ROAD-106")
    def test_created_episode_is_returned(self, api: Api) -> None:
        episode = api.create_episode(**ALL_FIELDS)
        assert api.client.get(f"/api/v1/episodes/{episode['episode_id']}", api.viewer).json() == {"data": episode}

    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_unknown_deleted_and_of_a_deleted_show_are_404(self, api: Api) -> None:
        deleted, orphan = api.create_episode(), api.create_episode()
        with api.client.app.state.resources.database.transaction() as connection:
            connection.execute("UPDATE episodes SET deleted_at = now() WHERE episode_id = %s", [deleted["episode_id"]])
            connection.execute("UPDATE shows SET deleted_at = now() WHERE show_id = %s", [orphan["show_id"]])
        for episode_id in (uuid4(), deleted["episode_id"], orphan["episode_id"]):
            for suffix in ("", "/thumbnails"):
                response = api.client.get(f"/api/v1/episodes/{episode_id}{suffix}", api.viewer)
                assert problems(response, 404, "NOT_FOUND").keys() == {"path.episode_id"}
        assert api.client.get("/api/v1/episodes", api.viewer).json()["data"] == []
