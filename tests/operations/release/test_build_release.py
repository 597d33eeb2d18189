"""What `platform release build` writes, for a processor that this machine may not have."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.progress import ProgressEvent
from operations.release import local_bundles
from operations.release.build_release import make
from operations.release.build_target import Target
from operations.release.bundles import BUNDLES, Bundle, BundleError
from operations.terminal.exit_codes import ExitCode
from tests.operations.release.conftest import TINY

if TYPE_CHECKING:
    from tests.operations.conftest import Command

AARCH64 = 183  # from elf.h
FUNCTIONS = [bundle for bundle in BUNDLES if bundle.handler]
WORKERS = [bundle for bundle in FUNCTIONS if "lambda_src" in bundle.packages]


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("release")


@pytest.fixture(scope="module")
def told(platform_command: "Command", output: Path) -> Any:
    """The object that a build for arm64 prints."""
    return platform_command("release", "build", "--architecture", "arm64", "--output", str(output), "--json").data


@pytest.fixture(scope="module", params=BUNDLES, ids=lambda bundle: bundle.name)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    found: Bundle = request.param
    return found


@pytest.fixture(scope="module")
def entries(told: Any, output: Path, bundle: Bundle) -> dict[str, bytes]:
    """What is in a bundle's zip."""
    return read(output / "arm64" / f"{bundle.name}.zip")


def read(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def distributions(entries: dict[str, bytes]) -> dict[str, str]:
    """The packages in a bundle with their versions."""
    named = {name.partition("/")[0] for name in entries if ".dist-info/" in name}
    return dict(name.removesuffix(".dist-info").split("-") for name in named)


class TestBuild:
    def test_folder_has_the_bundles_and_their_manifest(self, told: Any, output: Path) -> None:
        assert {file.name for file in (output / "arm64").iterdir()} == {
            "manifest.json",
            *(f"{bundle.name}.zip" for bundle in BUNDLES),
        }
        assert [folder.name for folder in output.iterdir()] == ["arm64"]

    def test_manifest_knows_every_zip_by_its_digests(self, told: Any, output: Path) -> None:
        manifest = told["architectures"]["arm64"]
        assert (manifest["release"], manifest["python"], manifest["target"]) == (
            "0.1.0",
            "3.13",
            {"architecture": "arm64", "platform": "aarch64-manylinux_2_28"},
        )
        for name, entry in manifest["bundles"].items():
            content = (output / "arm64" / f"{name}.zip").read_bytes()
            digest = hashlib.sha256(content)
            assert (entry["sha256"], entry["bytes"]) == (digest.hexdigest(), len(content))
            assert base64.b64decode(entry["code_sha256_b64"]) == digest.digest()
            assert entry["inputs"] != entry["packages"]

    def test_functions_stay_within_what_lambda_takes(
        self, told: Any, bundle: Bundle, entries: dict[str, bytes]
    ) -> None:
        assert told["architectures"]["arm64"]["bundles"][bundle.name]["bytes"] <= 50_000_000
        assert sum(len(content) for content in entries.values()) <= 250_000_000

    def test_it_has_the_packages_of_its_lock_and_no_other(self, bundle: Bundle, entries: dict[str, bytes]) -> None:
        lock = bundle.lock(Path(__file__).parents[3]).read_text()
        pinned = dict(re.findall(r"^([\w.-]+)==([^ ;\\]+)(?! ; sys_platform == 'win32')", lock, re.MULTILINE))
        normalised = {name.replace("-", "_"): version for name, version in pinned.items() if name != "tzdata"}
        assert {name.lower(): version for name, version in distributions(entries).items()} == normalised

    def test_it_has_our_packages_and_nothing_of_development(self, bundle: Bundle, entries: dict[str, bytes]) -> None:
        top = {name.partition("/")[0] for name in entries}
        assert set(bundle.packages) <= top
        rooms = {"runtime", "lambda_src", "stacks", "components", "local", "operations", "tests", "benchmarks"}
        assert top & rooms == set(bundle.packages)
        assert [name for name in entries if "__pycache__" in name or name.endswith(".pyc")] == []

    @pytest.mark.parametrize("bundle", WORKERS, ids=lambda bundle: bundle.name, indirect=True, scope="module")
    def test_worker_has_no_web_framework(self, entries: dict[str, bytes]) -> None:
        assert not {"fastapi", "starlette", "mangum", "uvicorn"} & set(distributions(entries))

    def test_every_library_is_for_the_processor(self, entries: dict[str, bytes]) -> None:
        libraries = {name: content for name, content in entries.items() if content[:4] == b"\x7fELF"}
        assert libraries
        wrong = [name for name, content in libraries.items() if int.from_bytes(content[18:20], "little") != AARCH64]
        assert wrong == []
        # An extension module without a version in its name is for any Python, one with it must be for Lambda's.
        assert [name for name in libraries if "cpython-" in name and "cpython-313-" not in name] == []


class TestMake:
    def test_a_folder_is_replaced_as_a_whole(self, root: Path, tmp_path: Path) -> None:
        folder = tmp_path / "output" / "here"
        folder.mkdir(parents=True)
        (folder / "old.zip").touch()
        manifest = make(Target.this_machine(), folder, lambda _: None, root=root, bundles=[TINY])
        assert {file.name for file in folder.iterdir()} == {"tiny.zip", "manifest.json"}
        assert "tiny/work.py" in read(folder / "tiny.zip")
        assert set(manifest.bundles) == {"tiny"}

    def test_a_failed_build_leaves_what_was_there(self, root: Path, tmp_path: Path) -> None:
        folder = tmp_path / "output" / "here"
        folder.mkdir(parents=True)
        (folder / "old.zip").touch()
        TINY.lock(root).write_text("six==1.17.0\n")
        with pytest.raises(BundleError):
            make(Target.this_machine(), folder, lambda _: None, root=root, bundles=[TINY])
        assert [file.name for file in folder.parent.rglob("*")] == ["here", "old.zip"]

    def test_steps_are_told_with_their_sizes(self, root: Path, tmp_path: Path) -> None:
        told: list[ProgressEvent] = []
        make(Target.this_machine(), tmp_path / "here", told.append, root=root, bundles=[TINY])
        assert [event.state for event in told] == ["started", "finished"]
        assert told[-1].step.endswith(" tiny")
        assert told[-1].detail == "0.0 MB"

    def test_it_is_what_this_machine_runs(self, root: Path, tmp_path: Path) -> None:
        released = make(Target.this_machine(), tmp_path / "here", lambda _: None, root=root, bundles=[TINY])
        bundles = local_bundles.make(root=root, cache=tmp_path / "cache", bundles=[TINY])
        bundles.close()
        assert (bundles.folder / "tiny.zip").read_bytes() == (tmp_path / "here" / "tiny.zip").read_bytes()
        assert released.bundles["tiny"].sha256 == hashlib.sha256((bundles.folder / "tiny.zip").read_bytes()).hexdigest()


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (["build", "--architecture", "mips"], "'mips' is not one of"),
            (["nonsense"], "'nonsense'"),
            ([], "Missing command"),
        ],
    )
    def test_what_is_wrong_is_named(self, command: "Command", arguments: list[str], said: str) -> None:
        answer = command("release", *arguments)
        assert answer.code == ExitCode.USAGE
        assert said in answer.err
