from pathlib import Path

import pytest

from stacks import sources
from stacks.sources import SourceError


def package(root, *files):
    for name in files:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return root


class TestArchive:
    def test_files_stand_under_their_import_paths(self, tmp_path):
        root = package(tmp_path, "app/__init__.py", "app/deep/handler.py", "app/query.sql", "other/__init__.py")
        found = sources.archive("app", root=root).assets
        assert list(found) == ["app/__init__.py", "app/deep/handler.py", "app/query.sql"]
        assert Path(found["app/query.sql"].path).read_text() == "app/query.sql"

    def test_what_the_interpreter_leaves_behind_is_left_out(self, tmp_path):
        root = package(
            tmp_path, "app/__init__.py", "app/__pycache__/note.txt", "app/old.pyc", "app/.cache/x", "app/.env"
        )
        assert list(sources.archive("app", root=root).assets) == ["app/__init__.py"]

    def test_missing_package_is_refused(self, tmp_path):
        with pytest.raises(SourceError, match="missing is no package"):
            sources.archive("missing", root=tmp_path)

    def test_handlers_of_this_tree_are_in_their_archives(self):
        found = sources.archive("runtime", "lambda_src").assets
        assert {"runtime/settings.py", "runtime/migrations/versions/0001_first_schema.py"} <= set(found)
        assert not [name for name in found if "__pycache__" in name]


class TestSchema:
    def test_head_is_the_revision_that_none_follows(self, tmp_path):
        root = package(tmp_path, "unused")
        (root / "0002_b.py").write_text("revision: str = '0002'\ndown_revision = '0001'\nraise SystemExit")
        (root / "0001_a.py").write_text("revision = '0001'\ndown_revision = None\nimport nothing_like_it")
        assert sources.schema(root).head == "0002"

    def test_digest_changes_with_any_text(self, tmp_path):
        revision = tmp_path / "0001_a.py"
        revision.write_text("revision = '0001'\ndown_revision = None\n")
        first = sources.schema(tmp_path)
        assert sources.schema(tmp_path) == first
        revision.write_text("revision = '0001'\ndown_revision = None\nUP = 'CREATE TABLE t ()'\n")
        assert sources.schema(tmp_path).digest != first.digest

    def test_two_heads_are_refused(self, tmp_path):
        (tmp_path / "a.py").write_text("revision = 'a'\ndown_revision = None")
        (tmp_path / "b.py").write_text("revision = 'b'\ndown_revision = None")
        with pytest.raises(SourceError, match="one last revision, not a, b"):
            sources.schema(tmp_path)

    def test_no_revision_is_refused(self, tmp_path):
        with pytest.raises(SourceError, match="not none"):
            sources.schema(tmp_path)
        (tmp_path / "a.py").write_text("x = 1")
        with pytest.raises(SourceError, match=r"a\.py assigns no revision"):
            sources.schema(tmp_path)

    def test_this_tree_has_one_head(self):
        files = sorted(path.name for path in sources.REVISIONS.glob("*.py"))
        assert files[-1].startswith(sources.schema().head)
