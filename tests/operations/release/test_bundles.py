"""The bundles of a release and their sources."""

from pathlib import Path

import pytest

from operations.graph.recorder import record_graph
from operations.project import checkout
from operations.release.bundles import BUNDLES, Bundle, BundleError, digest
from tests.operations.release.conftest import TINY


class TestSources:
    def test_files_have_their_import_paths(self, root: Path) -> None:
        (root / "tiny" / "deep").mkdir()
        (root / "tiny" / "deep" / "query.sql").write_text("SELECT 1")
        found = TINY.sources(root)
        assert list(found) == ["tiny/__init__.py", "tiny/deep/query.sql", "tiny/work.py"]
        assert found["tiny/deep/query.sql"] == b"SELECT 1"

    @pytest.mark.parametrize("left", ["tiny/__pycache__/note.txt", "tiny/old.pyc", "tiny/.cache/x", "tiny/.env"])
    def test_bytecode_and_hidden_files_are_excluded(self, root: Path, left: str) -> None:
        before = TINY.sources(root)
        (root / left).parent.mkdir(exist_ok=True)
        (root / left).write_text("left")
        assert TINY.sources(root) == before

    def test_missing_package_raises_bundle_error(self, root: Path) -> None:
        with pytest.raises(BundleError, match=r"bundle lost: .*/gone is not a package"):
            Bundle(name="lost", packages=("tiny", "gone"), handler=None).sources(root)


class TestDigest:
    def test_different_lists_of_parts_have_different_digests(self) -> None:
        lists = [("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""), ("2\0ab", "c")]
        assert len({digest(*parts) for parts in lists}) == len(lists)
        assert digest("é") == digest("é".encode())


class TestBundles:
    @pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
    def test_handler_and_lock_exist(self, bundle: Bundle) -> None:
        module = bundle.handler.rpartition(".")[0] if bundle.handler else "runtime.__main__"
        assert f"{module.replace('.', '/')}.py" in bundle.sources(checkout.ROOT)
        assert bundle.lock(checkout.ROOT).is_file()

    def test_migrate_bundle_contains_the_revisions(self) -> None:
        (migrate,) = (bundle for bundle in BUNDLES if bundle.name == "migrate")
        assert "runtime/migrations/versions/0001_first_schema.py" in migrate.sources(checkout.ROOT)

    def test_registered_handlers_are_those_of_the_bundles(self) -> None:
        handlers = {bundle.name: bundle.handler for bundle in BUNDLES if bundle.handler}
        registered = {
            Path(each.inputs["code"].path).stem: each.inputs["handler"]
            for each in record_graph("dev").custom
            if each.type == "aws:lambda/function:Function"
        }
        assert registered == handlers
