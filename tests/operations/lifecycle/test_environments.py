"""Staging and production, whole and side by side on this machine, through the command alone."""

import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from local.provider import provider
from operations.terminal.exit_codes import ExitCode
from tests.operations.conftest import Command

pytestmark = [pytest.mark.platform, pytest.mark.timeout(600)]

ENVIRONMENTS = ("staging", "production")
LISTED = tomllib.loads((Path(provider.__file__).parent / "recorded_only.toml").read_text())


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """The command, with both environments up at the same time."""
    command = Command(tmp_path_factory.mktemp("environments") / "state")
    try:
        with ThreadPoolExecutor(len(ENVIRONMENTS)) as at_once:
            answers = list(
                at_once.map(lambda name: command("up", "--environment", name, "--port", "0", "--json"), ENVIRONMENTS)
            )
        assert [answer.code for answer in answers] == [ExitCode.OK] * len(ENVIRONMENTS), answers
        yield command
    finally:
        for name in ENVIRONMENTS:
            command("down", "--environment", name)


@pytest.fixture(params=ENVIRONMENTS)
def environment(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def status(both: Command, environment: str) -> dict[str, Any]:
    answer = both("status", "--environment", environment, "--resources", "--json")
    assert answer.code == ExitCode.OK, answer
    return answer.data


@pytest.fixture
def outputs(both: Command, environment: str) -> dict[str, Any]:
    return both("outputs", "--environment", environment, "--json").data


class TestUp:
    @pytest.mark.requirement("ROAD-03", "C-24", "C-26", "ROAD-135")
    def test_containers_answer_as_many_as_are_asked_for(self, status: dict[str, Any], environment: str) -> None:
        running = [each["name"] for each in status["processes"] if each["state"] == "running"]
        tasks = [name for name in running if name.startswith("container-")]
        assert len(tasks) == {"staging": 1, "production": 2}[environment]
        assert {"postgres", "opensearch", "object-gate", "emulator"} <= set(running)

    def test_only_what_is_listed_is_recorded_only(self, status: dict[str, Any]) -> None:
        items = status["resources"]["items"]
        recorded = {each["type"]: each["reason"] for each in items if each["state"] == "recorded-only"}
        assert recorded.keys() <= set(LISTED["types"])
        assert all(recorded.values())
        assert status["resources"]["applied"] > 200

    @pytest.mark.requirement("P2-03")
    def test_search_engine_is_the_engine(self, outputs: dict[str, Any]) -> None:
        answer = httpx.get(f"http://{outputs['search_endpoint']}", trust_env=False).json()
        assert answer["version"]["number"].startswith("3.5.")

    def test_addresses_lead_to_this_machine(self, outputs: dict[str, Any]) -> None:
        for name in ("api_url", "cdn_url"):
            assert outputs[name].startswith("http://127.0.0.1:"), name
        assert httpx.get(f"{outputs['api_url']}/health", trust_env=False).status_code == httpx.codes.OK


class TestJourney:
    @pytest.mark.requirement("ROAD-01", "ROAD-16")
    def test_a_photograph_goes_through_and_is_delivered(
        self, both: Command, environment: str, outputs: dict[str, Any]
    ) -> None:
        answer = both("journey", "--environment", environment, "--json")
        assert answer.code == ExitCode.OK, answer
        assert answer.data["ok"]
        assert [each["width"] for each in answer.data["thumbnails"]] == [1280, 640, 320]
        for each in answer.data["thumbnails"]:
            _, _, key = urlsplit(each["url"]).path.split("/", 2)
            delivered = httpx.get(f"{outputs['cdn_url']}/{key}", trust_env=False)
            assert (delivered.status_code, len(delivered.content)) == (httpx.codes.OK, each["bytes"])
            assert delivered.headers["cache-control"] == "public, max-age=31536000, immutable"

    @pytest.mark.requirement("NOVA-42", "C-46")
    def test_nothing_but_pictures_is_delivered(self, outputs: dict[str, Any]) -> None:
        for path in ("raw/x", "uploads/x", "", "documents/x"):
            refused = httpx.get(f"{outputs['cdn_url']}/{path}", trust_env=False)
            assert refused.status_code == httpx.codes.FORBIDDEN, path


class TestSeed:
    @pytest.mark.requirement("ROAD-14")
    def test_staging_gets_the_larger_set(self, both: Command) -> None:
        answer = both("seed", "--environment", "staging", "--json")
        assert answer.code == ExitCode.OK, answer
        made = {kind: counts["made"] for kind, counts in answer.data["kinds"].items()}
        wanted = {"show": 4, "episode": 40, "clip": 200, "outfit": 60, "picture": 40}
        assert {kind: made[kind] for kind in wanted} == wanted

    def test_production_is_refused_wherever_it_answers(self, both: Command) -> None:
        answer = both("seed", "--environment", "production", "--json")
        assert answer.code == ExitCode.USAGE
        assert "production_promises" in answer.data["error"]["message"]
        address = both("outputs", "--environment", "production", "--json").data["api_url"]
        tokens = {f"PLATFORM_TOKEN_{role}": "x" for role in ("ADMIN", "EDITOR", "VIEWER")}
        refused = both("seed", "--environment", "staging", "--base-url", address, "--json", **tokens)
        assert refused.code == ExitCode.USAGE
        assert "belongs to environment 'production', not 'staging'" in refused.data["error"]["message"]
