"""Checks of the machine and the checkout, each passed and failed."""

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

needs_unprivileged_user = pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a checkout whose virtual environment is newer than its locks, and is not the one that runs the tests."""
    (tmp_path / "locks").mkdir()
    for file in ("locks/bootstrap.txt", "locks/development.txt", "pyproject.toml"):
        (tmp_path / file).write_text("")
        os.utime(tmp_path / file, (1_000, 1_000))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".complete").touch()
    return tmp_path


class TestPython:
    def test_current_version_is_ok(self) -> None:
        assert machine_checks.check_python(sys.version_info[:3]).state == "ok"

    def test_old_version_is_a_problem(self) -> None:
        check = machine_checks.check_python((3, 10, 14))
        assert check.state == "problem"
        assert "3.10.14" in check.detail
        assert "3.11" in check.fix


class TestVirtualEnvironment:
    def test_own_environment_is_ok(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "prefix", str(root / ".venv"))
        assert machine_checks.check_virtual_environment(root).state == "ok"

    def test_interrupted_setup_is_a_problem(self, root: Path) -> None:
        (root / ".venv" / ".complete").unlink()
        check = machine_checks.check_virtual_environment(root)
        assert (check.state, check.fix) == ("problem", "make setup")

    def test_changed_locks_are_a_warning(self, root: Path) -> None:
        os.utime(root / ".venv" / ".complete", (500, 500))
        check = machine_checks.check_virtual_environment(root)
        assert (check.state, check.fix) == ("warning", "make setup")
        assert "locks/development.txt" in check.detail

    def test_command_of_another_environment_is_a_warning(self, root: Path) -> None:
        check = machine_checks.check_virtual_environment(root)
        assert check.state == "warning"
        assert sys.prefix in check.detail
        assert check.fix.endswith("platform")


class TestPackages:
    def test_installed_packages_are_those_of_the_lock(self) -> None:
        check = machine_checks.check_packages(checkout.ROOT / "locks" / "development.txt")
        assert check.state == "ok", check.detail

    def test_missing_and_wrong_versions_are_named(self, tmp_path: Path) -> None:
        lock = tmp_path / "lock.txt"
        lock.write_text(
            "httpx==0.0.1 \\\n    --hash=sha256:00\n    # via x\nno-such-thing==1.0 \\\n"
            "not-for-us==2 ; sys_platform == 'win32' \\\n"
        )
        check = machine_checks.check_packages(lock)
        assert (check.state, check.fix) == ("problem", "make setup")
        assert "instead of 0.0.1" in check.detail
        assert "no-such-thing is missing" in check.detail
        assert "not-for-us" not in check.detail

    def test_missing_lock_is_a_problem(self, tmp_path: Path) -> None:
        assert machine_checks.check_packages(tmp_path / "lock.txt").state == "problem"


class TestPrograms:
    def test_both_are_ok_on_this_machine(self) -> None:
        assert machine_checks.check_psycopg().state == "ok"
        check = machine_checks.check_postgres()
        assert (check.state, "PostgreSQL" in check.detail) == ("ok", True)

    def test_driver_that_cannot_be_imported_is_a_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "psycopg.pq", None)
        check = machine_checks.check_psycopg()
        assert (check.state, check.fix) == ("problem", "make setup")

    def test_pure_python_driver_is_a_warning(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("psycopg.pq.__impl__", "python")
        assert machine_checks.check_psycopg().state == "warning"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("#!/bin/sh\necho 'cannot load libz' >&2\nexit 127\n", "status 127: cannot load libz"),
            ("\x7fELF for another machine", "does not run on this machine"),
            (None, "does not run on this machine"),
        ],
    )
    def test_server_that_does_not_run_is_a_problem(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str | None, message: str
    ) -> None:
        if content:
            (tmp_path / "postgres").write_text(content)
            (tmp_path / "postgres").chmod(0o755)
        monkeypatch.setattr("local.compute.rds.postgres.binaries", lambda: tmp_path)
        check = machine_checks.check_postgres()
        assert (check.state, check.fix) == ("problem", "make setup")
        assert message in check.detail

    def test_missing_server_is_a_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
        assert "not installed" in machine_checks.check_postgres().detail


class TestUser:
    def test_unprivileged_user_is_ok(self) -> None:
        assert machine_checks.check_user(1000).state == "ok"

    def test_root_without_unshare_is_a_problem(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("shutil.which", lambda *_, **__: None)
        check = machine_checks.check_user(0)
        assert (check.state, check.fix) == ("problem", "run as an ordinary user")
        assert "`unshare` was not found" in check.detail

    def test_root_without_user_namespaces_is_a_problem(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        failing_program = tmp_path / "unshare"
        failing_program.write_text("#!/bin/sh\necho 'Operation not permitted' >&2\nexit 1\n")
        failing_program.chmod(0o755)
        monkeypatch.setattr("shutil.which", lambda *_, **__: str(failing_program))
        check = machine_checks.check_user(0)
        assert check.state == "problem"
        assert "Operation not permitted" in check.detail


class TestStateDirectory:
    def test_directory_that_can_be_created_is_ok(self, tmp_path: Path) -> None:
        assert machine_checks.check_state_directory(tmp_path / "a" / "b").state == "ok"
        assert list(tmp_path.iterdir()) == []

    def test_unwritable_directory_is_a_problem(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        def fail(**_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr("tempfile.TemporaryFile", fail)
        check = machine_checks.check_state_directory(tmp_path)
        assert check.state == "problem"
        assert "Permission denied" in check.detail
        assert checkout.STATE_DIRECTORY_VARIABLE in check.fix

    @needs_unprivileged_user
    def test_directory_without_permission_is_a_problem(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        assert machine_checks.check_state_directory(tmp_path / "state").state == "problem"
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
    def test_free_space(self, tmp_path: Path, free: int, state: str) -> None:
        assert machine_checks.check_disk(tmp_path, free).state == state

    def test_free_space_of_the_file_system_is_used(self, tmp_path: Path) -> None:
        assert machine_checks.check_disk(tmp_path / "not" / "there").detail.endswith("GB free")


class TestSettings:
    def test_every_environment_is_checked(self) -> None:
        assert {check.name: check.state for check in machine_checks.check_settings()} == {
            "settings dev": "ok",
            "settings production": "ok",
            "settings staging": "ok",
        }

    def test_invalid_field_is_named(self, copied: "Command") -> None:
        assert copied.copy is not None
        file = copied.copy / "Pulumi.staging.yaml"
        file.write_text(file.read_text().replace("visibility_seconds: ", "visibility_seconds: -"))
        result = copied("doctor", "--port", "0", "--json")
        assert result.code == 1
        checks = {check["name"]: check for check in result.data["checks"]}
        assert checks["settings dev"]["state"] == "ok"
        assert checks["settings staging"]["state"] == "problem"
        assert "settings.queue.visibility_seconds" in checks["settings staging"]["detail"]
        assert "Pulumi.staging.yaml" in checks["settings staging"]["fix"]

    def test_missing_stack_files_are_a_problem(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(checkout, "ROOT", tmp_path)
        assert [check.state for check in machine_checks.check_settings()] == ["problem"]
