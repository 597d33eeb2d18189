"""What was found in episodes is corrected: the newest extraction, by administrators."""

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
from tests.runtime.features.metadata.extractions import FOUND, Body, add, answered, log_of, newest, path_of
from tests.runtime.features.user_pool import MACHINE_CLIENT_ID


class TestUpdate:
    @pytest.mark.requirement("P1-22", "ROAD-97")
    def test_changes_what_is_sent_in_the_newest_alone(self, api: Api, episode: Body) -> None:
        older, made = add(api, episode, **FOUND), add(api, episode, **FOUND)
        answer = api.client.put(path_of(episode), {"tags": ["x"], "transcription": "Better."}, api.admin)
        changed = answered(answer)
        assert answer.headers["etag"] == changed["etag"] != made["etag"]
        same = {name: made[name] for name in made if name not in {"updated_at", "updated_by", "etag"}}
        assert {name: changed[name] for name in same} == same | {"tags": ["x"], "transcription": "Better."}
        assert (changed["created_by"], changed["updated_by"]) == (str(api.system.user_id), str(api.admin.user_id))
        assert newest(api, episode) == changed
        assert answered(api.client.get(f"{path_of(episode)}/{older['metadata_id']}", api.viewer)) == older

    def test_null_clears(self, api: Api, episode: Body) -> None:
        add(api, episode, **FOUND)
        cleared = dict.fromkeys([*FINDINGS, "processing_duration_seconds"])
        changed = answered(api.client.put(path_of(episode), cleared, api.admin))
        assert {name: changed[name] for name in cleared} == cleared | {"tags": [], "categories": []}
        refused = problems(
            api.client.put(path_of(episode), {"extraction_timestamp": None}, api.admin), 400, "VALIDATION_ERROR"
        )
        assert refused.keys() == {"body.extraction_timestamp"}

    def test_what_is_stored_already_is_no_change(self, api: Api, episode: Body) -> None:
        made = add(api, episode, **FOUND)
        for body in (FOUND, {}):
            assert answered(api.client.put(path_of(episode), body, api.admin)) == made
        assert [entry["action_type"] for entry in log_of(api, made["metadata_id"])] == ["create"]

    @pytest.mark.requirement("P1-08")
    def test_is_noted_by_what_changed(self, api: Api, episode: Body) -> None:
        made = add(api, episode, **FOUND)
        api.client.put(path_of(episode), {"tags": ["x"]}, api.admin)
        _, entry = log_of(api, made["metadata_id"])
        assert (entry["user_id"], entry["action_type"]) == (str(api.admin.user_id), "edit")
        assert (entry["old_values"], entry["new_values"]) == ({"tags": FOUND["tags"]}, {"tags": ["x"]})

    @pytest.mark.requirement("P1-22", "P1-28")
    def test_is_for_administrators(self, api: Api, episode: Body) -> None:
        add(api, episode)
        for user in (api.viewer, api.editor, api.system):
            problems(api.client.put(path_of(episode), {"tags": ["x"]}, user), 403, "FORBIDDEN")

    def test_episode_without_any_is_404(self, api: Api, episode: Body) -> None:
        answer = api.client.put(path_of(episode), {"tags": ["x"]}, api.admin)
        assert problems(answer, 404, "NOT_FOUND") == {"path.episode_id": "The episode has no metadata yet"}
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        for path in (path_of(episode), path_of({"episode_id": uuid4()})):
            answer = api.client.put(path, {"tags": ["x"]}, api.admin)
            assert problems(answer, 404, "NOT_FOUND") == {"path.episode_id": "There is no such episode"}

    def test_version_that_the_caller_knows_is_changed_and_no_other(self, api: Api, episode: Body) -> None:
        made = add(api, episode)
        known = {"If-Match": made["etag"]}
        answered(api.client.put(path_of(episode), {"tags": ["x"]}, api.admin, headers=known))
        answer = api.client.put(path_of(episode), {"tags": ["y"]}, api.admin, headers=known)
        assert problems(answer, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}

    def test_extraction_that_came_in_between_is_not_changed_for_the_one_before(self, api: Api, episode: Body) -> None:
        known = {"If-Match": add(api, episode)["etag"]}
        since = add(api, episode)
        answer = api.client.put(path_of(episode), {"tags": ["y"]}, api.admin, headers=known)
        problems(answer, 412, "PRECONDITION_FAILED")
        assert newest(api, episode) == since

    def test_changes_together_may_not_grow_beyond_the_limit(self, api: Api, episode: Body) -> None:
        made = add(api, episode, extracted_text="x" * MAX_TEXT_BYTES)
        answer = api.client.put(path_of(episode), {"transcription": "x" * 500_000}, api.admin)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"body"}
        assert newest(api, episode) == made
        answered(api.client.put(path_of(episode), {"transcription": "x" * 499_000}, api.admin))

    def test_addition_waits_for_a_correction(self, api: Api, episode: Body) -> None:
        database = api.client.app.state.resources.database
        episode_id, admin = UUID(episode["episode_id"]), api.admin.user_id
        caller = Caller(user_id=admin, subject=str(admin), email=None, roles=frozenset({Role.ADMIN}))
        machine = Caller(user_id=api.system.user_id, subject=MACHINE_CLIENT_ID, email=None, roles=frozenset())
        made, begun = add(api, episode), threading.Event()

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
        assert answered(api.client.get(f"{path_of(episode)}/{made['metadata_id']}", api.viewer))["tags"] == [
            "corrected"
        ]
