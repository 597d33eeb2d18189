"""Clips: values, filters, guests, status transitions, rating."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from runtime.errors import NotFoundError
from runtime.features.clips import service
from runtime.features.clips.repository import TABLE
from runtime.features.clips.schemas import ClipCreate
from runtime.persistence.transactions import Transaction
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.clips.clip_library import (
    CLIPS,
    HASH,
    OTHER_HASH,
    assign,
    caller_of,
    create,
    data,
    database_of,
    delete_guest,
    ids,
    listed,
    log_of,
    new,
    new_guest,
    path_of,
    stored,
    submit_blocked,
)

GIB = 1024**3


class TestCreateClip:
    @pytest.mark.requirement("ROAD-82", "ROAD-111")
    def test_new_clip_is_pending_review_and_unassigned(self, api: Api) -> None:
        clip = create(api)
        unset = {"episode_id", "guest_id", "quality", "file_name", "file_reference", "file_hash", "byte_count"}
        unset |= {"duration_seconds", "recorded_on", "notes", "assigned_at", "assigned_by", "thumbnail_reference"}
        assert clip["status"] == "pending_review"
        assert {name for name in unset if clip[name] is None} == unset

    @pytest.mark.requirement("ROAD-89", "ROAD-90")
    def test_only_enum_values_are_accepted(self, api: Api) -> None:
        values = {
            "talent_source": {"Lala", "JustAWomanInHerPrime", "Guest"},
            "quality": {"hero", "good", "maybe", "reject"},
            "status": {"pending_review", "approved", "rejected"},
        }
        for field, accepted in values.items():
            for value in accepted:
                assert create(api, **{field: value})[field] == value
            for invalid in ("", "HERO", "lala", "unknown", 1):
                response = api.client.post(CLIPS, new(**{field: invalid}), api.editor)
                assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}

    @pytest.mark.requirement("ROAD-92")
    def test_file_over_5_gib_is_rejected(self, api: Api) -> None:
        assert create(api, byte_count=5 * GIB)["byte_count"] == 5 * GIB
        for byte_count in (5 * GIB + 1, 0, -1, "5", 1.5, True):
            response = api.client.post(CLIPS, new(byte_count=byte_count), api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.byte_count"}, byte_count

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("title", " "),
            ("title", "x" * 501),
            ("file_hash", "AB" * 32),
            ("file_hash", "ab" * 31),
            ("file_hash", f"{'ab' * 32}\n"),
            ("file_name", ""),
            ("file_name", "x" * 1025),
            ("duration_seconds", -1),
            ("recorded_on", "2026-02-30"),
            ("notes", "x" * 5001),
            ("tags", ["x"] * 31),
            ("file_reference", "s3://elsewhere/secret"),
            ("episode_id", "01981b2e-7c3a-7d41-9a55-0242ac120002"),
            ("assigned_at", "2026-01-01T00:00:00Z"),
        ],
    )
    def test_invalid_values_are_rejected_with_their_fields(self, api: Api, field: str, value: Any) -> None:
        response = api.client.post(CLIPS, new(**{field: value}), api.editor)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"body.{field}"}

    def test_schema_examples_are_accepted(self, api: Api) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        example = {name: schemas[name]["examples"][0] for name in ("ClipUpdate", "ClipRating")}
        clip = create(api)
        data(api.client.patch(path_of(clip), example["ClipUpdate"], api.editor))
        data(api.client.post(f"{path_of(clip)}/rate", example["ClipRating"], api.editor))
        # The ids in these examples do not exist; everything else is valid.
        unknown = {
            f"{path_of(clip)}/assign": ("ClipAssignment", "body.episode_id"),
            f"{CLIPS}/assign": ("ClipsAssignment", "body.clip_ids.0"),
            f"{CLIPS}/tag": ("ClipTags", "body.clip_ids.0"),
        }
        for path, (name, field) in unknown.items():
            response = api.client.post(path, schemas[name]["examples"][0], api.editor)
            assert problems(response, 404, "NOT_FOUND").keys() == {field}


class TestListClips:
    @pytest.mark.requirement("ROAD-111")
    def test_each_filter_selects_its_clips(self, api: Api) -> None:
        guest_id, episode = str(new_guest(api)), api.create_episode()
        plain = create(api)
        guest = create(api, talent_source="Guest", guest_id=guest_id)
        rated = create(api, quality="hero", tags=["meadow", "dawn"], file_hash=HASH)
        used = assign(api, create(api, status="approved"), episode)
        assert listed(api, "talent_source=Guest") == listed(api, f"guest_id={guest_id}") == ids([guest])
        assert (
            listed(api, "quality=hero") == listed(api, "tag=dawn") == listed(api, f"file_hash={HASH}") == ids([rated])
        )
        assert listed(api, "status=used") == listed(api, f"episode_id={used['episode_id']}") == ids([used])
        assert listed(api, "assigned=true") == ids([used])
        assert listed(api, "assigned=false") == ids([rated, guest, plain])
        assert listed(api, "quality=hero&talent_source=Guest") == []
        assert listed(api, f"episode_id={uuid4()}") == listed(api, f"file_hash={OTHER_HASH}") == []

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("talent_source", "lala"),
            ("quality", "x"),
            ("status", "x"),
            ("file_hash", "AB" * 32),
            ("file_hash", "a\0"),
            ("tag", "a\0"),
            ("assigned", "perhaps"),
            ("episode_id", "1"),
            ("guest_id", "1"),
        ],
    )
    def test_invalid_filters_are_rejected_with_their_fields(self, api: Api, name: str, value: str) -> None:
        response = api.client.get(CLIPS, api.viewer, params={name: value})
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {f"query.{name}"}

    def test_unknown_durations_sort_last(self, api: Api) -> None:
        unknown, longest, short = create(api), create(api, duration_seconds=2**31 - 1), create(api, duration_seconds=0)
        assert listed(api, "sort=duration_seconds") == ids([short, longest, unknown])
        assert listed(api, "sort=-duration_seconds") == ids([unknown, longest, short])


class TestGuest:
    def test_guest_of_another_talent_source_is_rejected(self, api: Api) -> None:
        guest_id = str(new_guest(api))
        for source in ("Lala", "JustAWomanInHerPrime"):
            response = api.client.post(CLIPS, new(talent_source=source, guest_id=guest_id), api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.guest_id"}
        lala, guest = create(api), create(api, talent_source="Guest", guest_id=guest_id)
        for clip, change in ((lala, {"guest_id": guest_id}), (guest, {"talent_source": "Lala"})):
            response = api.client.patch(path_of(clip), change, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.guest_id"}
            assert stored(api, clip) == clip
        both: dict[str, Any] = {"talent_source": "Guest", "guest_id": guest_id}
        assert data(api.client.patch(path_of(lala), both, api.editor))["guest_id"] == guest_id
        both = {"talent_source": "Lala", "guest_id": None}
        assert data(api.client.patch(path_of(guest), both, api.editor))["guest_id"] is None

    def test_unknown_and_deleted_guests_are_404(self, api: Api) -> None:
        guest_id = new_guest(api)
        delete_guest(api, guest_id)
        clip = create(api, talent_source="Guest")
        for missing in (guest_id, uuid4()):
            for response in (
                api.client.post(CLIPS, new(talent_source="Guest", guest_id=str(missing)), api.editor),
                api.client.patch(path_of(clip), {"guest_id": str(missing)}, api.editor),
            ):
                assert problems(response, 404, "NOT_FOUND") == {"body.guest_id": "Guest not found"}

    def test_clip_keeps_a_deleted_guest(self, api: Api) -> None:
        guest_id = new_guest(api)
        clip = create(api, talent_source="Guest", guest_id=str(guest_id))
        delete_guest(api, guest_id)
        body = {"guest_id": str(guest_id), "notes": "Ada left."}
        changed = data(api.client.patch(path_of(clip), body, api.editor))
        assert (changed["guest_id"], changed["notes"]) == (str(guest_id), "Ada left.")

    def test_create_waits_for_a_concurrent_deletion_of_the_guest(self, api: Api) -> None:
        guest_id = new_guest(api)
        body = new(talent_source="Guest", guest_id=str(guest_id))
        with ThreadPoolExecutor(1) as threads:
            with database_of(api).transaction() as connection:
                connection.execute("UPDATE guests SET deleted_at = now() WHERE guest_id = %s", [guest_id])
                future = submit_blocked(threads, api, lambda client: client.post(CLIPS, body, api.editor))
            assert problems(future.result(), 404, "NOT_FOUND").keys() == {"body.guest_id"}

    def test_deletion_of_the_guest_waits_for_a_concurrent_create(self, api: Api) -> None:
        guest_id = new_guest(api)
        body = ClipCreate(title="A", talent_source="Guest", guest_id=guest_id)
        with database_of(api).transaction() as connection:
            service.create(Transaction(connection=connection), caller_of(api.editor), body, allow_duplicate=False)
            statement = "SELECT FROM guests WHERE guest_id = %s FOR NO KEY UPDATE NOWAIT"
            with pytest.raises(psycopg.errors.LockNotAvailable), database_of(api)._open_pool().connection() as other:
                other.execute(statement, [guest_id])

    def test_foreign_key_rejects_unknown_guests(self, api: Api) -> None:
        """Covers callers of the table that do not check the guest first."""
        with database_of(api).transaction() as connection:
            columns = {"title": "A", "talent_source": "Guest", "guest_id": uuid4()}
            with pytest.raises(NotFoundError) as error:
                TABLE.insert(connection, columns, user_id=api.editor.user_id)
            connection.rollback()
        assert error.value.problems[0].field == "body.guest_id"


class TestStatus:
    @pytest.mark.requirement("ROAD-89")
    def test_only_review_transitions_are_accepted(self, api: Api) -> None:
        allowed = {
            "pending_review": {"pending_review", "approved", "rejected"},
            "approved": {"approved", "rejected"},
            "rejected": {"rejected", "approved"},
            "used": {"used"},
        }
        episode = api.create_episode()
        for before, following in allowed.items():
            for after in allowed:
                clip = create(api) if before == "used" else create(api, status=before)
                clip = assign(api, clip, episode) if before == "used" else clip
                response = api.client.patch(path_of(clip), {"status": after, "notes": "Seen"}, api.editor)
                if after in following:
                    assert data(response)["status"] == after
                else:
                    assert problems(response, 409, "CONFLICT").keys() == {"body.status"}, (before, after)
                    assert stored(api, clip) == clip

    def test_new_clip_cannot_be_used(self, api: Api) -> None:
        response = api.client.post(CLIPS, new(status="used"), api.editor)
        assert problems(response, 409, "CONFLICT").keys() == {"body.status"}
        assert listed(api, "") == []


class TestRate:
    @pytest.mark.requirement("ROAD-111", "ROAD-89", "G-02")
    def test_only_quality_is_changed_and_logged(self, api: Api) -> None:
        clip = create(api)
        for number, quality in enumerate(("hero", "good", "maybe", "reject"), 2):
            rated = data(api.client.post(f"{path_of(clip)}/rate", {"quality": quality}, api.editor))
            differing = {name for name in clip if clip[name] != rated[name]}
            assert differing == {"quality", "updated_at", "etag"}
            assert (rated["quality"], rated["etag"]) == (quality, f'"{number}"')
        assert data(api.client.post(f"{path_of(clip)}/rate", {"quality": "reject"}, api.editor)) == rated
        last, count = log_of(api, clip)[-1], len(log_of(api, clip))
        assert (last["action_type"], count) == ("edit", 5)
        assert (last["old_values"], last["new_values"]) == ({"quality": "maybe"}, {"quality": "reject"})

    def test_invalid_requests_are_rejected(self, api: Api) -> None:
        clip = create(api)
        for body in ({}, {"quality": None}, {"quality": "best"}):
            response = api.client.post(f"{path_of(clip)}/rate", body, api.editor)
            assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body.quality"}
        response = api.client.post(f"{CLIPS}/{uuid4()}/rate", {"quality": "good"}, api.editor)
        assert problems(response, 404, "NOT_FOUND").keys() == {"path.clip_id"}
        headers = {"If-Match": '"7"'}
        response = api.client.post(f"{path_of(clip)}/rate", {"quality": "good"}, api.editor, headers=headers)
        problems(response, 412, "PRECONDITION_FAILED")
        assert stored(api, clip) == clip
