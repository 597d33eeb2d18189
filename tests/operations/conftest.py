"""Fixtures for the command as people run it, with its state in a temporary folder."""

import io
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psutil
import pytest

from operations.commands import app
from operations.project import checkout
from operations.state.files import Credentials, Endpoints, EnvironmentState, Resource, StateFiles
from operations.state.lock import ProcessIdentity
from tests.http_listener import Listener, QuietHandler

COMMAND = str(Path(sys.executable).with_name("platform"))
PROCESS_COMMANDS = {"up", "reset"}
START_SECONDS = 300
ROOMS = ("stacks", "components", "runtime", "lambda_src", "local", "operations", "assets", "locks")


@dataclass(frozen=True, kw_only=True)
class CommandResult:
    """The result of one run of the command."""

    code: int
    out: str
    err: str

    def checked(self) -> "CommandResult":
        """Check that there is no traceback, and return this result."""
        assert "Traceback" not in self.out + self.err
        return self

    @property
    def data(self) -> dict[str, Any]:
        """Return stdout as JSON; stderr must be empty."""
        assert self.err == ""
        parsed = json.loads(self.out)
        assert isinstance(parsed, dict)
        return parsed


@dataclass(frozen=True)
class Command:
    """Runs `platform` with a state directory of its own; with `copy`, that of a copy of the project."""

    state_root: Path
    copy: Path | None = None

    def __call__(self, *arguments: str, **variables: str) -> CommandResult:
        """Run the command in this process, which has its modules loaded: a separate process takes a second for that.

        Commands that start platforms, and those of a copy of the project, run in separate processes.
        """
        if self.copy or PROCESS_COMMANDS.intersection(arguments):
            return self.run_process(*arguments, **variables)
        out, err = io.TextIOWrapper(io.BytesIO(), "utf-8"), io.TextIOWrapper(io.BytesIO(), "utf-8")
        with (
            patch.dict(os.environ, self.environment(**variables), clear=True),
            patch.object(sys, "argv", [*self.argv, *arguments]),
            Path(os.devnull).open() as stdin,
            patch.multiple(sys, stdin=stdin, stdout=out, stderr=err),
            pytest.raises(SystemExit) as exit_info,
        ):
            app.main()
        out.seek(0)
        err.seek(0)
        return CommandResult(code=int(exit_info.value.code or 0), out=out.read(), err=err.read()).checked()

    def run_process(self, *arguments: str, **variables: str) -> CommandResult:
        """Run the command in a separate process."""
        done = subprocess.run(
            [*self.argv, *arguments],
            env=self.environment(**variables),
            cwd=self.copy,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )
        return CommandResult(code=done.returncode, out=done.stdout, err=done.stderr).checked()

    @contextmanager
    def start(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """Run the command in the background; it is killed if it still runs when the block ends."""
        with subprocess.Popen(
            [*self.argv, *arguments],
            env=self.environment(),
            cwd=self.copy,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    @property
    def argv(self) -> list[str]:
        return [sys.executable, "-m", "operations.commands.app"] if self.copy else [COMMAND]

    def environment(self, **variables: str) -> dict[str, str]:
        found = {checkout.STATE_DIRECTORY_VARIABLE: str(self.state_root)}
        if self.copy:
            found["PYTHONPATH"] = str(self.copy)
            # The bundles are shared: a copy has the same source unless a test changes it, and then other cache entries.
            found[checkout.BUNDLE_CACHE_VARIABLE] = str(checkout.bundle_cache())
        # The command line in messages depends on PATH.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        return os.environ | {"PATH": path} | found | variables

    def files(self, environment: str = "dev") -> StateFiles:
        return StateFiles(environment, self.state_root / environment)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path / "state")


class Api(Listener):
    """An HTTP server on loopback that responds to every GET with `status`."""

    status = 200

    class _Handler(QuietHandler):
        server: "Api"

        def do_GET(self) -> None:  # noqa: N802 - the name is the standard library's
            self.send_response(self.server.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def __init__(self) -> None:
        super().__init__(self._Handler)


@pytest.fixture
def api() -> Iterator[Api]:
    with Api() as server:
        yield server


@pytest.fixture
def copied(tmp_path: Path) -> Command:
    """Return the command of a copy of the project, whose files a test may change."""
    copy = tmp_path / "project"
    for room in ROOMS:
        shutil.copytree(checkout.ROOT / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    for file in checkout.ROOT.glob("Pulumi*.yaml"):
        shutil.copy(file, copy)
    return Command(tmp_path / "state", copy)


@dataclass(frozen=True)
class RunningPlatform:
    """A platform that is up, the command for it, and what its start printed."""

    command: Command
    up: CommandResult


@pytest.fixture(scope="session")
def dev_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningPlatform]:
    """The dev platform, for every test that neither changes nor stops it."""
    command = Command(tmp_path_factory.mktemp("dev-platform") / "state")
    up = command("up", "--port", "0", "--journey")
    try:
        assert up.code == 0, up.err
        yield RunningPlatform(command, up)
    finally:
        pids = [process["pid"] for process in command("status", "--json").data["processes"]]
        assert command("down", "--json").code == 0
        assert not [
            pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
        ]
        assert [path.name for path in command.files().directory.iterdir()] == ["logs"]


@pytest.fixture(scope="module")
def platform_command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Return the command for a platform that all tests of a module share."""
    return Command(tmp_path_factory.mktemp("platform") / "state")


@pytest.fixture
def files(command: Command) -> StateFiles:
    """Return the state files of `dev`; their folder exists."""
    made = command.files()
    made.logs.mkdir(parents=True)
    return made


@pytest.fixture
def sleeper() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Return a function that starts sleeping processes, which may run a program first; all are killed afterwards."""
    made: list[subprocess.Popen[bytes]] = []

    def make(program: str = "", *, collected: bool = True, **options: Any) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-c", f"{program}\nimport time\ntime.sleep(600)"]
        process = subprocess.Popen(argv, start_new_session=True, **options)
        made.append(process)
        if collected:
            # Reap the process when it ends, as init does for orphans; otherwise it would remain a zombie.
            threading.Thread(target=process.wait, daemon=True).start()
        return process

    yield make
    for process in made:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


@pytest.fixture
def held_by() -> Callable[..., EnvironmentState]:
    """Return a function that creates a state with the given host process and unreachable endpoints by default."""

    def make(process: ProcessIdentity, *, api: str = "http://127.0.0.1:9", **changes: Any) -> EnvironmentState:
        return EnvironmentState(
            **{
                "state": "running",
                "environment": "dev",
                "release": "0.1.0",
                "pid": process.pid,
                "process_started_at": process.started_at,
                "started_at": "2026-11-21T10:00:00.000+00:00",
                "endpoints": Endpoints(api=api, docs=f"{api}/docs", aws="http://127.0.0.1:9", s3="http://127.0.0.1:9"),
                "credentials": Credentials(region="us-east-1", access_key_id="ASIATEST", secret_access_key="secret"),
                "outputs": {"api_url": api, "user_pool_id": "us-east-1_x", "user_pool_client_id": "client"},
                "resources": (
                    Resource(
                        urn="urn:network",
                        type="t:Network",
                        name="network",
                        parent="",
                        id="",
                        state="recorded-only",
                        reason="the emulator has no networks",
                    ),
                    Resource(
                        urn="urn:vpc",
                        type="aws:ec2/vpc:Vpc",
                        name="vpc",
                        parent="urn:network",
                        id="vpc-1",
                        state="applied",
                    ),
                ),
                **changes,
            }
        )

    return make
