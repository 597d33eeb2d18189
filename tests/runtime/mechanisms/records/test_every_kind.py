"""What holds for every kind of record: how it is made, read, listed, changed, deleted and restored, and what is noted of it."""

import re
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.runtime.features.api_platform import Api, problems
from tests.runtime.mechanisms.records.kinds import KINDS, Kind

# What no client may set: ids, owners, versions, marks of deletion, and what other tables have.
PRIVILEGED = ["id", "owner", "created_by", "created_at", "updated_by", "updated_at", "role", "sha256", "s3_key"]
PRIVILEGED += ["deleted_at", "deleted_by", "restored_at", "approved_by", "etag", "version", "usage_count"]

pytestmark = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)


def privileged(kind: Kind) -> list[str]:
    """What no client may set of this kind. A guest's `role` is a guest's and no caller's."""
    return [name for name in [*PRIVILEGED, kind.row_id] if name not in kind.change]


def log_of(api: Api, kind: Kind, record: dict[str, Any]) -> list[dict[str, Any]]:
    """What the log says of a record, oldest first."""
    query = {"resource_type": kind.resource_type, "resource_id": record[kind.row_id], "limit": 100}
    answer = api.client.get("/api/v1/activity-logs", api.admin, params=query)
    entries: list[dict[str, Any]] = answer.json()["data"][::-1]
    return entries


class TestCreate:
    @pytest.mark.requirement("P1-29", "ROAD-101")
    def test_answers_what_is_stored(self, api: Api, kind: Kind) -> None:
        body = kind.new(api)
        answer = api.client.post(kind.path, body, api.admin)
        record = kind.answer(answer, 201)
        assert answer.headers["etag"] == record["etag"]
        assert UUID(record[kind.row_id]).version == 7
        assert record["created_by"] == record["updated_by"] == str(api.admin.user_id)
        assert {name: record[name] for name in body} == body
        assert kind.stored(api, record) == record

    @pytest.mark.requirement("P1-28", "C-10", "C-12")
    def test_is_for_its_roles(self, api: Api, kind: Kind) -> None:
        for role, user in {"viewer": api.viewer, "editor": api.editor, "admin": api.admin}.items():
            answer = api.client.post(kind.path, kind.new(api), user)
            assert answer.status_code == (201 if role in kind.creators else 403), role

    @pytest.mark.requirement("ROAD-95", "P1-30")
    def test_required_fields_are_named(self, api: Api, kind: Kind) -> None:
        answer = api.client.post(kind.path, {}, api.admin)
        found = problems(answer, 400, "VALIDATION_ERROR")
        assert found
        assert all(field and field.startswith("body.") for field in found)

    def test_fields_that_are_not_the_clients_are_refused(self, api: Api, kind: Kind) -> None:
        body = kind.new(api) | dict.fromkeys(privileged(kind), str(uuid4()))
        answer = api.client.post(kind.path, body, api.admin)
        refused = problems(answer, 400, "VALIDATION_ERROR")
        assert refused == {f"body.{name}": "Unknown field" for name in privileged(kind)}

    def test_is_noted(self, api: Api, kind: Kind) -> None:
        record = kind.create(api)
        (entry,) = log_of(api, kind, record)
        assert (entry["action_type"], entry["user_id"]) == ("create", str(api.admin.user_id))
        assert entry["old_values"] is None
        assert entry["new_values"][kind.row_id] == record[kind.row_id]

    def test_example_of_the_description_is_accepted(self, api: Api, kind: Kind) -> None:
        description = api.client.get("/openapi.json").json()
        reference = description["paths"][kind.path]["post"]["requestBody"]["content"]["application/json"]["schema"][
            "$ref"
        ]
        (example,) = description["components"]["schemas"][reference.rpartition("/")[2]]["examples"]
        if show := example.get("show_name"):
            api.create_show(name=show)
        kind.answer(api.client.post(kind.path, example, api.admin), 201)


class TestGet:
    @pytest.mark.requirement("ROAD-97", "C-38")
    def test_unknown_and_deleted_are_the_same_404(self, api: Api, kind: Kind) -> None:
        deleted = kind.create(api)
        api.delete(kind.path_of(deleted))
        refused = [
            problems(api.client.get(f"{kind.path}/{row_id}", api.viewer), 404, "NOT_FOUND")
            for row_id in (deleted[kind.row_id], uuid4())
        ]
        assert refused[0] == refused[1]
        assert refused[0].keys() == {f"path.{kind.row_id}"}

    def test_what_is_deleted_is_for_administrators(self, api: Api, kind: Kind) -> None:
        deleted = kind.create(api)
        api.delete(kind.path_of(deleted))
        assert kind.stored(api, deleted, api.admin, "?include_deleted=true")["deleted_by"] == str(api.admin.user_id)
        for user in (api.viewer, api.editor):
            for path in (kind.path, kind.path_of(deleted)):
                answer = api.client.get(f"{path}?include_deleted=true", user)
                assert problems(answer, 403, "FORBIDDEN").keys() == {"query.include_deleted"}


class TestList:
    @pytest.mark.requirement("G-07")
    def test_newest_first_without_what_is_deleted(self, api: Api, kind: Kind) -> None:
        first, deleted, last = (kind.create(api) for _ in range(3))
        api.delete(kind.path_of(deleted))
        page = api.client.get(kind.path, api.viewer).json()
        ids = [record[kind.row_id] for record in page["data"]]
        assert ids == [last[kind.row_id], first[kind.row_id]]
        assert page["page"] == {"next": None}
        # A list may leave out what is long, and says the rest as a single record does.
        assert page["data"][0].items() <= last.items()
        everything = api.client.get(f"{kind.path}?include_deleted=true", api.admin).json()["data"]
        assert [record[kind.row_id] for record in everything][1] == deleted[kind.row_id]

    @pytest.mark.requirement("G-07")
    def test_every_order_pages_without_gaps_or_doubles(self, api: Api, kind: Kind) -> None:
        made = [kind.create(api) for _ in range(5)]
        for order in sorted(kind.orders):
            whole = {}
            for sort in (order, f"-{order}"):
                whole[sort] = api.client.get(f"{kind.path}?sort={sort}", api.viewer).json()["data"]
                seen, query = [], f"?sort={sort}&limit=2"
                while query:
                    answer = api.client.get(kind.path + query, api.viewer).json()
                    seen += answer["data"]
                    after = answer["page"]["next"]
                    query = f"?sort={sort}&limit=2&cursor={after}" if after else ""
                assert seen == whole[sort], sort
            assert whole[order] == whole[f"-{order}"][::-1]
            assert len(whole[order]) == len(made)

    def test_a_cursor_holds_for_its_own_order_alone(self, api: Api, kind: Kind) -> None:
        for _ in range(2):
            kind.create(api)
        order = sorted(kind.orders)[0]
        cursors = {
            sort: api.client.get(f"{kind.path}?limit=1{sort}", api.viewer).json()["page"]["next"]
            for sort in ("", f"&sort={order}", f"&sort=-{order}")
        }
        for made_for, cursor in cursors.items():
            for sort in cursors.keys() - {made_for}:
                answer = api.client.get(f"{kind.path}?cursor={cursor}{sort}", api.viewer)
                assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.cursor"}

    def test_orders_that_are_not_allowed_are_refused(self, api: Api, kind: Kind) -> None:
        for order in ("metadata", "version", "--name", "name;", "1", "created_by", f"{sorted(kind.orders)[0]} DESC"):
            answer = api.client.get(kind.path, api.viewer, params={"sort": order})
            assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"query.sort"}, order


class TestUpdate:
    @pytest.mark.parametrize("method", ["PUT", "PATCH"])
    def test_each_field_is_changed_alone(self, api: Api, kind: Kind, method: str) -> None:
        record = kind.create(api)
        for name, value in kind.change.items():
            before = kind.stored(api, record)
            answer = api.client.send(method, kind.path_of(record), api.editor, json={name: value})
            changed = kind.answer(answer)
            assert changed[name] == value
            # A field may have another name as well, which says the same.
            others = {each for each in before if before[each] != changed[each] and changed[each] != value}
            assert others <= {"updated_at", "last_modified", "updated_by", "etag"}
            assert changed["updated_by"] == str(api.editor.user_id)
            assert kind.stored(api, record) == changed
            assert log_of(api, kind, record)[-1]["new_values"] == {name: value}

    def test_null_clears_what_may_be_empty_and_nothing_else(self, api: Api, kind: Kind) -> None:
        record = kind.create(api, **{name: value for name, value in kind.change.items() if name not in kind.required})
        clearable = kind.change.keys() - kind.required
        cleared = kind.answer(api.client.patch(kind.path_of(record), dict.fromkeys(clearable), api.editor))
        assert {name: cleared[name] for name in clearable} == {name: kind.cleared.get(name) for name in clearable}
        answer = api.client.patch(kind.path_of(record), dict.fromkeys(kind.required), api.editor)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {f"body.{name}" for name in kind.required}

    def test_description_says_what_null_clears_and_that_leaving_out_is_not_null(self, api: Api, kind: Kind) -> None:
        description = api.client.get("/openapi.json").json()
        (path,) = (path for path in description["paths"] if re.fullmatch(rf"{kind.path}/{{\w+}}", path))
        for method in ("put", "patch"):
            (content,) = description["paths"][path][method]["requestBody"]["content"].values()
            reference = content["schema"]["$ref"]
            fields = description["components"]["schemas"][reference.rpartition("/")[2]]["properties"]
            nullable = {name for name, field in fields.items() if {"type": "null"} in field.get("anyOf", [])}
            assert kind.change.keys() & nullable == kind.change.keys() - kind.required
            assert not [name for name, field in fields.items() if "default" in field]

    def test_what_is_stored_already_is_no_change(self, api: Api, kind: Kind) -> None:
        record = kind.create(api, **kind.change)
        assert kind.answer(api.client.patch(kind.path_of(record), kind.change, api.editor)) == record
        assert len(log_of(api, kind, record)) == 1

    def test_fields_that_are_not_the_clients_are_refused(self, api: Api, kind: Kind) -> None:
        record = kind.create(api)
        body = dict.fromkeys(privileged(kind), str(uuid4()))
        problems(api.client.patch(kind.path_of(record), body, api.admin), 400, "VALIDATION_ERROR")
        assert kind.stored(api, record) == record

    @pytest.mark.requirement("G-02")
    def test_stale_version_is_412_and_nothing_changes(self, api: Api, kind: Kind) -> None:
        record = kind.create(api)
        current = kind.answer(api.client.patch(kind.path_of(record), kind.change, api.editor))
        stale = {"If-Match": record["etag"]}
        for answer in (
            api.client.patch(kind.path_of(record), {}, api.admin, headers=stale),
            api.client.delete(kind.path_of(record), api.admin, headers=stale),
        ):
            assert problems(answer, 412, "PRECONDITION_FAILED").keys() == {"header.if-match"}
        assert kind.stored(api, record) == current
        headers = {"If-Match": current["etag"]}
        kind.answer(api.client.delete(kind.path_of(record), api.admin, headers=headers))

    def test_unknown_and_deleted_are_404(self, api: Api, kind: Kind) -> None:
        deleted = kind.create(api)
        api.delete(kind.path_of(deleted))
        for row_id in (uuid4(), deleted[kind.row_id]):
            for answer in (
                api.client.patch(f"{kind.path}/{row_id}", kind.change, api.admin),
                api.client.delete(f"{kind.path}/{row_id}", api.admin),
            ):
                assert problems(answer, 404, "NOT_FOUND").keys() == {f"path.{kind.row_id}"}


class TestDeleteAndRestore:
    @pytest.mark.requirement("C-38", "G-02")
    def test_nothing_is_lost_by_it(self, api: Api, kind: Kind) -> None:
        record = kind.create(api, **kind.change)
        deleted = kind.answer(api.client.delete(f"{kind.path_of(record)}?reason=Old", api.admin))
        assert (deleted["deleted_by"], deleted["deleted_reason"]) == (str(api.admin.user_id), "Old")
        restored = kind.answer(api.client.post(f"{kind.path_of(record)}/restore", user=api.admin))
        differing = {name for name in record if record[name] != restored[name]}
        assert differing - {"last_modified"} == {"restored_at", "restored_by", "updated_at", "etag"}
        assert kind.stored(api, record) == restored
        assert [entry["action_type"] for entry in log_of(api, kind, record)] == ["create", "delete", "restore"]

    def test_what_is_not_deleted_cannot_be_restored(self, api: Api, kind: Kind) -> None:
        record = kind.create(api)
        answer = api.client.post(f"{kind.path_of(record)}/restore", user=api.admin)
        assert problems(answer, 409, "CONFLICT").keys() == {f"path.{kind.row_id}"}
        answer = api.client.post(f"{kind.path}/{uuid4()}/restore", user=api.admin)
        assert problems(answer, 404, "NOT_FOUND").keys() == {f"path.{kind.row_id}"}

    @pytest.mark.requirement("P1-28")
    def test_is_for_administrators(self, api: Api, kind: Kind) -> None:
        record = kind.create(api)
        for user in (api.viewer, api.editor):
            problems(api.client.delete(kind.path_of(record), user), 403, "FORBIDDEN")
            problems(api.client.post(f"{kind.path_of(record)}/restore", user=user), 403, "FORBIDDEN")
