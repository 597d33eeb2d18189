"""The container image as its Dockerfile describes it; no image is built here."""

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
    """Return every instruction with its arguments; continued lines are joined and comments removed."""
    lines = [line for line in (checkout.ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = [line.split(maxsplit=1) for line in joined.splitlines() if line.strip()]
    return [(name, " ".join(rest[0].split())) for name, *rest in found]


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, beginning with its FROM."""
    found: list[list[tuple[str, str]]] = []
    for name, arguments in instructions():
        if name == "FROM":
            found.append([])
        if found:
            found[-1].append((name, arguments))
    return found


def last(name: str) -> str:
    """Return the arguments of the last such instruction in the final stage."""
    return [arguments for found, arguments in stages()[-1] if found == name][-1]


def check_command() -> Any:
    return json.loads(last("HEALTHCHECK").partition(" CMD ")[2])


@pytest.mark.requirement("ROAD-59", "NOVA-59")
class TestDockerfile:
    def test_final_stage_copies_the_installed_packages(self) -> None:
        first, final = stages()
        assert first[0] == ("FROM", "${PYTHON_IMAGE} AS packages")
        assert final[0] == ("FROM", "${PYTHON_IMAGE}")
        assert ("COPY", "--from=packages /app /app") in final
        assert not [arguments for _, arguments in final if "pip" in arguments]

    def test_packages_are_installed_with_hashes_only(self) -> None:
        (installs,) = [arguments for name, arguments in stages()[0] if "pip install" in arguments]
        assert {"--require-hashes", "--no-deps", "--only-binary"} <= set(installs.split())

    def test_base_image_has_no_default(self) -> None:
        # The image behind a tag may change.
        assert [arguments for name, arguments in instructions() if name == "ARG"] == ["PYTHON_IMAGE"]

    def test_user_is_not_root(self) -> None:
        assert last("USER") == "1001:1001"
        order = [name for name, _ in stages()[-1]]
        assert "RUN" not in order[order.index("USER") :]

    def test_server_listens_on_port_3000_on_all_interfaces(self) -> None:
        assert last("EXPOSE") == "3000"
        assert {"HOST=0.0.0.0", "PORT=3000"} <= set(last("ENV").split())

    def test_image_supports_a_read_only_file_system(self) -> None:
        assert "PYTHONDONTWRITEBYTECODE=1" in last("ENV").split()
        assert "compileall" in " ".join(arguments for _, arguments in stages()[0])
        assert last("VOLUME") == "/tmp"

    def test_command_is_the_server(self) -> None:
        assert json.loads(last("CMD")) == ["python", "-m", "runtime"]

    def test_image_contains_no_secret(self) -> None:
        said = " ".join(arguments for name, arguments in instructions() if name in ("ENV", "ARG"))
        assert not re.search(r"secret|password|token|key", said, re.IGNORECASE)

    def test_copied_files_are_those_of_the_bundle(self) -> None:
        copied = [arguments.split()[0] for name, arguments in stages()[0] if name == "COPY"]
        assert copied == [
            CONTAINER.lock(checkout.ROOT).relative_to(checkout.ROOT).as_posix(),
            *CONTAINER.packages,
        ]


@pytest.mark.requirement("ROAD-59")
class TestHealthCheck:
    def test_intervals(self) -> None:
        times, _, _ = last("HEALTHCHECK").partition(" CMD ")
        assert times.split() == ["--interval=30s", "--timeout=3s", "--start-period=40s", "--retries=3"]

    @pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
    def test_check_requests_the_health_endpoint(self, status: int, healthy: bool) -> None:
        requested: list[str] = []

        class Handler(QuietHandler):
            def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
                requested.append(self.path)
                self.send_response(status)
                self.end_headers()

        with Listener(Handler) as server:
            done = self.check(server.server_port)
        assert (done.returncode == 0, requested) == (healthy, ["/health"])

    def test_refused_connection_is_unhealthy(self) -> None:
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
    def test_build_context_contains_only_copied_files(self) -> None:
        rules = [
            line for line in (checkout.ROOT / ".dockerignore").read_text().splitlines() if line[:1] not in ("", "#")
        ]
        assert rules[0] == "*"
        assert {rule[1:] for rule in rules if rule.startswith("!")} == {"locks/container.txt", "runtime"}

    @pytest.mark.parametrize(
        "left", ["runtime/__pycache__", "runtime/web/old.pyc", "runtime/.env", "runtime/web/.cache"]
    )
    def test_bytecode_and_hidden_files_are_not_sent(self, left: str) -> None:
        text = (checkout.ROOT / ".dockerignore").read_text()
        after = text[text.rindex("!") :].splitlines()[1:]
        assert [rule for rule in after if fnmatch(Path(left).name, rule.removeprefix("**/"))]

    def test_git_ignores_secrets_and_state(self) -> None:
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
