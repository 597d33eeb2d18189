"""Extracted metadata: administrators update the newest extraction."""

import threading
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest

from runtime.access.tokens import Caller
from runtime.contract.preconditions import IfMatch
from runtime.features.metadata import service
from runtime.features.metadata.schemas import FINDINGS, MAX_TEXT_BYTES, EpisodeMetadataUpdate
from runtime.persistence.transactions import Transaction
from runtime.roles import Role
from tests.runtime.features.api_platform import Api, problems
from tests.runtime.features.metadata.extractions import EXTRACTION, Body, add, data_of, log_of, newest, path_of
from tests.runtime.features.user_pool import MACHINE_CLIENT_ID


class TestUpdate:
    @pytest.mark.requirement("P1-22", "ROAD-97")
    def test_sent_fields_change_only_the_newest_extraction(self, api: Api, episode: Body) -> None:
        older, created = add(api, episode, **EXTRACTION), add(api, episode, **EXTRACTION)
        response = api.client.put(path_of(episode), {"tags": ["x"], "transcription": "Better."}, api.admin)
        changed = data_of(response)
        assert response.headers["etag"] == changed["etag"] != created["etag"]
        same = {name: created[name] for name in created if name not in {"updated_at", "updated_by", "etag"}}
        assert {name: changed[name] for name in same} == same | {"tags": ["x"], "transcription": "Better."}
        assert (changed["created_by"], changed["updated_by"]) == (str(api.system.user_id), str(api.admin.user_id))
        assert newest(api, episode) == changed
        assert data_of(api.client.get(f"{path_of(episode)}/{older['metadata_id']}", api.viewer)) == older

    def test_null_clears_the_field(self, api: Api, episode: Body) -> None:
        add(api, episode, **EXTRACTION)
        cleared = dict.fromkeys([*FINDINGS, "processing_duration_seconds"])
        changed = data_of(api.client.put(path_of(episode), cleared, api.admin))
        assert {name: changed[name] for name in cleared} == cleared | {"tags": [], "categories": []}
        errors = problems(
            api.client.put(path_of(episode), {"extraction_timestamp": None}, api.admin), 400, "VALIDATION_ERROR"
        )
        assert errors.keys() == {"body.extraction_timestamp"}

    def test_stored_values_sent_again_are_no_change(self, api: Api, episode: Body) -> None:
        created = add(api, episode, **EXTRACTION)
        for body in (EXTRACTION, {}):
            assert data_of(api.client.put(path_of(episode), body, api.admin)) == created
        assert [entry["action_type"] for entry in log_of(api, created["metadata_id"])] == ["create"]

    @pytest.mark.requirement("P1-08")
    def test_change_is_logged_with_its_values(self, api: Api, episode: Body) -> None:
        created = add(api, episode, **EXTRACTION)
        api.client.put(path_of(episode), {"tags": ["x"]}, api.admin)
        _, entry = log_of(api, created["metadata_id"])
        assert (entry["user_id"], entry["action_type"]) == (str(api.admin.user_id), "edit")
        assert (entry["old_values"], entry["new_values"]) == ({"tags": EXTRACTION["tags"]}, {"tags": ["x"]})

    @pytest.mark.requirement("P1-22", "P1-28")
    def test_other_roles_get_403(self, api: Api, episode: Body) -> None:
        add(api, episode)
        for user in (api.viewer, api.editor, api.system):
            problems(api.client.put(path_of(episode), {"tags": ["x"]}, user), 403, "FORBIDDEN")

    def test_episode_without_metadata_is_404(self, api: Api, episode: Body) -> None:
        response = api.client.put(path_of(episode), {"tags": ["x"]}, api.admin)
        assert problems(response, 404, "NOT_FOUND") == {"path.episode_id": "The episode has no metadata yet"}
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            response = api.client.put(path, {"tags": ["x"]}, api.admin)
            assert problems(response, 404, "NOT_FOUND") == {"path.episode_id": "Episode not found"}

    def test_if_match_with_a_stale_version_is_412(self, api: Api, episode: Body) -> None:
        created = add(api, episode)
        known = {"If-Match": created["etag"]}
        data_of(api.client.put(path_of(episode), {"tags": ["x"]}, api.admin, headers=known))
        response = api.client.put(path_of(episode), {"tags": ["y"]}, api.admin, headers=known)
        assert problems(response, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}

    def test_if_match_of_an_older_extraction_is_412(self, api: Api, episode: Body) -> None:
        known = {"If-Match": add(api, episode)["etag"]}
        since = add(api, episode)
        response = api.client.put(path_of(episode), {"tags": ["y"]}, api.admin, headers=known)
        problems(response, 412, "PRECONDITION_FAILED")
        assert newest(api, episode) == since

    def test_merged_findings_over_the_total_limit_are_rejected(self, api: Api, episode: Body) -> None:
        created = add(api, episode, extracted_text="x" * MAX_TEXT_BYTES)
        response = api.client.put(path_of(episode), {"transcription": "x" * 500_000}, api.admin)
        assert problems(response, 400, "VALIDATION_ERROR").keys() == {"body"}
        assert newest(api, episode) == created
        data_of(api.client.put(path_of(episode), {"transcription": "x" * 499_000}, api.admin))

    def test_create_waits_for_a_concurrent_update(self, api: Api, episode: Body) -> None:
        database = api.client.app.state.resources.database
        episode_id, admin = UUID(episode["episode_id"]), api.admin.user_id
        caller = Caller(user_id=admin, subject=str(admin), email=None, roles=frozenset({Role.ADMIN}))
        machine = Caller(user_id=api.system.user_id, subject=MACHINE_CLIENT_ID, email=None, roles=frozenset())
        created, begun = add(api, episode), threading.Event()

        def add_another() -> None:
            begun.set()
            with Transaction.begin(database.transaction()) as transaction:
                service.create(transaction, machine, episode_id, {"transcription": "Later."})

        change = EpisodeMetadataUpdate(tags=["corrected"]).columns()
        with ThreadPoolExecutor(1) as threads:
            with Transaction.begin(database.transaction()) as transaction:
                service.update_newest(transaction, caller, episode_id, change, IfMatch())
                adding = threads.submit(add_another)
                assert begun.wait(10)
                with pytest.raises(TimeoutError):
                    adding.result(timeout=0.5)
            adding.result(timeout=10)
        rows = api.client.get(path_of(episode), api.viewer).json()["data"]
        assert rows[0]["transcription"] == "Later."
        assert data_of(api.client.get(f"{path_of(episode)}/{created['metadata_id']}", api.viewer))["tags"] == [
            "corrected"
        ]
