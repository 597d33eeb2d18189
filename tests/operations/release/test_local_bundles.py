"""This machine's bundles: made once, remade as little as possible, shared by processes, and not kept for ever."""

import os
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pulumi
import pytest

from local.compute.lambda_ import archives
from operations.project import checkout
from operations.release import bundle_builder, local_bundles
from operations.release.local_bundles import MachineBundles
from operations.release.manifest import Manifest
from tests.operations.release.conftest import TINY, locked

Make = Callable[..., MachineBundles]


@pytest.fixture
def make(root: Path, tmp_path: Path) -> Iterator[Make]:
    """Makes the bundles of the small project, each time as another process would; all are closed afterwards."""
    held: list[MachineBundles] = []

    def made(**options: object) -> MachineBundles:
        bundles = local_bundles.make(root=root, cache=tmp_path / "cache", bundles=[TINY], **options)  # type: ignore[arg-type]
        held.append(bundles)
        return bundles

    yield made
    for bundles in held:
        bundles.close()


@pytest.fixture
def nothing_is_installed(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """From now on."""

    def forbid(*arguments: object) -> None:
        raise AssertionError("it was installed again")

    return lambda: monkeypatch.setattr(bundle_builder, "install", forbid)


def code(bundles: MachineBundles) -> Path:
    """Where the code of the one bundle is laid out."""
    return archives.place(bundles.folder / "tiny.zip", bundles.cache)


def cached(bundles: MachineBundles) -> dict[str, set[str]]:
    """What is in the cache, by kind."""
    return {kind.name: {each.name for each in kind.iterdir()} for kind in bundles.cache.iterdir() if kind.is_dir()}


def run_bare(folder: Path) -> str:
    """What the handler answers where there is nothing but its folder and the standard library."""
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


class TestMake:
    def test_code_is_laid_out_as_its_zip_unpacks(self, make: Make, tmp_path: Path) -> None:
        bundles = make()
        unpacked = tmp_path / "unpacked"
        with zipfile.ZipFile(bundles.folder / "tiny.zip") as archive:
            archive.extractall(unpacked)
        assert (unpacked / "six.py").is_file() and (unpacked / "tiny" / "work.py").is_file()
        assert self.content(code(bundles)) == self.content(unpacked)
        assert archives.materialise(pulumi.FileArchive(str(bundles.folder / "tiny.zip")), bundles.cache) == code(
            bundles
        )
        assert run_bare(code(bundles)) == "1.17.0"

    def content(self, folder: Path) -> dict[str, bytes]:
        files = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}

    def test_bytecode_is_there_and_does_not_ask_for_its_source(self, make: Make) -> None:
        folder = code(make())
        for source in ("six.py", "tiny/work.py"):
            compiled = (
                (folder / source).parent / "__pycache__" / f"{Path(source).stem}.{sys.implementation.cache_tag}.pyc"
            )
            # The second word of a bytecode file: hash-based, not checked.
            assert compiled.read_bytes()[4:8] == b"\1\0\0\0"

    def test_manifest_knows_the_zip(self, make: Make) -> None:
        bundles = make()
        manifest = Manifest.read(bundles.folder)
        entry = manifest.bundles["tiny"]
        assert archives.name_of(entry.sha256) == code(bundles).name
        assert entry.bytes == (bundles.folder / "tiny.zip").stat().st_size
        assert manifest.python == ".".join(str(part) for part in sys.version_info[:2])

    def test_unchanged_inputs_cost_nothing(self, make: Make, nothing_is_installed: Callable[[], None]) -> None:
        first = make()
        nothing_is_installed()
        told: list[str] = []
        second = make(told=told.append)
        assert (first.made, second.made, told) == (True, False, [])
        assert second.folder == first.folder

    def test_change_of_ours_leaves_the_packages_alone(
        self, make: Make, root: Path, nothing_is_installed: Callable[[], None]
    ) -> None:
        first = make()
        nothing_is_installed()
        (root / "tiny" / "work.py").write_text("def handler(event, context):\n    return 'changed'\n")
        second = make()
        assert second.made and second.folder != first.folder
        assert (run_bare(code(first)), run_bare(code(second))) == ("1.17.0", "changed")
        assert (code(first) / "six.py").samefile(code(second) / "six.py")

    def test_change_back_finds_what_was_made(self, make: Make, root: Path) -> None:
        first = make()
        before = (root / "tiny" / "work.py").read_text()
        (root / "tiny" / "work.py").write_text("")
        make()
        (root / "tiny" / "work.py").write_text(before)
        again = make()
        assert (again.made, again.folder) == (False, first.folder)

    def test_change_of_the_lock_changes_the_packages(self, make: Make, root: Path) -> None:
        first = make()
        TINY.lock(root).write_text(locked("idna"))
        second = make()
        assert (code(first) / "six.py").is_file() and not (code(second) / "six.py").exists()
        assert (code(second) / "idna").is_dir()

    def test_a_release_of_the_same_source_is_another_set(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        first = make()
        monkeypatch.setattr(checkout, "release", lambda: "9.9.9")
        second = make()
        assert (Manifest.read(first.folder).release, Manifest.read(second.folder).release) != ("9.9.9", "9.9.9")
        assert Manifest.read(second.folder).release == "9.9.9"

    def test_file_system_without_links_has_copies(self, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*arguments: object) -> None:
            raise OSError(95, "Operation not supported")

        monkeypatch.setattr(os, "link", refuse)
        folder = code(make())
        assert (folder / "six.py").stat().st_nlink == 1
        assert run_bare(folder) == "1.17.0"

    def test_interruption_leaves_nothing_half_made(self, make: Make) -> None:
        def interrupt(step: str) -> None:
            if step == "tiny":
                raise InterruptedError

        with pytest.raises(InterruptedError):
            make(told=interrupt)
        bundles = make()
        assert bundles.made
        assert run_bare(code(bundles)) == "1.17.0"

    def test_what_a_killed_process_left_is_removed(self, make: Make, tmp_path: Path) -> None:
        for kind in (local_bundles.LAYERS, local_bundles.SETS):
            (tmp_path / "cache" / kind / ".unfinished-x").mkdir(parents=True)
        found = cached(make())
        assert not [name for names in found.values() for name in names if name.startswith(".")]

    def test_processes_at_once_agree(self, make: Make, root: Path, tmp_path: Path) -> None:
        program = tmp_path / "make.py"
        program.write_text(
            textwrap.dedent(
                f"""
                from pathlib import Path
                from operations.release import machine
                from tests.operations.release.conftest import TINY

                bundles = machine.make(root=Path({str(root)!r}), cache=Path({str(tmp_path / "cache")!r}), bundles=[TINY])
                print(bundles.made, bundles.folder)
                """
            )
        )
        command = [sys.executable, str(program)]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(4)]
        said = [process.communicate(timeout=100)[0].split() for process in running]
        assert sorted(made for made, _ in said) == ["False", "False", "False", "True"]
        bundles = make()
        assert {folder for _, folder in said} == {str(bundles.folder)}
        assert {kind: len(names) for kind, names in cached(bundles).items()} == {"layers": 1, "sets": 1, "code": 1}


class TestRemoval:
    def change(self, root: Path, number: int) -> None:
        (root / "tiny" / "work.py").write_text(f"NUMBER = {number}\n")

    def test_old_sets_and_their_code_go(self, make: Make, root: Path) -> None:
        made = []
        for number in range(local_bundles.KEPT_SETS + 2):
            self.change(root, number)
            bundles = make()
            os.utime(bundles.folder, (number, number))
            bundles.close()
            made.append((bundles, code(bundles)))
        found = cached(made[-1][0])
        assert found["sets"] == {bundles.folder.name for bundles, _ in made[-local_bundles.KEPT_SETS :]}
        assert found["code"] == {folder.name for _, folder in made[-local_bundles.KEPT_SETS :]}
        # All of them have the same packages.
        assert len(found["layers"]) == 1

    @pytest.fixture
    def make(self, root: Path, tmp_path: Path) -> Make:
        """The tests here close what they want closed."""
        return lambda: local_bundles.make(root=root, cache=tmp_path / "cache", bundles=[TINY])

    def test_set_that_is_used_again_is_a_new_one(self, make: Make, root: Path) -> None:
        first = make()
        before = (root / "tiny" / "work.py").read_text()
        self.change(root, 0)
        second = make()
        for age, bundles in enumerate((first, second), start=1):
            bundles.close()
            os.utime(bundles.folder, (age, age))
        (root / "tiny" / "work.py").write_text(before)
        make().close()
        for number in range(1, local_bundles.KEPT_SETS):
            self.change(root, number)
            make().close()
        assert (first.folder.is_dir(), second.folder.exists()) == (True, False)

    def test_set_that_somebody_uses_stays(self, make: Make, root: Path) -> None:
        used = make()
        os.utime(used.folder, (1, 1))
        for number in range(local_bundles.KEPT_SETS + 1):
            self.change(root, number)
            make().close()
        assert run_bare(code(used)) == "1.17.0"
        assert (used.folder / "tiny.zip").is_file()
        used.close()

    def test_layer_goes_with_its_last_set(self, make: Make, root: Path) -> None:
        first = make()
        first.close()
        os.utime(first.folder, (1, 1))
        TINY.lock(root).write_text(locked("idna"))
        for number in range(local_bundles.KEPT_SETS):
            self.change(root, number)
            last = make()
            last.close()
        (layer,) = cached(last)["layers"]
        assert (last.cache / "layers" / layer / "site" / "idna").is_dir()

    def test_set_of_another_version_is_no_obstacle(self, make: Make, root: Path, tmp_path: Path) -> None:
        foreign = tmp_path / "cache" / "sets" / "foreign"
        foreign.mkdir(parents=True)
        (foreign / "manifest.json").write_text('{"version": 1}')
        os.utime(foreign, (1, 1))
        for number in range(local_bundles.KEPT_SETS):
            self.change(root, number)
            make().close()
        assert not foreign.exists()
