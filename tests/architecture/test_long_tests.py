"""Long tests are left out unless asked for, and never silently."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.long
@pytest.mark.parametrize("case", range(3))
def test_long(case): ...

def test_short(): ...
"""


@pytest.mark.parametrize("workers", ["0", "2"])
class TestRun:
    def report(self, folder: Path, *arguments: str) -> str:
        (folder / "test_both.py").write_text(TESTS)
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"),
                *("-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", *arguments, str(folder)),
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def test_left_out_tests_are_counted_at_the_end(self, tmp_path: Path, workers: str) -> None:
        said = self.report(tmp_path, "-n", workers)
        assert "3 long tests left out; `make test-long` runs them" in said
        assert "1 passed" in said

    def test_asked_for_they_run_alone(self, tmp_path: Path, workers: str) -> None:
        said = self.report(tmp_path, "-n", workers, "-m", "long")
        assert "left out" not in said
        assert "3 passed" in said
