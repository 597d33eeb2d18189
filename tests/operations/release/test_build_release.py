"""Output of `platform release build`, for a processor that this machine may not have."""

import base64
import hashlib
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local.progress import ProgressEvent
from operations.release import local_bundles
from operations.release.build_release import build_bundles
from operations.release.build_target import BuildTarget
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
def result(platform_command: "Command", output: Path) -> Any:
    """Return the JSON object that a build for arm64 prints."""
    return platform_command("release", "build", "--architecture", "arm64", "--output", str(output), "--json").data


@pytest.fixture(scope="module", params=BUNDLES, ids=lambda bundle: bundle.name)
def bundle(request: pytest.FixtureRequest) -> Bundle:
    found: Bundle = request.param
    return found


@pytest.fixture(scope="module")
def entries(result: Any, output: Path, bundle: Bundle) -> dict[str, bytes]:
    """Return the content of a bundle's zip."""
    return read(output / "arm64" / f"{bundle.name}.zip")


def read(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def distributions(entries: dict[str, bytes]) -> dict[str, str]:
    """Return the packages in a bundle with their versions."""
    named = {name.partition("/")[0] for name in entries if ".dist-info/" in name}
    return dict(name.removesuffix(".dist-info").split("-") for name in named)


class TestBuild:
    def test_folder_contains_bundles_and_manifest(self, result: Any, output: Path) -> None:
        assert {file.name for file in (output / "arm64").iterdir()} == {
            "manifest.json",
            *(f"{bundle.name}.zip" for bundle in BUNDLES),
        }
        assert [folder.name for folder in output.iterdir()] == ["arm64"]

    def test_manifest_has_the_digests_of_every_zip(self, result: Any, output: Path) -> None:
        manifest = result["architectures"]["arm64"]
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

    def test_functions_stay_within_lambda_limits(self, result: Any, bundle: Bundle, entries: dict[str, bytes]) -> None:
        assert result["architectures"]["arm64"]["bundles"][bundle.name]["bytes"] <= 50_000_000
        assert sum(len(content) for content in entries.values()) <= 250_000_000

    def test_bundle_has_exactly_the_packages_of_its_lock(self, bundle: Bundle, entries: dict[str, bytes]) -> None:
        lock = bundle.lock(Path(__file__).parents[3]).read_text()
        # Packages for Windows and for Pythons before Lambda's are no part of a bundle.
        elsewhere = r"(?! ; (?:sys_platform == 'win32'|python_full_version < '3\.11\.3'))"
        pinned = dict(re.findall(rf"^([\w.-]+)==([^ ;\\]++){elsewhere}", lock, re.MULTILINE))
        normalised = {name.replace("-", "_"): version for name, version in pinned.items() if name != "tzdata"}
        assert {name.lower(): version for name, version in distributions(entries).items()} == normalised

    def test_bundle_has_its_first_party_packages_only(self, bundle: Bundle, entries: dict[str, bytes]) -> None:
        top = {name.partition("/")[0] for name in entries}
        assert set(bundle.packages) <= top
        rooms = {"runtime", "lambda_src", "stacks", "components", "local", "operations", "tests", "benchmarks"}
        assert top & rooms == set(bundle.packages)
        assert [name for name in entries if "__pycache__" in name or name.endswith(".pyc")] == []

    @pytest.mark.parametrize("bundle", WORKERS, ids=lambda bundle: bundle.name, indirect=True, scope="module")
    def test_worker_has_no_web_framework(self, entries: dict[str, bytes]) -> None:
        assert not {"fastapi", "starlette", "mangum", "uvicorn"} & set(distributions(entries))

    def test_every_library_is_for_the_target_processor(self, entries: dict[str, bytes]) -> None:
        libraries = {name: content for name, content in entries.items() if content[:4] == b"\x7fELF"}
        assert libraries
        wrong = [name for name, content in libraries.items() if int.from_bytes(content[18:20], "little") != AARCH64]
        assert wrong == []
        # An extension module without a version in its name fits any Python; one with a version must be for Lambda's.
        assert [name for name in libraries if "cpython-" in name and "cpython-313-" not in name] == []


class TestBuildBundles:
    def test_folder_is_replaced_as_a_whole(self, root: Path, tmp_path: Path) -> None:
        folder = tmp_path / "output" / "here"
        folder.mkdir(parents=True)
        (folder / "old.zip").touch()
        manifest = build_bundles(BuildTarget.this_machine(), folder, lambda _: None, root=root, bundles=[TINY])
        assert {file.name for file in folder.iterdir()} == {"tiny.zip", "manifest.json"}
        assert "tiny/work.py" in read(folder / "tiny.zip")
        assert set(manifest.bundles) == {"tiny"}

    def test_failed_build_changes_nothing(self, root: Path, tmp_path: Path) -> None:
        folder = tmp_path / "output" / "here"
        folder.mkdir(parents=True)
        (folder / "old.zip").touch()
        TINY.lock(root).write_text("six==1.17.0\n")
        with pytest.raises(BundleError):
            build_bundles(BuildTarget.this_machine(), folder, lambda _: None, root=root, bundles=[TINY])
        assert [file.name for file in folder.parent.rglob("*")] == ["here", "old.zip"]

    def test_progress_events_have_sizes(self, root: Path, tmp_path: Path) -> None:
        result: list[ProgressEvent] = []
        build_bundles(BuildTarget.this_machine(), tmp_path / "here", result.append, root=root, bundles=[TINY])
        assert [event.state for event in result] == ["started", "finished"]
        assert result[-1].step.endswith(" tiny")
        assert result[-1].detail == "0.0 MB"

    def test_bundle_equals_the_local_bundle(self, root: Path, tmp_path: Path) -> None:
        released = build_bundles(
            BuildTarget.this_machine(), tmp_path / "here", lambda _: None, root=root, bundles=[TINY]
        )
        bundles = local_bundles.build(root=root, cache=tmp_path / "cache", bundles=[TINY])
        bundles.close()
        assert (bundles.folder / "tiny.zip").read_bytes() == (tmp_path / "here" / "tiny.zip").read_bytes()
        assert released.bundles["tiny"].sha256 == hashlib.sha256((bundles.folder / "tiny.zip").read_bytes()).hexdigest()


class TestUsage:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["build", "--architecture", "mips"], "'mips' is not one of"),
            (["nonsense"], "'nonsense'"),
            ([], "Missing command"),
        ],
    )
    def test_invalid_arguments_are_named(self, command: "Command", arguments: list[str], message: str) -> None:
        result = command("release", *arguments)
        assert result.code == ExitCode.USAGE
        assert message in result.err
