"""Candidates in separate processes."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.candidate_process import CandidateProcess, CandidateProcessError

SCRIPT = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("end"):
        sys.exit("enough of it")
    print(json.dumps({"error": "not so"} if asked.get("fail") else {"twice": asked["number"] * 2}), flush=True)
"""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CandidateProcess]:
    with CandidateProcess([sys.executable, "-c", SCRIPT], folder=tmp_path, log=tmp_path / "process.log") as candidate:
        yield candidate


class TestCall:
    def test_each_request_has_its_response(self, process: CandidateProcess) -> None:
        assert [process.call(number=number)["twice"] for number in (1, 21)] == [2, 42]

    def test_error_is_raised_and_the_next_request_works(self, process: CandidateProcess) -> None:
        with pytest.raises(CandidateProcessError, match="not so"):
            process.call(fail=True)
        assert process.call(number=2) == {"twice": 4}

    def test_ended_process_raises_error_with_its_last_output(self, process: CandidateProcess) -> None:
        with pytest.raises(CandidateProcessError, match="enough of it"):
            process.call(end=True)
