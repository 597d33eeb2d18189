"""Local bundles: cached by their inputs, shared between processes, and removed when old."""

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
import pytest

from local.compute.lambda_ import function_code
from operations.project import checkout
from operations.release import bundle_builder, local_bundles
from operations.release.local_bundles import LocalBundles
from operations.release.manifest import Manifest
from tests.operations.release.conftest import TINY, locked

Build = Callable[..., LocalBundles]


@pytest.fixture
def build(root: Path, tmp_path: Path) -> Iterator[Build]:
    """Return a function that builds the small bundle, as a new process would; all sets are closed afterwards."""
    opened: list[LocalBundles] = []

    def build_tiny(**options: object) -> LocalBundles:
        bundles = local_bundles.build(root=root, cache=tmp_path / "cache", bundles=[TINY], **options)  # type: ignore[arg-type]
        opened.append(bundles)
        return bundles

    yield build_tiny
    for bundles in opened:
        bundles.close()


@pytest.fixture
def forbid_installation(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after whose call any installation fails the test."""

    def forbid(*arguments: object) -> None:
        raise AssertionError("packages were installed again")

    return lambda: monkeypatch.setattr(bundle_builder, "install_packages", forbid)


def code(bundles: LocalBundles) -> Path:
    """Return the folder with the unpacked code of the bundle."""
    return function_code.folder_of(bundles.folder / "tiny.zip", bundles.cache)


def cached(bundles: LocalBundles) -> dict[str, set[str]]:
    """Return the names in the cache by kind."""
    return {kind.name: {each.name for each in kind.iterdir()} for kind in bundles.cache.iterdir() if kind.is_dir()}


def run_bare(folder: Path) -> str:
    """Return the handler's result with only its folder and the standard library on the path."""
    program = "import sys; sys.path.insert(0, '.'); import tiny.work; print(tiny.work.handler({}, None))"
    done = subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-c", program],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


class TestBuild:
    def test_code_folder_equals_the_unpacked_zip(self, build: Build, tmp_path: Path) -> None:
        bundles = build()
        unpacked = tmp_path / "unpacked"
        with zipfile.ZipFile(bundles.folder / "tiny.zip") as archive:
            archive.extractall(unpacked)
        assert (unpacked / "six.py").is_file() and (unpacked / "tiny" / "work.py").is_file()
        assert self.content(code(bundles)) == self.content(unpacked)
        assert function_code.extract(pulumi.FileArchive(str(bundles.folder / "tiny.zip")), bundles.cache) == code(
            bundles
        )
        assert run_bare(code(bundles)) == "1.17.0"

    def content(self, folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def test_bytecode_is_not_checked_against_its_source(self, build: Build) -> None:
        folder = code(build())
        for source in ("six.py", "tiny/work.py"):
            compiled = (
                (folder / source).parent / "__pycache__" / f"{Path(source).stem}.{sys.implementation.cache_tag}.pyc"
            )
            # The second word of a bytecode file: hash-based, not checked.
            assert compiled.read_bytes()[4:8] == b"\1\0\0\0"

    def test_manifest_has_the_digest_and_size_of_the_zip(self, build: Build) -> None:
        bundles = build()
        manifest = Manifest.read(bundles.folder)
        entry = manifest.bundles["tiny"]
        assert function_code.folder_name(entry.sha256) == code(bundles).name
        assert entry.bytes == (bundles.folder / "tiny.zip").stat().st_size
        assert manifest.python == ".".join(str(part) for part in sys.version_info[:2])

    def test_unchanged_inputs_build_nothing(self, build: Build, forbid_installation: Callable[[], None]) -> None:
        first = build()
        forbid_installation()
        built_parts: list[str] = []
        second = build(on_progress=built_parts.append)
        assert (first.was_built, second.was_built, built_parts) == (True, False, [])
        assert second.folder == first.folder

    def test_changed_source_reuses_the_packages(
        self, build: Build, root: Path, forbid_installation: Callable[[], None]
    ) -> None:
        first = build()
        forbid_installation()
        (root / "tiny" / "work.py").write_text("def handler(event, context):\n    return 'changed'\n")
        second = build()
        assert second.was_built and second.folder != first.folder
        assert (run_bare(code(first)), run_bare(code(second))) == ("1.17.0", "changed")
        assert (code(first) / "six.py").samefile(code(second) / "six.py")

    def test_reverted_source_reuses_its_set(self, build: Build, root: Path) -> None:
        first = build()
        before = (root / "tiny" / "work.py").read_text()
        (root / "tiny" / "work.py").write_text("")
        build()
        (root / "tiny" / "work.py").write_text(before)
        again = build()
        assert (again.was_built, again.folder) == (False, first.folder)

    def test_changed_lock_installs_its_packages(self, build: Build, root: Path) -> None:
        first = build()
        TINY.lock(root).write_text(locked("idna"))
        second = build()
        assert (code(first) / "six.py").is_file() and not (code(second) / "six.py").exists()
        assert (code(second) / "idna").is_dir()

    def test_new_release_of_the_same_source_is_another_set(self, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
        first = build()
        monkeypatch.setattr(checkout, "release", lambda: "9.9.9")
        second = build()
        assert (Manifest.read(first.folder).release, Manifest.read(second.folder).release) != ("9.9.9", "9.9.9")
        assert Manifest.read(second.folder).release == "9.9.9"

    def test_file_system_without_hard_links_gets_copies(self, build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)
        folder = code(build())
        assert (folder / "six.py").stat().st_nlink == 1
        assert run_bare(folder) == "1.17.0"

    def test_interrupted_build_is_repeated_as_a_whole(self, build: Build) -> None:
        def interrupt(step: str) -> None:
            if step == "tiny":
                raise InterruptedError

        with pytest.raises(InterruptedError):
            build(on_progress=interrupt)
        bundles = build()
        assert bundles.was_built
        assert run_bare(code(bundles)) == "1.17.0"

    def test_unfinished_folders_of_killed_processes_are_removed(self, build: Build, tmp_path: Path) -> None:
        for kind in (local_bundles.LAYERS, local_bundles.SETS):
            (tmp_path / "cache" / kind / ".unfinished-x").mkdir(parents=True)
        found = cached(build())
        assert not [name for names in found.values() for name in names if name.startswith(".")]

    def test_concurrent_processes_build_once(self, build: Build, root: Path, tmp_path: Path) -> None:
        program = tmp_path / "build.py"
        program.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from operations.release import local_bundles
                from tests.operations.release.conftest import TINY

                bundles = local_bundles.build(root=Path({str(root)!r}), cache=Path({str(tmp_path / "cache")!r}), bundles=[TINY])
                print(bundles.was_built, bundles.folder)
                """
            )
        )
        command = [sys.executable, str(program)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        outputs = [process.communicate(timeout=100)[0].split() for process in running]
        assert sorted(build_tiny for build_tiny, _ in outputs) == ["False", "False", "False", "True"]
        bundles = build()
        assert {folder for _, folder in outputs} == {str(bundles.folder)}
        assert {kind: len(names) for kind, names in cached(bundles).items()} == {"layers": 1, "sets": 1, "code": 1}


class TestRemoval:
    def change(self, root: Path, number: int) -> None:
        (root / "tiny" / "work.py").write_text(f"NUMBER = {number}\n")

    def test_old_sets_and_their_code_are_removed(self, build: Build, root: Path) -> None:
        build_tiny = []
        for number in range(local_bundles.MAX_SETS + 2):
            self.change(root, number)
            bundles = build()
            os.utime(bundles.folder, (number, number))
            bundles.close()
            build_tiny.append((bundles, code(bundles)))
        found = cached(build_tiny[-1][0])
        assert found["sets"] == {bundles.folder.name for bundles, _ in build_tiny[-local_bundles.MAX_SETS :]}
        assert found["code"] == {folder.name for _, folder in build_tiny[-local_bundles.MAX_SETS :]}
        # All sets have the same packages.
        assert len(found["layers"]) == 1

    @pytest.fixture
    def build(self, root: Path, tmp_path: Path) -> Build:
        """Return a function that builds the small bundle; the tests close the sets themselves."""
        return lambda: local_bundles.build(root=root, cache=tmp_path / "cache", bundles=[TINY])

    def test_reused_set_counts_as_recent(self, build: Build, root: Path) -> None:
        first = build()
        before = (root / "tiny" / "work.py").read_text()
        self.change(root, 0)
        second = build()
        for age, bundles in enumerate((first, second), start=1):
            bundles.close()
            os.utime(bundles.folder, (age, age))
        (root / "tiny" / "work.py").write_text(before)
        build().close()
        for number in range(1, local_bundles.MAX_SETS):
            self.change(root, number)
            build().close()
        assert (first.folder.is_dir(), second.folder.exists()) == (True, False)

    def test_set_in_use_is_not_removed(self, build: Build, root: Path) -> None:
        used = build()
        os.utime(used.folder, (1, 1))
        for number in range(local_bundles.MAX_SETS + 1):
            self.change(root, number)
            build().close()
        assert run_bare(code(used)) == "1.17.0"
        assert (used.folder / "tiny.zip").is_file()
        used.close()

    def test_layer_is_removed_with_its_last_set(self, build: Build, root: Path) -> None:
        first = build()
        first.close()
        os.utime(first.folder, (1, 1))
        TINY.lock(root).write_text(locked("idna"))
        for number in range(local_bundles.MAX_SETS):
            self.change(root, number)
            last = build()
            last.close()
        (layer,) = cached(last)["layers"]
        assert (last.cache / "layers" / layer / "site" / "idna").is_dir()

    def test_set_with_unknown_manifest_is_removed(self, build: Build, root: Path, tmp_path: Path) -> None:
        unknown = tmp_path / "cache" / "sets" / "foreign"
        unknown.mkdir(parents=True)
        (unknown / "manifest.json").write_text('{"version": 1}')
        os.utime(unknown, (1, 1))
        for number in range(local_bundles.MAX_SETS):
            self.change(root, number)
            build().close()
        assert not unknown.exists()
