"""Types that are only recorded are in a list with a review date, so that none is added silently."""

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
    """The types that have a runner."""
    cloud = LocalCloud(tmp_path, region=account.region, port=0, listener=lambda _: None)
    cloud.account = account
    yield set(cloud._create_runners())
    cloud.close()


class TestList:
    def test_list_equals_types_marked_in_table(self, runner_tokens: set[str]) -> None:
        recorded = {token for token, kind in TABLE.items() if kind.recorded_only}
        assert sorted(LISTED["types"]) == sorted(recorded - runner_tokens)

    def test_type_without_operation_has_runner(self, runner_tokens: set[str]) -> None:
        bare = {token for token, kind in TABLE.items() if kind.operation is None and not kind.recorded_only}
        assert bare <= runner_tokens

    def test_next_review_is_not_overdue(self) -> None:
        assert date(2026, 1, 1) < LISTED["reviewed"] < LISTED["review_again"]
