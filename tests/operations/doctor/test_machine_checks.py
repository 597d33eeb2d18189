"""What the doctor says of a machine and a checkout: each thing as it should be, and each as it must not be."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from operations.doctor import machine_checks
from operations.doctor.machine_checks import MIN_FREE_BYTES, RECOMMENDED_FREE_BYTES
from operations.project import checkout

if TYPE_CHECKING:
    from tests.operations.conftest import Command

needs_another_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A checkout whose virtual environment was made after its locks; it is not the one that runs the tests."""
    (tmp_path / "locks").mkdir()
    for file in ("locks/bootstrap.txt", "locks/development.txt", "pyproject.toml"):
        (tmp_path / file).write_text("")
        os.utime(tmp_path / file, (1_000, 1_000))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".complete").touch()
    return tmp_path


class TestPython:
    def test_this_one_is_new_enough(self) -> None:
        assert machine_checks.python(sys.version_info[:3]).state == "ok"

    def test_old_one_is_a_problem(self) -> None:
        check = machine_checks.python((3, 10, 14))
        assert check.state == "problem"
        assert "3.10.14" in check.detail
        assert "3.11" in check.fix


class TestVirtualEnvironment:
    def test_its_own_is_fine(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
        assert machine_checks.virtual_environment(root).state == "ok"

    def test_interrupted_setup(self, root: Path) -> None:
        (root / ".venv" / ".complete").unlink()
        check = machine_checks.virtual_environment(root)
        assert (check.state, check.fix) == ("problem", "make setup")

    def test_locks_that_changed_since(self, root: Path) -> None:
        os.utime(root / ".venv" / ".complete", (500, 500))
        check = machine_checks.virtual_environment(root)
        assert (check.state, check.fix) == ("warning", "make setup")
        assert "locks/development.txt" in check.detail

    def test_command_of_another_one(self, root: Path) -> None:
        check = machine_checks.virtual_environment(root)
        assert check.state == "warning"
        assert sys.prefix in check.detail
        assert check.fix.endswith("platform")


class TestPackages:
    def test_the_project_s_own_are_as_locked(self) -> None:
        check = machine_checks.packages(checkout.ROOT / "locks" / "development.txt")
        assert check.state == "ok", check.detail

    def test_missing_and_other_versions_are_named(self, tmp_path: Path) -> None:
        lock = tmp_path / "lock.txt"
        lock.write_text(
            "httpx==0.0.1 \\\n    --hash=sha256:00\n    # via x\nno-such-thing==1.0 \\\n"
            "not-for-us==2 ; sys_platform == 'win32' \\\n"
        )
        check = machine_checks.packages(lock)
        assert (check.state, check.fix) == ("problem", "make setup")
        assert "instead of 0.0.1" in check.detail
        assert "no-such-thing is missing" in check.detail
        assert "not-for-us" not in check.detail

    def test_lock_that_is_gone(self, tmp_path: Path) -> None:
        assert machine_checks.packages(tmp_path / "lock.txt").state == "problem"


class TestPrograms:
    def test_both_run_here(self) -> None:
        assert machine_checks.psycopg().state == "ok"
        check = machine_checks.postgres_programs()
        assert (check.state, "PostgreSQL" in check.detail) == ("ok", True)

    def test_driver_without_its_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg.pq", None)
        check = machine_checks.psycopg()
        assert (check.state, check.fix) == ("problem", "make setup")

    def test_driver_in_pure_python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("psycopg.pq.__impl__", "python")
        assert machine_checks.psycopg().state == "warning"

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            ("#!/bin/sh\necho 'cannot load libz' >&2\nexit 127\n", "status 127: cannot load libz"),
            ("\x7fELF for another machine", "does not run on this machine"),
            (None, "does not run on this machine"),
        ],
    )
    def test_server_that_does_not_run(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, said: str
    ) -> None:
        if content:
            (tmp_path / "postgres").write_text(content)
            (tmp_path / "postgres").chmod(0o755)
        monkeypatch.setattr("local.compute.rds.postgres.binaries", lambda: tmp_path)
        check = machine_checks.postgres_programs()
        assert (check.state, check.fix) == ("problem", "make setup")
        assert said in check.detail

    def test_server_that_is_not_installed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        assert "not installed" in machine_checks.postgres_programs().detail


class TestUser:
    def test_ordinary_one_is_fine(self) -> None:
        assert machine_checks.unprivileged(1000).state == "ok"

    def test_root_without_unshare(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
        check = machine_checks.unprivileged(0)
        assert (check.state, check.fix) == ("problem", "run as an ordinary user")
        assert "`unshare` was not found" in check.detail

    def test_root_without_user_namespaces(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        refusing = tmp_path / "unshare"
        refusing.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
        refusing.chmod(0o755)
        monkeypatch.setattr("shutil.which", lambda *_, **__: str(refusing))
        check = machine_checks.unprivileged(0)
        assert check.state == "problem"
        assert "Operation not permitted" in check.detail


class TestStateDirectory:
    def test_one_that_is_still_to_be_made(self, tmp_path: Path) -> None:
        assert machine_checks.state_directory(tmp_path / "a" / "b").state == "ok"
        assert list(tmp_path.iterdir()) == []

    def test_one_that_cannot_be_written(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def refuse(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.TemporaryFile", refuse)
        check = machine_checks.state_directory(tmp_path)
        assert check.state == "problem"
        assert "Permission denied" in check.detail
        assert checkout.STATE_DIRECTORY_VARIABLE in check.fix

    @needs_another_user
    def test_one_without_the_permission(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        assert machine_checks.state_directory(tmp_path / "state").state == "problem"
        tmp_path.chmod(0o700)


class TestDisk:
    @pytest.mark.parametrize(
        ("free", "state"),
        [
            (MIN_FREE_BYTES - 1, "problem"),
            (MIN_FREE_BYTES, "warning"),
            (RECOMMENDED_FREE_BYTES - 1, "warning"),
            (RECOMMENDED_FREE_BYTES, "ok"),
        ],
    )
    def test_room_that_is_left(self, tmp_path: Path, free: int, state: str) -> None:
        assert machine_checks.disk(tmp_path, free).state == state

    def test_the_system_is_asked(self, tmp_path: Path) -> None:
        assert machine_checks.disk(tmp_path / "not" / "there").detail.endswith("GB free")


class TestSettings:
    def test_every_environment_is_looked_at(self) -> None:
        assert {check.name: check.state for check in machine_checks.settings()} == {
            "settings dev": "ok",
            "settings production": "ok",
            "settings staging": "ok",
        }

    def test_wrong_field_is_named(self, copied: "Command") -> None:
        assert copied.copy is not None
        file = copied.copy / "Pulumi.staging.yaml"
        file.write_text(file.read_text().replace("visibility_seconds: ", "visibility_seconds: -"))
        answer = copied("doctor", "--port", "0", "--json")
        assert answer.code == 1
        checks = {check["name"]: check for check in answer.data["checks"]}
        assert checks["settings dev"]["state"] == "ok"
        assert checks["settings staging"]["state"] == "problem"
        assert "settings.queue.visibility_seconds" in checks["settings staging"]["detail"]
        assert "Pulumi.staging.yaml" in checks["settings staging"]["fix"]

    def test_no_environment_at_all(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(checkout, "ROOT", tmp_path)
        assert [check.state for check in machine_checks.settings()] == ["problem"]
