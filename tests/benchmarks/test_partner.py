"""Contestants in processes of their own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.partner import Partner, PartnerFailedError

SCRIPT = """
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("end"):
        sys.exit("enough of it")
    print(json.dumps({"error": "not so"} if asked.get("fail") else {"twice": asked["number"] * 2}), flush=True)
"""


@pytest.fixture
def partner(tmp_path: Path) -> Iterator[Partner]:
    with Partner([sys.executable, "-c", SCRIPT], folder=tmp_path, log=tmp_path / "partner.log") as running:
        yield running


class TestAsk:
    def test_each_question_has_its_answer(self, partner: Partner) -> None:
        assert [partner.ask(number=number)["twice"] for number in (1, 21)] == [2, 42]

    def test_error_is_raised_and_the_next_question_answered(self, partner: Partner) -> None:
        with pytest.raises(PartnerFailedError, match="not so"):
            partner.ask(fail=True)
        assert partner.ask(number=2) == {"twice": 4}

    def test_end_is_told_with_what_it_said_last(self, partner: Partner) -> None:
        with pytest.raises(PartnerFailedError, match="enough of it"):
            partner.ask(end=True)
