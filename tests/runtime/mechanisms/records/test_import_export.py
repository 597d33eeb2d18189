"""Import and export over HTTP: each line by itself, nothing lost, and files that come back."""

import csv
import io
import json
from typing import Any

import httpx
import pytest

from tests.runtime.features.api_platform import ORIGIN, Api, problems

CSV, NDJSON = "text/csv", "application/x-ndjson"
IMPORT, EXPORT = "/api/v1/episodes/import", "/api/v1/episodes/export"

pytestmark = pytest.mark.requirement("ROAD-106", "G-02")


def send(api: Api, content: str, kind: str = CSV, query: str = "", **options: Any) -> httpx.Response:
    headers = {"Content-Type": kind} | options.pop("headers", {})
    return api.client.send(
        "POST", IMPORT + query, options.pop("user", api.admin), content=content.encode(), headers=headers
    )


def report_of(answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 200, answer.text
    data: dict[str, Any] = answer.json()["data"]
    return data


def exported(api: Api, query: str = "") -> list[dict[str, Any]]:
    answer = api.client.get(f"{EXPORT}?format=ndjson{query}", api.viewer)
    assert answer.headers["content-type"] == "application/x-ndjson; charset=utf-8"
    return [json.loads(line) for line in answer.text.splitlines()]


class TestImport:
    def test_each_line_is_taken_or_refused_by_itself(self, api: Api) -> None:
        api.create_show(name="Meadow")
        there = api.create_episode(show_name="Meadow", episode_number=7)
        content = (
            "episode_id,show_name,season_number,episode_number,title,status\n"
            ",Meadow,1,1,One,draft\n"
            ",Meadow,1,1,Twice,draft\n"
            ",Nowhere,1,2,Two,draft\n"
            ",Meadow,1,x,Three,draft\n"
            ",Meadow,1,4,,lost\n"
            f"{there['episode_id']},,,,Renamed,\n"
            f"{there['episode_id']},,,,Renamed,\n"
            "no-id,,,,X,\n"
            ",Meadow,1,5,Five,draft\n"
        )
        report = report_of(send(api, content))
        assert report["counts"] == {"created": 2, "updated": 1, "unchanged": 1, "skipped": 0, "refused": 5}
        told = {
            line["line"]: (line["status"], [error["field"] for error in line["errors"]]) for line in report["lines"]
        }
        assert told == {
            2: ("created", []),
            3: ("refused", ["episode_number"]),
            4: ("refused", ["show_name"]),
            5: ("refused", [None]),
            6: ("refused", ["status"]),
            7: ("updated", []),
            8: ("unchanged", []),
            9: ("refused", ["episode_id"]),
            10: ("created", []),
        }
        stored = {episode["title"]: episode["episode_number"] for episode in exported(api)}
        assert stored == {"Five": 5, "One": 1, "Renamed": 7}

    def test_what_is_refused_leaves_nothing_behind(self, api: Api) -> None:
        api.create_show(name="Meadow")
        lines = [{"show_name": "Meadow", "episode_number": 1, "title": "One"}] * 2
        report_of(send(api, "\n".join(map(json.dumps, lines)), NDJSON))
        log = api.client.get("/api/v1/activity-logs?resource_type=episode", api.admin).json()["data"]
        assert [entry["action_type"] for entry in log] == ["create"]

    def test_sent_again_it_changes_nothing(self, api: Api) -> None:
        api.create_show(name="Meadow")
        content = "show_name,episode_number,title\nMeadow,1,One\nMeadow,2,Two\n"
        assert report_of(send(api, content, query="?skip_existing=true"))["counts"]["created"] == 2
        again = report_of(send(api, content + "Meadow,3,Three\n", query="?skip_existing=true"))
        assert (again["counts"]["skipped"], again["counts"]["created"]) == (2, 1)

    def test_a_key_repeats_the_answer(self, api: Api) -> None:
        api.create_show(name="Meadow")
        content, headers = "show_name,episode_number,title\nMeadow,1,One\n", {"Idempotency-Key": "once"}
        first, second = (send(api, content, headers=headers) for _ in range(2))
        assert first.content == second.content
        assert second.headers["idempotency-replayed"] == "true"

    def test_a_line_may_ask_for_a_version(self, api: Api) -> None:
        episode = api.create_episode()
        stale = {"episode_id": episode["episode_id"], "etag": '"9-9"', "title": "Mine"}
        ((line),) = report_of(send(api, json.dumps(stale), NDJSON))["lines"]
        assert line["status"] == "refused"
        current = stale | {"etag": episode["etag"]}
        ((line),) = report_of(send(api, json.dumps(current), NDJSON))["lines"]
        assert line["status"] == "updated"
        for etag in (5, "x", ["y"]):
            ((line),) = report_of(send(api, json.dumps(stale | {"etag": etag}), NDJSON))["lines"]
            assert line["status"] == "refused"

    @pytest.mark.parametrize("kind", ["application/json", "text/plain", ""])
    def test_another_content_type_is_refused(self, api: Api, kind: str) -> None:
        answer = send(api, "title\nA\n", kind)
        assert problems(answer, 400, "VALIDATION_ERROR").keys() == {"header.content-type"}

    def test_no_such_file_is_refused(self, api: Api) -> None:
        for content in ("", "colour\nred\n", "title\n"):
            assert problems(send(api, content), 400, "VALIDATION_ERROR").keys() == {"body"}

    def test_is_for_who_may_create(self, api: Api) -> None:
        for user in (api.editor, api.viewer):
            problems(send(api, "title\nA\n", user=user), 403, "FORBIDDEN")


class TestExport:
    def test_comes_back_as_it_went(self, api: Api) -> None:
        show = api.create_show(name="=HYPERLINK()")
        for number in range(1, 4):
            api.create_episode(
                show,
                episode_number=number,
                title=f'-{number}, "quoted"',
                description="One\nTwo; Grüße",
                tags=["a;b", "c"],
                metadata={"a": [number, None]},
                rating=8.5,
                publish_date="2026-01-02",
            )
        answer = api.client.get(EXPORT, api.viewer)
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        assert answer.headers["content-disposition"] == 'attachment; filename="episodes.csv"'
        before = api.client.get("/api/v1/episodes", api.viewer).json()["data"]
        for content, kind in ((answer.text, CSV), (api.client.get(f"{EXPORT}?format=ndjson", api.viewer).text, NDJSON)):
            report = report_of(send(api, content, kind))
            assert report["counts"]["unchanged"] == 3, report
        assert api.client.get("/api/v1/episodes", api.viewer).json()["data"] == before

    def test_an_edited_file_changes_what_was_edited(self, api: Api) -> None:
        episode = api.create_episode(title="Old", tags=["kept"])
        rows = list(csv.DictReader(io.StringIO(api.client.get(EXPORT, api.viewer).text, newline="")))
        rows[0]["title"] = "New"
        out = io.StringIO()
        writer = csv.DictWriter(out, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
        assert report_of(send(api, out.getvalue()))["counts"]["updated"] == 1
        stored = api.client.get(f"/api/v1/episodes/{episode['episode_id']}", api.viewer).json()["data"]
        assert (stored["title"], stored["tags"]) == ("New", ["kept"])

    def test_parts_follow_each_other(self, api: Api) -> None:
        show = api.create_show()
        for number in range(1, 6):
            api.create_episode(show, episode_number=number)
        path, text, parts = f"{EXPORT}?limit=2", "", 0
        while path:
            answer = api.client.get(path, api.viewer)
            text, parts = text + answer.text, parts + 1
            path = answer.headers["link"].partition(">")[0].removeprefix("<") if "link" in answer.headers else ""
        rows = list(csv.DictReader(io.StringIO(text, newline="")))
        assert (parts, [row["episode_number"] for row in rows]) == (3, ["5", "4", "3", "2", "1"])

    def test_pages_of_the_console_can_read_its_name_and_where_it_goes_on(self, api: Api) -> None:
        show = api.create_show()
        for number in (1, 2):
            api.create_episode(show, episode_number=number)
        answer = api.client.get(f"{EXPORT}?limit=1", api.viewer, headers={"Origin": ORIGIN})
        read = {"link", "content-disposition"}
        assert read <= answer.headers.keys()
        assert read <= set(answer.headers["access-control-expose-headers"].lower().split(", "))

    def test_filters_narrow_it(self, api: Api) -> None:
        wanted = api.create_episode(tags=["x"])
        api.create_episode()
        assert [row["episode_id"] for row in exported(api, "&tag=x")] == [wanted["episode_id"]]
        assert exported(api, f"&show_id={wanted['show_id']}&status=archived") == []


@pytest.mark.requirement("ROAD-111")
class TestClips:
    def test_are_imported_exported_and_come_back(self, api: Api) -> None:
        content = (
            f"title,talent_source,file_hash,tags\nOne,Lala,{'a' * 64},x; y\nTwo,Lala,{'a' * 64},\nThree,Nobody,,\n"
        )
        headers = {"Content-Type": CSV}
        answer = api.client.send("POST", "/api/v1/clips/import", api.editor, content=content, headers=headers)
        told = [(line["status"], [error["field"] for error in line["errors"]]) for line in report_of(answer)["lines"]]
        assert told == [("created", []), ("refused", ["file_hash"]), ("refused", ["talent_source"])]
        (clip,) = api.client.get("/api/v1/clips", api.viewer).json()["data"]
        api.client.post(
            f"/api/v1/clips/{clip['clip_id']}/assign", {"episode_id": api.create_episode()["episode_id"]}, api.editor
        )
        exported = api.client.get("/api/v1/clips/export", api.viewer)
        again = api.client.send("POST", "/api/v1/clips/import", api.editor, content=exported.text, headers=headers)
        assert report_of(again)["counts"]["unchanged"] == 1, again.text
