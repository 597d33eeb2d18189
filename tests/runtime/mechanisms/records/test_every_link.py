"""What holds for every kind of asset that episodes use: it is linked and unlinked, many at once, and its use is told."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from psycopg.sql import SQL, Identifier

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import LINKED, Kind
from tests.runtime.mechanisms.records.test_every_kind import log_of

pytestmark = [
    pytest.mark.parametrize("kind", LINKED.values(), ids=LINKED),
    pytest.mark.requirement("ROAD-113", "G-02"),
]


def links_of(kind: Kind, episode: dict[str, Any]) -> str:
    return f"/api/v1/episodes/{episode['episode_id']}/{kind.plural}"


def used(api: Api, kind: Kind, episode: dict[str, Any]) -> dict[str, str | None]:
    """The contexts of what the episode uses, by id."""
    data = Kind.answer(api.client.get(links_of(kind, episode), api.viewer))
    return {record[kind.row_id]: record["usage_context"] for record in data}


class TestLink:
    def test_one_is_linked_with_its_context_and_told_at_both_ends(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        path = f"{links_of(kind, episode)}/{record[kind.row_id]}"
        link = kind.answer(api.client.put(path, {"usage_context": "The opening"}, api.editor))
        assert link == {
            "episode_id": episode["episode_id"],
            kind.row_id: record[kind.row_id],
            "usage_context": "The opening",
            "linked_at": link["linked_at"],
            "linked_by": str(api.editor.user_id),
        }
        (there,) = api.client.get(links_of(kind, episode), api.viewer).json()["data"]
        assert there["usage_context"] == "The opening" and there["name"] == record["name"]
        (user,) = kind.answer(api.client.get(f"{kind.path_of(record)}/episodes", api.viewer))
        assert (user["episode_id"], user["usage_context"]) == (episode["episode_id"], "The opening")
        counted = kind.stored(api, record)
        assert (counted["usage_count"], counted["last_used_at"]) == (1, link["linked_at"])

    def test_linking_again_changes_the_context_alone(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        path = f"{links_of(kind, episode)}/{record[kind.row_id]}"
        first = kind.answer(api.client.put(path, {"usage_context": "A"}, api.editor))
        again = kind.answer(api.client.put(path, {"usage_context": "A"}, api.admin))
        assert again == first
        changed = kind.answer(api.client.put(path, {}, api.admin))
        assert changed == first | {"usage_context": None}
        noted = [entry for entry in log_of(api, kind, record) if entry["action_type"] == "link"]
        contexts = [(entry["old_values"] or {}).get("usage_context") for entry in noted]
        assert contexts == [None, "A"]

    def test_many_are_linked_all_or_none(self, api: Api, kind: Kind) -> None:
        episode, records = api.create_episode(), [kind.create(api) for _ in range(3)]
        gone = kind.create(api)
        api.delete(kind.path_of(gone))
        body = {"links": [{kind.row_id: record[kind.row_id], "usage_context": "All"} for record in records]}
        spoilt = {"links": [*body["links"], {kind.row_id: gone[kind.row_id]}, {kind.row_id: str(uuid4())}]}
        answer = api.client.post(links_of(kind, episode), spoilt, api.editor)
        assert problems(answer, 404, "NOT_FOUND").keys() == {f"body.links.{place}.{kind.row_id}" for place in (3, 4)}
        assert used(api, kind, episode) == {}
        made = kind.answer(api.client.post(links_of(kind, episode), body, api.editor))
        assert [link[kind.row_id] for link in made] == [record[kind.row_id] for record in records]
        assert used(api, kind, episode) == {record[kind.row_id]: "All" for record in records}

    def test_bad_bodies_are_refused(self, api: Api, kind: Kind) -> None:
        episode = api.create_episode()
        for body in ({}, {"links": []}, {"links": [{}]}, {"links": [{kind.row_id: "x"}]}, {"links": [{}] * 101}):
            answer = api.client.post(links_of(kind, episode), body, api.editor)
            problems(answer, 400, "VALIDATION_ERROR")
        path = f"{links_of(kind, episode)}/{kind.create(api)[kind.row_id]}"
        for body in ({"usage_context": ""}, {"usage_context": "x" * 501}, {"linked_by": str(uuid4())}):
            assert problems(api.client.put(path, body, api.editor), 400, "VALIDATION_ERROR").keys() == {
                f"body.{next(iter(body))}"
            }

    def test_ends_that_are_not_there_are_404(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        other = {"episode_id": str(uuid4())}
        answer = api.client.put(f"{links_of(kind, other)}/{record[kind.row_id]}", {}, api.editor)
        assert problems(answer, 404, "NOT_FOUND").keys() == {"path.episode_id"}
        answer = api.client.put(f"{links_of(kind, episode)}/{uuid4()}", {}, api.editor)
        assert problems(answer, 404, "NOT_FOUND").keys() == {f"path.{kind.row_id}"}
        for path in (links_of(kind, other), f"{kind.path}/{uuid4()}/episodes"):
            problems(api.client.get(path, api.viewer), 404, "NOT_FOUND")

    def test_is_for_editors(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        path = f"{links_of(kind, episode)}/{record[kind.row_id]}"
        problems(api.client.put(path, {}, api.viewer), 403, "FORBIDDEN")
        problems(api.client.delete(path, api.viewer), 403, "FORBIDDEN")

    def test_two_at_once_are_one_link(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        with api.client.app.state.resources.database.transaction() as connection:
            insert = SQL("INSERT INTO {} (episode_id, {}) VALUES (%s, %s)").format(
                Identifier(f"episode_{kind.plural.replace('-', '_')}"), Identifier(kind.row_id)
            )
            connection.execute(insert, [episode["episode_id"], record[kind.row_id]])
            path = f"{links_of(kind, episode)}/{record[kind.row_id]}"
            with ThreadPoolExecutor(1) as other:
                answer = other.submit(api.client.put, path, {"usage_context": "Later"}, api.editor)
                # The other waits for this transaction, which ends here.
                connection.commit()
                assert kind.answer(answer.result())["usage_context"] == "Later"
        assert used(api, kind, episode) == {record[kind.row_id]: "Later"}


class TestUsageContext:
    @pytest.mark.requirement("ROAD-109")
    def test_narrows_the_lists_at_both_ends(self, api: Api, kind: Kind) -> None:
        first, second = api.create_episode(), api.create_episode()
        record, other = kind.create(api), kind.create(api)
        for episode, linked, context in (
            (first, record, "Opening"),
            (second, record, "Closing"),
            (first, other, "Closing"),
            (second, other, None),
        ):
            path = f"{links_of(kind, episode)}/{linked[kind.row_id]}"
            kind.answer(api.client.put(path, {"usage_context": context}, api.editor))

        def found(path: str, context: str) -> list[dict[str, Any]]:
            return list(Kind.answer(api.client.get(path, api.viewer, params={"usage_context": context})))

        for context, expected in {"Opening": [record], "Closing": [other], "opening": []}.items():
            ids = [each[kind.row_id] for each in found(links_of(kind, first), context)]
            assert ids == [each[kind.row_id] for each in expected], context
        for context, expected in {"Opening": [first], "Closing": [second], "opening": []}.items():
            ids = [each["episode_id"] for each in found(f"{kind.path_of(record)}/episodes", context)]
            assert ids == [each["episode_id"] for each in expected], context

    def test_that_cannot_be_is_refused(self, api: Api, kind: Kind) -> None:
        for path in (links_of(kind, api.create_episode()), f"{kind.path_of(kind.create(api))}/episodes"):
            for context in ("", "x" * 501, "a\0"):
                answer = api.client.get(path, api.viewer, params={"usage_context": context})
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.usage_context"}


class TestUnlink:
    def test_the_link_is_gone_and_noted(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        path = f"{links_of(kind, episode)}/{record[kind.row_id]}"
        kind.answer(api.client.put(path, {"usage_context": "A"}, api.editor))
        answer = api.client.delete(path, api.editor)
        assert (answer.status_code, answer.content) == (204, b"")
        assert used(api, kind, episode) == {}
        assert kind.stored(api, record)["usage_count"] == 0
        entry = log_of(api, kind, record)[-1]
        assert entry["action_type"] == "unlink"
        assert entry["old_values"] == {"episode_id": episode["episode_id"], "usage_context": "A"}
        assert problems(api.client.delete(path, api.editor), 404, "NOT_FOUND").keys() == {f"path.{kind.row_id}"}


class TestDeletedEnds:
    def test_what_is_deleted_is_not_shown_and_comes_back_with_its_links(self, api: Api, kind: Kind) -> None:
        episode, record = api.create_episode(), kind.create(api)
        kind.answer(api.client.put(f"{links_of(kind, episode)}/{record[kind.row_id]}", {}, api.editor))
        api.delete(kind.path_of(record))
        assert used(api, kind, episode) == {}
        kind.answer(api.client.post(f"{kind.path_of(record)}/restore", user=api.admin))
        assert used(api, kind, episode) == {record[kind.row_id]: None}
        api.delete(f"/api/v1/episodes/{episode['episode_id']}")
        assert kind.answer(api.client.get(f"{kind.path_of(record)}/episodes", api.viewer)) == []
        assert kind.stored(api, record)["usage_count"] == 0
