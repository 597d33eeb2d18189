"""State files: written atomically, private, and validated when read."""

from collections.abc import Callable
from pathlib import Path

import pytest

from operations.state.files import EnvironmentState, StateFiles, write_atomically
from operations.state.lock import ProcessIdentity

MakeState = Callable[..., EnvironmentState]


class TestStateFile:
    def test_written_state_is_read(self, files: StateFiles, held_by: MakeState) -> None:
        state = held_by(ProcessIdentity.current())
        files.write(state)
        assert files.read() == state
        assert state.resource_counts() == {"applied": 1, "recorded_only": 1}
        assert state.account().s3_endpoint == "http://127.0.0.1:9"

    def test_state_is_readable_by_its_owner_only(self, files: StateFiles, held_by: MakeState) -> None:
        files.write(held_by(ProcessIdentity.current()))
        assert files.state.stat().st_mode & 0o777 == 0o600

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running"}'])
    def test_invalid_state_is_none(self, files: StateFiles, text: str) -> None:
        files.state.write_text(text)
        assert files.read() is None
        assert files.leftovers() == ["state.json"]

    def test_starting_platform_has_no_account(self, held_by: MakeState) -> None:
        with pytest.raises(RuntimeError, match="not up yet"):
            held_by(ProcessIdentity.current(), state="starting", endpoints=None).account()


class TestWriteAtomically:
    def test_failed_write_leaves_the_old_text_and_no_other_file(self, tmp_path: Path) -> None:
        path = tmp_path / "file"
        write_atomically(path, "old")
        with pytest.raises(UnicodeEncodeError):
            write_atomically(path, "\udc80")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]


class TestWipe:
    def test_wipe_removes_everything_but_the_logs(self, files: StateFiles) -> None:
        files.host_log.write_text("kept")
        files.progress.touch()
        (files.directory / "databases" / "data").mkdir(parents=True)
        (files.directory / "link").symlink_to(files.logs)
        (files.directory / "lock").touch()
        assert files.leftovers() == ["databases", "link", "progress.jsonl"]
        files.wipe(keep_lock=True)
        assert sorted(path.name for path in files.directory.iterdir()) == ["lock", "logs"]
        files.wipe()
        assert [path.name for path in files.directory.iterdir()] == ["logs"]
        assert files.host_log.read_text() == "kept"

    def test_missing_directory_is_no_error(self, tmp_path: Path) -> None:
        missing = StateFiles("dev", tmp_path / "missing")
        missing.wipe()
        assert missing.leftovers() == []
