"""What is only written down stands in a list with a date, so that nothing new lands there silently."""

import tomllib
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from local.account import LocalAccount
from local.cloud import LocalCloud
from local.provider import provider
from local.provider.services import TABLE

LISTED = tomllib.loads((Path(provider.__file__).parent / "recorded_only.toml").read_text())


@pytest.fixture
def runner_tokens(account: LocalAccount, tmp_path: Path) -> Iterator[set[str]]:
    """The types that something on this machine runs."""
    cloud = LocalCloud(tmp_path, region=account.region, port=0, listener=lambda _: None)
    cloud.account = account
    yield set(cloud._runners())
    cloud.close()


class TestList:
    def test_it_is_what_the_table_says(self, runner_tokens: set[str]) -> None:
        recorded = {token for token, kind in TABLE.items() if kind.recorded_only}
        assert sorted(LISTED["types"]) == sorted(recorded - runner_tokens)

    def test_what_has_no_operation_is_run(self, runner_tokens: set[str]) -> None:
        bare = {token for token, kind in TABLE.items() if kind.operation is None and not kind.recorded_only}
        assert bare <= runner_tokens

    def test_it_says_when_it_is_due_again(self) -> None:
        assert date(2026, 1, 1) < LISTED["reviewed"] < LISTED["review_again"]
