"""The page of the API is what the application does: every route, and who may use it."""

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.architecture.pages import maker
from tests.runtime.access.test_guards import ROLES_BY_ROUTE


@pytest.fixture(scope="module")
def api_page() -> Iterator[ModuleType]:
    with maker("api_page") as module:
        yield module


@pytest.mark.requirement("P1-41")
class TestPage:
    def test_is_what_the_application_is(self, api_page: ModuleType) -> None:
        assert api_page.write_or_check(api_page.page(), ["--check"]) is None

    def test_says_of_each_route_who_may(self, api_page: ModuleType) -> None:
        said = {(row.method, row.path): row.roles for row in api_page.rows()}
        guarded = {key: roles for key, roles in said.items() if roles != "*anyone*"}
        assert {key: set(roles.split(", ")) for key, roles in guarded.items()} == {
            key: roles for key, roles in ROLES_BY_ROUTE.items() if key[1].startswith("/api")
        }

    def test_says_what_each_route_does(self, api_page: ModuleType) -> None:
        assert [row.path for row in api_page.rows() if not row.purpose] == []

    def test_another_page_is_stale(self, api_page: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api_page, "ROOT", tmp_path)
        monkeypatch.setattr(api_page, "PAGE", tmp_path / "API.md")
        assert api_page.write_or_check("x", ["--check"]) == "stale: API.md; run `make docs`"
        assert api_page.write_or_check("x", []) is None
        assert api_page.write_or_check("x", ["--check"]) is None
        assert api_page.write_or_check("y", ["--check"]) == "stale: API.md; run `make docs`"
