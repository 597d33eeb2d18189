"""Reproducible bundles, and errors while building them."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from operations.project import checkout
from operations.release import bundle_builder
from operations.release.build_target import BuildTarget
from operations.release.bundles import BUNDLES, BundleError
from tests.operations.release.conftest import TINY, locked

HERE = BuildTarget.this_machine()
(MAINTENANCE,) = (bundle for bundle in BUNDLES if bundle.name == "maintenance")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "package").mkdir(parents=True)
    (folder / "package" / "__init__.py").write_text("a = 1\n" * 100)
    (folder / "library.so").write_bytes(b"\x7fELF")
    return folder


def sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def build_zip(site: Path, file: Path, sources: dict[str, bytes] | None = None) -> str:
    bundle_builder.zip_packages(site, file)
    bundle_builder.append_sources(sources or {"tiny/__init__.py": b"", "tiny/work.py": b"x"}, file, TINY)
    return sha256(file)


class TestZip:
    def test_times_modes_bytecode_and_file_order_do_not_change_the_bytes(
        self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = build_zip(site, tmp_path / "first.zip")
        other = tmp_path / "other"
        (other / "package" / "__pycache__").mkdir(parents=True)
        (other / "package" / "__pycache__" / "x.pyc").write_bytes(b"bytecode")
        for name in ("library.so", "package/__init__.py"):
            shutil.copyfile(site / name, other / name)
            (other / name).chmod(0o755)
            os.utime(other / name, (1, 1))
        sources = {"tiny/work.py": b"x", "tiny/__init__.py": b""}
        found = Path.rglob
        # The order of a directory listing depends on the file system.
        monkeypatch.setattr(Path, "rglob", lambda folder, pattern: sorted(found(folder, pattern), reverse=True))
        assert build_zip(other, tmp_path / "second.zip", sources) == first

    def test_entries_have_fixed_times_and_modes(self, site: Path, tmp_path: Path) -> None:
        build_zip(site, tmp_path / "made.zip")
        with zipfile.ZipFile(tmp_path / "made.zip") as archive:
            entries = archive.infolist()
            assert archive.testzip() is None
        assert [entry.filename for entry in entries] == [
            "library.so",
            "package/__init__.py",
            "tiny/__init__.py",
            "tiny/work.py",
        ]
        assert {entry.date_time for entry in entries} == {(1980, 1, 1, 0, 0, 0)}
        assert {(entry.create_system, entry.external_attr >> 16) for entry in entries} == {(3, 0o644)}
        assert entries[1].compress_size < entries[1].file_size

    def test_locked_package_with_a_first_party_name_is_rejected(self, site: Path, tmp_path: Path) -> None:
        (site / "tiny").mkdir()
        (site / "tiny" / "other.py").touch()
        with pytest.raises(
            BundleError, match="bundle tiny: a package of its lock overwrites tiny, which is a first-party package"
        ):
            build_zip(site, tmp_path / "made.zip")

    @pytest.mark.parametrize("limit", ["MAX_ZIPPED_BYTES", "MAX_UNPACKED_BYTES"])
    def test_zip_beyond_a_lambda_limit_is_rejected(
        self, site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        monkeypatch.setattr(bundle_builder, limit, 100)
        with pytest.raises(BundleError, match=r"bundle tiny: 0\.0 MB, 0\.0 MB unpacked: Lambda's limits are"):
            build_zip(site, tmp_path / "made.zip")
        bundle_builder.zip_packages(site, tmp_path / "container.zip")
        bundle_builder.append_sources({"tiny/work.py": b"x"}, tmp_path / "container.zip", replace(TINY, handler=None))


class TestDigests:
    def test_packages_digest_depends_on_lock_target_and_zlib(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        digests = [
            bundle_builder.packages_digest(TINY, target, root)
            for target in (HERE, BuildTarget.lambda_function("arm64"))
        ]
        digests.append(bundle_builder.packages_digest(TINY, replace(HERE, python="3.99"), root))
        with monkeypatch.context() as patch:
            patch.setattr(zlib, "ZLIB_RUNTIME_VERSION", "9.9")
            digests.append(bundle_builder.packages_digest(TINY, HERE, root))
        with monkeypatch.context() as patch:
            patch.setattr(bundle_builder, "BUILDER_VERSION", "next")
            digests.append(bundle_builder.packages_digest(TINY, HERE, root))
        TINY.lock(root).write_text(TINY.lock(root).read_text() + "\n")
        digests.append(bundle_builder.packages_digest(TINY, HERE, root))
        assert len(set(digests)) == 6

    def test_bundle_digest_depends_on_packages_names_and_contents(self) -> None:
        digests = {
            bundle_builder.bundle_digest("a", {"x": b"1", "y": b"2"}),
            bundle_builder.bundle_digest("b", {"x": b"1", "y": b"2"}),
            bundle_builder.bundle_digest("a", {"x": b"1", "z": b"2"}),
            bundle_builder.bundle_digest("a", {"x": b"1", "y": b"3"}),
        }
        assert len(digests) == 4

    def test_missing_lock_raises_bundle_error(self, root: Path) -> None:
        TINY.lock(root).unlink()
        with pytest.raises(BundleError, match=r"locks/tiny\.txt is missing") as raised:
            bundle_builder.packages_digest(TINY, HERE, root)
        assert raised.value.next_step == "make lock"


class TestInstall:
    def test_other_interpreter_path_and_umask_give_the_same_bytes(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here = self.build_zip(tmp_path / "here")
        environment = tmp_path / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
        (environment / "bin" / "uv").symlink_to(Path(sys.executable).with_name("uv"))
        monkeypatch.setattr(sys, "executable", str(environment / "bin" / "python"))
        # Linked files would have the modes of the first installation.
        monkeypatch.setenv("UV_LINK_MODE", "copy")
        before = os.umask(0o077)
        try:
            assert self.build_zip(tmp_path / "somewhere" / "else") == here
        finally:
            os.umask(before)

    def build_zip(self, folder: Path) -> str:
        bundle_builder.install_packages(
            MAINTENANCE, BuildTarget.lambda_function("x86_64"), folder / "site", checkout.ROOT
        )
        bundle_builder.zip_packages(folder / "site", folder / "made.zip")
        bundle_builder.append_sources(MAINTENANCE.sources(checkout.ROOT), folder / "made.zip", MAINTENANCE)
        return sha256(folder / "made.zip")

    def test_scripts_and_records_are_removed_and_metadata_stays(self, root: Path, tmp_path: Path) -> None:
        # The package installs a script, `idna`.
        TINY.lock(root).write_text(locked("idna"))
        bundle_builder.install_packages(TINY, HERE, tmp_path / "site", root)
        found = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*")}
        assert "idna/__init__.py" in found
        assert [name for name in found if name.endswith(".dist-info/METADATA")]
        assert [name for name in found if name.startswith("bin") or name.endswith(("RECORD", ".lock", ".pyc"))] == []

    def test_package_without_hash_is_rejected(self, root: Path, tmp_path: Path) -> None:
        TINY.lock(root).write_text("six==1.17.0\n")
        with pytest.raises(BundleError, match=r"bundle tiny: its packages cannot be installed: .*hash"):
            bundle_builder.install_packages(TINY, HERE, tmp_path / "site", root)

    def test_missing_uv_raises_bundle_error(self, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
        with pytest.raises(BundleError, match="uv cannot be started") as raised:
            bundle_builder.install_packages(TINY, HERE, tmp_path / "site", root)
        assert raised.value.next_step == "make setup"
