import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from operations.project import checkout
from stacks import sources
from stacks.sources import SourceError


@pytest.fixture
def folder_in_config(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], Path]:
    """The folder of arm64's bundles, when the stack's config says so."""

    def find(chosen: str | None) -> Path:
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"episode-metadata:bundles": chosen} if chosen else {}))
        return sources.bundles("arm64")

    return find


class TestBundles:
    def test_a_build_puts_them_below_dist(self, folder_in_config: Any) -> None:
        assert folder_in_config(None) == checkout.BUNDLES / "arm64"

    def test_config_names_another_folder(self, folder_in_config: Any, tmp_path: Path) -> None:
        assert folder_in_config(str(tmp_path)) == tmp_path
        # The engine runs the program in `stacks/`, which is not where people count from.
        assert folder_in_config("dist/downloaded") == checkout.ROOT / "dist" / "downloaded"


class TestBundle:
    def test_it_is_the_zip_as_it_was_built(self, tmp_path: Path) -> None:
        (tmp_path / "api.zip").touch()
        assert sources.bundle("api", tmp_path).path == str(tmp_path / "api.zip")

    def test_missing_one_is_refused_with_what_makes_it(self, tmp_path: Path) -> None:
        with pytest.raises(
            SourceError, match=r"arm64/api\.zip is missing; `platform release build --architecture arm64`"
        ):
            sources.bundle("api", tmp_path / "arm64")
        with pytest.raises(SourceError, match=r"elsewhere/api\.zip is missing; `platform release build` makes it"):
            sources.bundle("api", tmp_path / "elsewhere")


class TestSchema:
    def test_head_is_the_revision_that_none_follows(self, tmp_path: Path) -> None:
        (tmp_path / "0002_b.py").write_text("revision: str = '0002'\ndown_revision = '0001'\nraise SystemExit")
        (tmp_path / "0001_a.py").write_text("revision = '0001'\ndown_revision = None\nimport nothing_like_it")
        assert sources.schema(tmp_path).head == "0002"

    def test_digest_changes_with_any_text(self, tmp_path: Path) -> None:
        revision = tmp_path / "0001_a.py"
        revision.write_text("revision = '0001'\ndown_revision = None\n")
        first = sources.schema(tmp_path)
        assert sources.schema(tmp_path) == first
        revision.write_text("revision = '0001'\ndown_revision = None\nUP = 'CREATE TABLE t ()'\n")
        assert sources.schema(tmp_path).digest != first.digest

    def test_two_heads_are_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.py").write_text("revision = 'a'\ndown_revision = None")
        (tmp_path / "b.py").write_text("revision = 'b'\ndown_revision = None")
        with pytest.raises(SourceError, match="one last revision, not a, b"):
            sources.schema(tmp_path)

    def test_no_revision_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="not none"):
            sources.schema(tmp_path)
        (tmp_path / "a.py").write_text("x = 1")
        with pytest.raises(SourceError, match=r"a\.py assigns no revision"):
            sources.schema(tmp_path)

    def test_this_tree_has_one_head(self) -> None:
        files = sorted(path.name for path in sources.REVISIONS.glob("*.py"))
        assert files[-1].startswith(sources.schema().head)
