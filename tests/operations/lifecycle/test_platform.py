"""The whole platform, up through the command: what a new user sees, in the order in which they try it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from PIL import Image

from operations.project import checkout
from operations.terminal.exit_codes import ExitCode

if TYPE_CHECKING:
    from tests.operations.conftest import Command, CommandResult, RunningPlatform

pytestmark = pytest.mark.timeout(300)

SIZES = {"primary": (1280, 720), "medium": (640, 360), "small": (320, 180)}
STEPS = [
    "health",
    "sign in",
    "create show",
    "create episode",
    "generate url",
    "upload photo",
    "complete upload",
    "thumbnail job",
    "thumbnails",
    "search",
    "viewer reads",
    "reject viewer",
]


@pytest.fixture
def up(dev_platform: "RunningPlatform") -> "CommandResult":
    """What `platform up --journey` printed."""
    return dev_platform.up


@pytest.fixture
def running(dev_platform: "RunningPlatform") -> "Command":
    """The command, for a platform that is up."""
    return dev_platform.command


class TestUp:
    def test_end_screen_says_what_one_needs(self, running: "Command", up: "CommandResult") -> None:
        state = running.files().read()
        assert state is not None
        assert state.endpoints is not None
        for said in (
            state.endpoints.api,
            state.endpoints.docs,
            "platform token --role admin",
            "platform token --role editor",
            "platform token --role viewer",
            "platform token --role system",
            "platform down",
            *STEPS,
            *(f"{variant} {width}×{height}" for variant, (width, height) in SIZES.items()),
            *(str(running.files().journey / f"{variant}.jpg") for variant in SIZES),
        ):
            assert said in up.out
        assert up.err == ""
        assert "\x1b" not in up.out

    def test_steps_are_told_as_plain_lines(self, running: "Command", up: "CommandResult") -> None:
        told = [line for line in up.out.splitlines() if line.startswith("ok  ") and " s  " in line]
        assert [line.split(" s  ")[1].split(":")[0] for line in told[:4]] == [
            "bundles",
            "emulator",
            "resources",
            "health check",
        ]

    def test_second_up_changes_nothing_and_shows_the_same(self, running: "Command") -> None:
        before = running.files().read()
        assert before is not None
        answer = running("up", "--port", "0", "--journey")
        assert answer.code == 0
        assert "is already running" in answer.out
        assert "nothing was changed" in answer.out
        assert "journey again  platform journey" in answer.out
        assert all(step in answer.out for step in STEPS)
        after = running.files().read()
        assert after is not None
        assert (after.pid, after.endpoints, after.started_at) == (before.pid, before.endpoints, before.started_at)

    def test_json_of_a_second_up(self, running: "Command") -> None:
        data = running("up", "--json").data
        assert data["already_running"] is True
        assert data["state"] == "running"
        assert [step["name"] for step in data["journey"]["steps"]] == STEPS


@pytest.mark.requirement("P2-44")
class TestStatus:
    def test_everything_runs_and_is_counted(self, running: "Command") -> None:
        answer = running("status", "--json")
        assert answer.code == ExitCode.OK
        data = answer.data
        assert data["state"] == "running"
        assert data["release"] == checkout.release()
        assert set(data["endpoints"]) == {"api", "docs", "aws"}
        assert data["resources"]["applied"] > 50
        names = {process["name"] for process in data["processes"]}
        assert {"host", "emulator", "object-gate", "postgres"} <= names
        assert all(psutil.pid_exists(process["pid"]) for process in data["processes"] if process["state"] == "running")

    def test_resources_hang_below_their_components(self, running: "Command") -> None:
        out = running("status", "--resources").out
        assert "├── network  episode-metadata:index:Network\n" in out
        assert "network-vpc  aws:ec2/vpc:Vpc  applied\n" in out

    def test_every_listener_is_on_loopback(self, running: "Command") -> None:
        state = running.files().read()
        assert state is not None
        host = psutil.Process(state.pid)
        seen = 0
        for process in (host, *host.children(recursive=True)):
            for connection in process.net_connections("inet"):
                if connection.status == psutil.CONN_LISTEN:
                    seen += 1
                    assert connection.laddr.ip in ("127.0.0.1", "::1")
        assert seen >= 4

    def test_state_is_for_its_owner_alone(self, running: "Command") -> None:
        assert running.files().state.stat().st_mode & 0o777 == 0o600


class TestOutputs:
    def test_one_flat_object(self, running: "Command") -> None:
        data = running("outputs", "--json").data
        assert {"api_url", "user_pool_id", "user_pool_client_id", "storage_bucket", "release", "environment"} <= set(
            data
        )
        assert all(not isinstance(value, dict | list) for value in data.values())
        human = running("outputs").out
        assert all(name in human for name in data)


@pytest.mark.requirement("ROAD-137")
class TestToken:
    @pytest.mark.parametrize("role", ["admin", "editor", "viewer"])
    def test_token_alone_is_printed_and_accepted(self, running: "Command", role: str) -> None:
        answer = running("token", "--role", role)
        assert (answer.code, answer.err) == (0, "")
        token = answer.out.removesuffix("\n")
        assert token.count(".") == 2
        assert token.split() == [token]
        api = running("outputs", "--json").data["api_url"]
        listed = httpx.get(f"{api}/api/v1/shows", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
        assert listed.status_code == 200

    @pytest.mark.requirement("C-11")
    def test_a_machine_may_tell_what_it_found_and_people_may_not(self, running: "Command") -> None:
        api = running("outputs", "--json").data["api_url"]
        answers = [running("token", "--role", role) for role in ("admin", "editor", "system")]
        assert [(answer.code, answer.err) for answer in answers] == [(0, "")] * 3
        admin, editor, system = ({"Authorization": f"Bearer {answer.out.strip()}"} for answer in answers)
        with httpx.Client(base_url=f"{api}/api/v1", trust_env=False) as client:
            show = client.post("/shows", json={"name": "Found by machines"}, headers=admin).json()["data"]["show_id"]
            about = {"show_id": show, "title": "Meadow", "season_number": 1, "episode_number": 1}
            path = (
                f"/episodes/{client.post('/episodes', json=about, headers=admin).json()['data']['episode_id']}/metadata"
            )
            found = {"tags": ["dandelion"]}
            told = [client.post(path, json=found, headers=who).status_code for who in (editor, admin, system)]
            assert told == [403, 403, 201]
            assert [one["tags"] for one in client.get(path, headers=editor).json()["data"]] == [["dandelion"]]
            assert client.get("/shows", headers=system).status_code == 403

    def test_json_form(self, running: "Command") -> None:
        data = running("token", "--role", "editor", "--json").data
        assert set(data) == {"token", "role", "expires_at"}
        assert data["role"] == "editor"
        assert data["expires_at"].endswith("Z")


@pytest.mark.requirement("ROAD-137")
class TestJourney:
    def test_thumbnails_of_exact_sizes(self, running: "Command") -> None:
        answer = running("journey", "--json")
        assert answer.code == 0
        data = answer.data
        assert data["ok"] is True
        assert [step["name"] for step in data["steps"]] == STEPS
        assert all(step["ok"] for step in data["steps"])
        assert {one["variant"]: (one["width"], one["height"]) for one in data["thumbnails"]} == SIZES
        for one in data["thumbnails"]:
            content = httpx.get(one["url"], trust_env=False).content
            assert len(content) == one["bytes"]
            saved = running.files().journey / f"{one['variant']}.jpg"
            assert saved.read_bytes() == content
            with Image.open(saved) as image:
                assert (image.format, image.size) == ("JPEG", SIZES[one["variant"]])

    def test_missing_photo_is_refused_before_anything_is_made(self, running: "Command") -> None:
        before = shows(running)
        answer = running("journey", "--photo", "/nonexistent.jpg", "--json")
        assert answer.code == ExitCode.FAILED
        assert "/nonexistent.jpg" in answer.data["error"]["message"]
        assert shows(running) == before

    def test_text_is_no_photo(self, running: "Command") -> None:
        before = shows(running)
        answer = running("journey", "--photo", str(checkout.ROOT / "Makefile"))
        assert answer.code == ExitCode.FAILED
        assert "is not an image" in answer.err
        assert shows(running) == before


class TestDocsPage:
    def test_it_needs_nothing_from_elsewhere(self, running: "Command") -> None:
        docs = running("status", "--json").data["endpoints"]["docs"]
        page = httpx.get(docs, trust_env=False)
        assert page.status_code == 200
        assert "swagger-ui" in page.text
        assert "https://" not in page.text


class TestTransfer:
    """Files of records, through the command and the whole platform."""

    def test_clips_go_in_and_come_back(self, running: "Command", tmp_path: Path) -> None:
        # Other tests of this platform may have left clips.
        before = running("export", "clips", str(tmp_path / "before.ndjson"), "--json").data["records"]
        (tmp_path / "before.ndjson").unlink()
        lines = [f"Clip {number},Lala,{number:064x}" for number in range(250)]
        file, copy = tmp_path / "clips.csv", tmp_path / "copy.ndjson"
        file.write_text("\n".join(["title,talent_source,file_hash", *lines, "Wrong,Nobody,", ""]))
        first = running("import", "clips", str(file), "--json")
        assert first.code == ExitCode.FAILED
        assert first.data["counts"] == {"created": 250, "updated": 0, "unchanged": 0, "skipped": 0, "refused": 1}
        report = [json.loads(line) for line in (tmp_path / "clips.csv.report.ndjson").read_text().splitlines()]
        (refused,) = [line for line in report if line.get("status") == "refused"]
        assert (refused["line"], [error["field"] for error in refused["errors"]]) == (252, ["talent_source"])
        # Sent again it sends nothing, and tells the same.
        again = running("import", "clips", str(file), "--json")
        assert (again.data["counts"], again.data["parts_done_before"]) == (first.data["counts"], 2)
        exported = running("export", "clips", str(copy), "--json")
        assert (exported.code, exported.data["records"]) == (ExitCode.OK, before + 250)
        assert sorted(path.name for path in tmp_path.iterdir()) == [
            "clips.csv",
            "clips.csv.report.ndjson",
            "copy.ndjson",
        ]
        unchanged = running("import", "clips", str(copy), "--json")
        assert (unchanged.code, unchanged.data["counts"]["unchanged"]) == (ExitCode.OK, before + 250)

    def test_an_interrupted_export_goes_on(self, running: "Command", tmp_path: Path) -> None:
        whole, rest = tmp_path / "whole.csv", tmp_path / "rest.csv"
        assert running("export", "episodes", str(whole)).code == ExitCode.OK
        (tmp_path / "rest.csv.part").write_bytes(b"# begun\n# lost")
        (tmp_path / "rest.csv.next").write_text('{"next": "/api/v1/episodes/export?format=csv", "bytes": 8}')
        answer = running("export", "episodes", str(rest), "--json")
        assert (answer.code, answer.data["resumed"]) == (ExitCode.OK, True)
        assert rest.read_bytes() == b"# begun\n" + whole.read_bytes()

    def test_what_is_no_file_of_records_is_refused(self, running: "Command", tmp_path: Path) -> None:
        for path, said in ((tmp_path / "a.txt", "must end in .csv or .ndjson"), (tmp_path / "a.csv", "cannot be read")):
            answer = running("import", "episodes", str(path))
            assert (answer.code, said in answer.err) == (ExitCode.USAGE, True)
        (tmp_path / "b.csv").write_text("colour\nred\n")
        answer = running("import", "episodes", str(tmp_path / "b.csv"))
        assert answer.code == ExitCode.FAILED
        assert "The first line must contain column names" in answer.err


class TestLogs:
    def test_every_process_has_one(self, running: "Command") -> None:
        # In this order: a schedule may start another process at any time, and a log stays when its process ends.
        processes = {process["name"] for process in running("status", "--json").data["processes"]}
        logs = {log["process"] for log in running("logs", "--list", "--json").data["logs"]}
        assert processes <= logs

    def test_unknown_process_is_refused(self, running: "Command") -> None:
        answer = running("logs", "nobody")
        assert answer.code == ExitCode.USAGE
        assert "'nobody'" in answer.err
        assert "postgres" in answer.err


class TestSecondEnvironment:
    def test_its_port_is_taken_by_the_first(self, running: "Command") -> None:
        port = running("outputs", "--json").data["api_url"].rpartition(":")[2]
        answer = running("up", "--environment", "staging", "--port", port)
        assert answer.code == ExitCode.FAILED
        assert port in answer.err
        assert "platform up --environment staging --port 0" in answer.err


def shows(command: "Command") -> int:
    """How many shows there are, up to a page of them."""
    api = command("outputs", "--json").data["api_url"]
    token = command("token", "--role", "viewer", "--json").data["token"]
    answer = httpx.get(f"{api}/api/v1/shows", headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    return len(json.loads(answer.content)["data"])
