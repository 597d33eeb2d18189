"""The verbs that look after a platform, on one that runs: doctor, journeys, seed and queue."""

import json
import signal
import socket
import time
from typing import TYPE_CHECKING, Any, ClassVar

import httpx
import pytest

from operations.client.platform_api import PlatformApi
from operations.journeys.catalogue_journey import CatalogueJourney
from operations.journeys.expected_activity import token_subject
from operations.state.files import EnvironmentState
from operations.terminal.exit_codes import ExitCode
from runtime.roles import Role
from tests.operations.tampering import Change, data, status, tampered

if TYPE_CHECKING:
    from tests.operations.conftest import Command, RunningPlatform

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def running(dev_platform: "RunningPlatform") -> "Command":
    """The command, for a platform that is up."""
    return dev_platform.command


@pytest.fixture(scope="module")
def tokens(running: "Command") -> dict[str, str]:
    """A token for each role, as environment variables."""
    return {f"PLATFORM_TOKEN_{role.upper()}": running("token", "--role", role).out.strip() for role in Role}


def state_of(command: "Command") -> EnvironmentState:
    state = command.files().read()
    assert state is not None
    assert state.endpoints is not None
    return state


def address(command: "Command") -> str:
    return str(state_of(command).outputs["api_url"])


class TestDoctor:
    @pytest.mark.requirement("P2-42")
    def test_every_part_and_every_resource_answers(self, running: "Command") -> None:
        answer = running("doctor", "--json")
        assert [check for check in answer.data["checks"] if check["state"] == "problem"] == []
        assert answer.code == ExitCode.OK
        names = {check["name"] for check in answer.data["checks"]}
        assert {"process postgres", "process emulator", "process object-gate", "api", "clock"} <= names
        assert {"aws", "object store", "user_pool_id", "vpc_id", "database_endpoint"} <= names
        endings = ("_bucket", "_queue_url", "_secret_arn")
        assert {name for name in state_of(running).outputs if name.endswith(endings)} <= names

    @pytest.mark.requirement("ROAD-12")
    def test_as_from_elsewhere(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("doctor", "--base-url", address(running), "--json", **tokens)
        assert answer.code == ExitCode.OK
        assert {check["state"] for check in answer.data["checks"]} == {"ok"}


class TestJourney:
    @pytest.mark.requirement("ROAD-12")
    def test_with_tokens_that_were_given(self, running: "Command", tokens: dict[str, str]) -> None:
        own_result = running.files().journey / "result.json"
        before = own_result.read_text()
        answer = running("journey", "--base-url", address(running), "--json", **tokens)
        assert answer.code == ExitCode.OK
        assert answer.data["ok"] is True
        folder = running.state_root / "remote" / address(running).removeprefix("http://").replace(":", "-")
        assert {file.name for file in folder.iterdir()} == {"result.json", "primary.jpg", "medium.jpg", "small.jpg"}
        # The local platform's own last journey is another thing.
        assert own_result.read_text() == before

    def test_token_that_is_not_accepted(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("journey", "--base-url", address(running), "--token-admin", "x", "--json", **tokens)
        assert answer.code == ExitCode.FAILED
        assert answer.data["steps"][-1]["name"] == "create show"
        assert "returned status 401" in answer.data["steps"][-1]["detail"]


EPISODE = "/api/v1/episodes/[-0-9a-f]{36}"
CLIP = "/api/v1/clips/[-0-9a-f]{36}"


class TestCatalogueJourney:
    @pytest.mark.requirement("ROAD-89", "ROAD-137")
    def test_it_ends_with_the_log_of_all_that_was_done(self, running: "Command") -> None:
        last_photograph = (running.files().journey / "result.json").read_text()
        answer = running("journey", "catalogue", "--json")
        assert answer.code == ExitCode.OK
        assert answer.data["ok"] is True
        last = answer.data["steps"][-1]
        assert last["name"] == "audit trail"
        assert last["detail"] == "38 entries on 18 resources, in order, each with the right user"
        assert (running.files().journey / "result.json").read_text() == last_photograph

    @pytest.mark.parametrize(
        ("tampering", "step", "said"),
        [
            ((f"GET {EPISODE}", data(lambda one: one | {"script_text": ""})), "write scripts", "episode's script"),
            ((f"GET {EPISODE}/script-versions", data(lambda found: found[:1])), "write scripts", "script's history"),
            ((f"GET {EPISODE}/outfits", data(lambda found: found[1:])), "link outfits", "the episode's links"),
            (("GET /api/v1/ui-elements/.*", data(lambda one: one | {"usage_count": 2})), "link overlays", "[2, 2]"),
            ((f"GET {CLIP}/duplicates", data(lambda _: [])), "create duplicate", "the duplicates of clip"),
            ((f"GET {EPISODE}/clips", data(lambda _: [])), "assign clip", "the episode's clips"),
            ((f"GET {CLIP}", data(lambda clip: clip | {"quality": "hero"})), "rate clip", "['hero', 'hero']"),
            ((f"POST {EPISODE}/metadata", status(201)), "machine adds metadata", "201 instead of 403"),
            ((f"GET {EPISODE}/metadata", data(lambda _: [])), "machine adds metadata", "the editor reads []"),
            (
                (f"GET {EPISODE}/metadata", data(lambda found: [one | {"tags": ["autumn"]} for one in found])),
                "machine adds metadata",
                "'tags': ['autumn']",
            ),
            ((f"POST {EPISODE}/publish", status(200)), "reject early publishing", "200 instead of 409"),
            ((f"DELETE {EPISODE}", status(200)), "reject viewer", "200 instead of 403"),
            (("DELETE /api/v1/outfits/.*", status(404)), "delete outfit", "404 instead of 403"),
            (
                ("POST /api/v1/episodes/import", data(lambda report: {"lines": report["lines"][::2] * 2})),
                "import",
                "'created', 'created', 'created'",
            ),
            (("GET /api/v1/episodes/export", lambda code, file: (code, file[:200])), "export", "the exported file"),
            (
                ("GET /api/v1/activity-logs", data(lambda found: [one | {"user_id": "somebody"} for one in found])),
                "audit trail",
                "entry 1 of the log is create show",
            ),
            (
                ("GET /api/v1/activity-logs", data(lambda found: found * 2)),
                "audit trail",
                "entry 2 of the log is create",
            ),
            (("GET /api/v1/activity-logs", data(lambda _: [])), "audit trail", "has 0 entries instead of 38"),
        ],
    )
    def test_an_answer_that_is_not_so_fails_its_step(
        self, running: "Command", tokens: dict[str, str], tampering: tuple[str, Change], step: str, said: str
    ) -> None:
        with tampered(address(running), *tampering) as proxy, PlatformApi(proxy) as api:
            result = CatalogueJourney(api, lambda role: tokens[f"PLATFORM_TOKEN_{role.upper()}"]).run(lambda _: None)
        assert not result.ok
        assert result.steps[-1].name == step
        assert said in result.steps[-1].detail

    def test_what_a_machine_found_is_nobody_else_s(self, running: "Command", tokens: dict[str, str]) -> None:
        editor = token_subject(tokens["PLATFORM_TOKEN_EDITOR"])
        claimed = data(lambda one: one | {"created_by": editor})
        with tampered(address(running), f"POST {EPISODE}/metadata", claimed) as proxy:
            answer = running("journey", "catalogue", "--base-url", proxy, "--json", **tokens)
        assert answer.code == ExitCode.FAILED
        failed = answer.data["steps"][-1]
        assert (failed["name"], f"is {editor}, a person" in failed["detail"]) == ("machine adds metadata", True)


@pytest.mark.requirement("ROAD-13", "P1-10")
class TestSeed:
    """In this order: on an empty catalogue first."""

    SIZES: ClassVar = {
        "show": 2, "outfit": 24, "ui_element": 8, "background": 8, "component": 6, "guest": 6, "clip": 72, "episode": 14,
        "script": 18, "link": 98, "assignment": 42, "picture": 14,
    }  # fmt: skip

    def test_what_an_interruption_left_undone_is_done_by_the_next_run(
        self, running: "Command", tokens: dict[str, str]
    ) -> None:
        with running.start("seed", "--json") as process:
            while not listed(running, "outfits?tag=seed", tokens):
                assert process.poll() is None
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == ExitCode.INTERRUPTED
        begun = {kind: len(listed(running, f"{kind}s?tag=seed", tokens)) for kind in ("outfit", "clip")}
        assert begun["clip"] < 72
        answer = running("seed", "--json")
        assert answer.code == ExitCode.OK, answer
        kinds = answer.data["kinds"]
        assert {kind: counts["made"] + counts["found"] for kind, counts in kinds.items()} == self.SIZES
        assert {kind: kinds[kind]["found"] for kind in begun} == begun
        assert len(listed(running, "outfits?tag=seed", tokens)) == 24

    def test_every_episode_has_a_picture_of_its_own(self, running: "Command", tokens: dict[str, str]) -> None:
        episodes = listed(running, "episodes?tag=seed", tokens)
        assert len(episodes) == 14
        thumbnails = [listed(running, f"episodes/{episode['episode_id']}/thumbnails", tokens) for episode in episodes]
        assert {tuple(one["width"] for one in made) for made in thumbnails} == {(1280, 640, 320)}
        assert len({httpx.get(made[-1]["url"], trust_env=False).content for made in thumbnails}) == 14

    def test_a_second_run_makes_nothing(self, running: "Command") -> None:
        answer = running("seed", "--json")
        assert answer.code == ExitCode.OK
        assert answer.data["set"] == "dev"
        assert {kind: counts["found"] for kind, counts in answer.data["kinds"].items()} == self.SIZES
        assert all(counts["made"] == counts["changed"] == 0 for counts in answer.data["kinds"].values())

    def test_what_differs_is_changed_and_what_was_deleted_is_restored(
        self, running: "Command", tokens: dict[str, str]
    ) -> None:
        first, second = listed(running, "outfits?tag=seed", tokens)[:2]
        token = tokens["PLATFORM_TOKEN_ADMIN"]
        with PlatformApi(address(running)) as api:
            api.patch(f"/api/v1/outfits/{first['outfit_id']}", {"description": "Other"}, token=token)
            api.delete(f"/api/v1/outfits/{second['outfit_id']}", token=token)
        counts = running("seed", "--json").data["kinds"]["outfit"]
        assert counts == {"made": 0, "found": 22, "changed": 2}
        after = {one["outfit_id"]: one for one in listed(running, "outfits?tag=seed", tokens)}
        assert len(after) == 24
        assert after[first["outfit_id"]]["description"] == first["description"]
        assert after[second["outfit_id"]]["usage_count"] == second["usage_count"]

    def test_an_answer_that_it_cannot_go_on_with_stops_it(self, running: "Command", tokens: dict[str, str]) -> None:
        with tampered(address(running), "GET /api/v1/guests", status(500)) as proxy:
            answer = running("seed", "--base-url", proxy, "--json", **tokens)
        assert answer.code == ExitCode.FAILED
        assert (answer.data["ok"], answer.data["kinds"]["outfit"]["found"]) == (False, 24)
        assert "GET /api/v1/guests returned status 500 instead of 200" in answer.data["problem"]

    def test_a_platform_that_asks_to_wait_is_waited_for(self, running: "Command", tokens: dict[str, str]) -> None:
        refusals = iter([429, 503])
        with tampered(
            address(running), "GET /api/v1/shows", lambda code, content: (next(refusals, code), content)
        ) as proxy:
            answer = running("seed", "--base-url", proxy, "--json", **tokens)
        assert answer.code == ExitCode.OK
        assert answer.data["kinds"]["show"]["found"] == 2

    def test_a_number_of_episodes_to_measure_with(self, running: "Command") -> None:
        first, again = running("seed", "--scale", "300", "--json"), running("seed", "--scale", "300", "--json")
        assert (first.code, again.code) == (ExitCode.OK, ExitCode.OK)
        assert [answer.data["made"] for answer in (first, again)] == [300, 0]

    def test_another_environment_than_was_named_is_refused(self, running: "Command", tokens: dict[str, str]) -> None:
        answer = running("seed", "--environment", "staging", "--base-url", address(running), "--json", **tokens)
        assert answer.code == ExitCode.USAGE
        assert "belongs to environment 'development', not 'staging'" in answer.data["error"]["message"]


class TestQueue:
    @pytest.mark.requirement("P2-24", "P2-25")
    def test_dead_letter_goes_back_and_is_worked_on(self, running: "Command") -> None:
        state = state_of(running)
        dead = state.outputs["thumbnail_dead_letter_queue_url"]
        # What S3 sends to try a queue out, which the worker takes and has nothing to do for.
        event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": state.outputs["storage_bucket"]}
        state.account().client("sqs").send_message(QueueUrl=dead, MessageBody=json.dumps(event))
        assert figures(running)["dead_letters"]["visible"] == 1
        answer = running("queue", "--redrive", "--json")
        assert answer.code == ExitCode.OK
        assert answer.data["redrive"]["thumbnail"]["moved"] == 1
        while (work := figures(running)["work"])["visible"] + work["in_flight"]:
            time.sleep(0.1)
        seen = figures(running)["dead_letters"]
        assert (seen["visible"], seen["in_flight"]) == (0, 0)
        assert (work["receive_limit"], work["oldest_seconds"]) == (3, None)


class TestReset:
    def test_taken_port_is_refused_before_anything_is_wiped(self, running: "Command") -> None:
        before = state_of(running)
        with socket.create_server(("127.0.0.1", 0)) as other:
            answer = running("reset", "--port", str(other.getsockname()[1]), "--json")
        assert answer.code == ExitCode.FAILED
        assert "nothing was changed" in answer.data["error"]["message"]
        assert answer.data["error"]["next"] == "platform reset --port 0"
        assert state_of(running).pid == before.pid


def figures(command: "Command") -> Any:
    (one,) = command("queue", "--json").data["queues"]
    return one


def listed(command: "Command", path: str, tokens: dict[str, str]) -> Any:
    """The first hundred of a list."""
    headers = {"Authorization": f"Bearer {tokens['PLATFORM_TOKEN_VIEWER']}"}
    url = httpx.URL(f"{address(command)}/api/v1/{path}")
    if not path.endswith("/thumbnails"):
        url = url.copy_merge_params({"limit": "100"})
    return httpx.get(url, headers=headers, trust_env=False).json()["data"]
