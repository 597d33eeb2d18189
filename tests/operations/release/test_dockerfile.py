"""The image of the container host, as far as its file says it; no container is built here."""

import json
import os
import re
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest

from operations.project import checkout
from operations.release.bundles import BUNDLES
from tests.http_listener import Listener, QuietHandler

(CONTAINER,) = (bundle for bundle in BUNDLES if bundle.handler is None)


def instructions() -> list[tuple[str, str]]:
    """Every instruction and its arguments, continued lines joined, comments left out."""
    lines = [line for line in (checkout.ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, " ".join(rest[0].split())) for name, *rest in found]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each stage, from its FROM on."""
    found: list[list[tuple[str, str]]] = []
    for name, arguments in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, arguments))
    return found


def last(name: str) -> str:
    """What the final stage says last of something."""
    return [arguments for found, arguments in stages()[-1] if found == name][-1]


def check_command() -> Any:
    return json.loads(last("HEALTHCHECK").partition(" CMD ")[2])


@pytest.mark.requirement("ROAD-59", "NOVA-59")
class TestDockerfile:
    def test_the_image_has_what_an_earlier_stage_installed(self) -> None:
        first, final = stages()
        assert first[0] == ("FROM", "${PYTHON_IMAGE} AS packages")
        assert final[0] == ("FROM", "${PYTHON_IMAGE}")
        assert ("COPY", "--from=packages /app /app") in final
        assert not [arguments for _, arguments in final if "pip" in arguments]

    def test_nothing_is_installed_without_its_hash(self) -> None:
        (installs,) = [arguments for name, arguments in stages()[0] if "pip install" in arguments]
        assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(installs.split())

    def test_base_has_no_default(self) -> None:
        # A tag would be another image tomorrow.
        assert [arguments for name, arguments in instructions() if name == "ARG"] == ["PYTHON_IMAGE"]

    def test_it_is_not_root(self) -> None:
        assert last("USER") == "1001:1001"
        order = [name for name, _ in stages()[-1]]
        assert "RUN" not in order[order.index("USER") :]

    def test_it_listens_on_3000_for_everyone(self) -> None:
        assert last("EXPOSE") == "3000"
        assert {"HOST=0.0.0.0", "PORT=3000"} <= set(last("ENV").split())

    def test_file_system_may_be_read_only(self) -> None:
        assert "PYTHONDONTWRITEBYTECODE=1" in last("ENV").split()
        assert "compileall" in " ".join(arguments for _, arguments in stages()[0])
        assert last("VOLUME") == "/tmp"

    def test_command_is_the_server(self) -> None:
        assert json.loads(last("CMD")) == ["python", "-m", "runtime"]

    def test_no_secret_is_built_in(self) -> None:
        said = " ".join(arguments for name, arguments in instructions() if name in ("ENV", "ARG"))
        assert not re.search(r"secret|password|token|key", said, re.IGNORECASE)

    def test_it_has_the_packages_of_its_bundle(self) -> None:
        copied = [arguments.split()[0] for name, arguments in stages()[0] if name == "COPY"]
        assert copied == [
            CONTAINER.lock(checkout.ROOT).relative_to(checkout.ROOT).as_posix(),
            *CONTAINER.packages,
        ]


@pytest.mark.requirement("ROAD-59")
class TestHealthCheck:
    def test_times(self) -> None:
        times, _, _ = last("HEALTHCHECK").partition(" CMD ")
        assert times.split() == ["--interval=30s", "--timeout=3s", "--start-period=40s", "--retries=3"]

    @pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
    def test_it_asks_for_health(self, status: int, healthy: bool) -> None:
        asked: list[str] = []

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
                asked.append(self.path)
                self.send_response(status)
                self.end_headers()

        with Listener(Handler) as server:
            done = self.check(server.server_port)
        assert (done.returncode == 0, asked) == (healthy, ["/health"])

    def test_nobody_there_is_unhealthy(self) -> None:
        assert self.check(9).returncode != 0

    def check(self, port: int) -> "subprocess.CompletedProcess[str]":
        program, *arguments = check_command()
        assert program == "python"
        environment = {"PATH": os.defpath, "PORT": str(port)}
        return subprocess.run(
            [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=60
        )


@pytest.mark.requirement("ROAD-60")
class TestIgnored:
    def test_nothing_is_sent_to_the_builder_but_what_is_copied(self) -> None:
        rules = [
            line for line in (checkout.ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
        ]
        assert rules[0] == "*"
        assert {rule[1:] for rule in rules if rule.startswith("!")} == {"locks/container.txt", "runtime"}

    @pytest.mark.parametrize(
        "left", ["runtime/__pycache__", "runtime/web/old.pyc", "runtime/.env", "runtime/web/.cache"]
    )
    def test_what_was_left_behind_is_not_sent(self, left: str) -> None:
        text = (checkout.ROOT / ".dockerignore").read_text()
        after = text[text.rindex("!") :].splitlines()[1:]
        assert [rule for rule in after if fnmatch(Path(left).name, rule.removeprefix("**/"))]

    def test_secrets_and_state_are_not_kept_by_git_either(self) -> None:
        ignored = subprocess.run(
            [
                "git",
                "check-ignore",
                ".env",
                "runtime/.env",
                ".platform/dev/state.json",
                ".cache/bundles",
                "dist/bundles",
            ],
            cwd=checkout.ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert len(ignored.stdout.splitlines()) == 5
