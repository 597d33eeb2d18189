"""Function code, extracted to disk."""

import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pulumi
import pytest

from local.archives import ArchiveError
from local.compute.lambda_.function_code import extract, folder_name, folder_of, move_into_place, staging_folder


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A folder with a package, an executable file and stale bytecode."""
    folder = tmp_path / "source"
    (folder / "package" / "__pycache__").mkdir(parents=True)
    (folder / "package" / "work.py").write_text("ANSWER = 42\n")
    (folder / "package" / "__pycache__" / "work.cpython-311.pyc").write_bytes(b"stale")
    (folder / "tool").write_text("#!/bin/sh\n")
    (folder / "tool").chmod(0o755)
    return folder


def zipped(source: Path, target: Path) -> Path:
    with zipfile.ZipFile(target, "w") as archive:
        for file in source.rglob("*"):
            archive.write(file, file.relative_to(source))
    return target


def tarred(source: Path, target: Path) -> Path:
    with tarfile.open(target, "w:gz") as archive:
        archive.add(source, ".")
    return target


def files(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


CONTENT = {"package/work.py": b"ANSWER = 42\n", "tool": b"#!/bin/sh\n"}


class TestExtract:
    @pytest.mark.parametrize(
        "pack",
        [
            lambda source, _: pulumi.FileArchive(str(source)),
            lambda source, _: str(source),
            lambda source, _: source,
            lambda source, place: pulumi.FileArchive(str(zipped(source, place / "code.zip"))),
            lambda source, place: pulumi.FileArchive(str(tarred(source, place / "code.tar.gz"))),
            lambda source, _: pulumi.AssetArchive(
                {
                    "package": pulumi.FileArchive(str(source / "package")),
                    "tool": pulumi.FileAsset(str(source / "tool")),
                }
            ),
        ],
    )
    def test_every_kind_of_archive_is_extracted_alike(
        self, source: Path, tmp_path: Path, pack: Callable[[Path, Path], Any]
    ) -> None:
        archive = pack(source, tmp_path)
        folder = extract(archive, tmp_path / "state")
        assert folder.parent == tmp_path / "state" / "code"
        assert files(folder) == CONTENT
        assert os.access(folder / "tool", os.X_OK)
        assert not os.access(folder / "package" / "work.py", os.X_OK)
        assert folder == extract(archive, tmp_path / "state")

    def test_folder_and_assets_with_equal_content_share_a_folder(self, source: Path, tmp_path: Path) -> None:
        assets = {path.name: pulumi.FileArchive(str(path)) for path in [source / "package"]}
        archive = pulumi.AssetArchive({**assets, "tool": pulumi.FileAsset(str(source / "tool"))})
        assert extract(archive, tmp_path / "state") == extract(source, tmp_path / "state")

    def test_zip_is_extracted_to_the_folder_of_its_hash(self, source: Path, tmp_path: Path) -> None:
        file = zipped(source, tmp_path / "code.zip")
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert folder_of(file, tmp_path / "state") == tmp_path / "state" / "code" / folder_name(digest)
        assert extract(pulumi.FileArchive(str(file)), tmp_path / "state") == folder_of(file, tmp_path / "state")

    def test_zip_is_not_opened_if_its_folder_exists(self, source: Path, tmp_path: Path) -> None:
        file = tmp_path / "code.zip"
        file.write_text("not a zip file")
        beforehand = folder_of(file, tmp_path / "state")
        beforehand.mkdir(parents=True)
        assert extract(pulumi.FileArchive(str(file)), tmp_path / "state") == beforehand
        assert list(beforehand.iterdir()) == []

    def test_string_asset_becomes_a_file(self, tmp_path: Path) -> None:
        folder = extract(pulumi.AssetArchive({"a/b.py": pulumi.StringAsset("é")}), tmp_path)
        assert files(folder) == {"a/b.py": "é".encode()}

    def test_existing_folder_is_reused_with_its_bytecode(self, source: Path, tmp_path: Path) -> None:
        folder = extract(source, tmp_path / "state")
        compiled = folder / "package" / "__pycache__" / "work.pyc"
        compiled.parent.mkdir()
        compiled.write_bytes(b"compiled")
        assert extract(source, tmp_path / "state") == folder
        assert compiled.read_bytes() == b"compiled"

    def test_changed_content_gets_another_folder(self, source: Path, tmp_path: Path) -> None:
        before = extract(source, tmp_path / "state")
        (source / "package" / "work.py").write_text("ANSWER = 43\n")
        after = extract(source, tmp_path / "state")
        assert before != after
        assert (before / "package" / "work.py").read_text() == "ANSWER = 42\n"
        (source / "tool").chmod(0o644)
        assert extract(source, tmp_path / "state") != after

    def test_concurrent_extractions_share_one_folder(self, source: Path, tmp_path: Path) -> None:
        for number in range(100):
            (source / f"{number}.txt").write_text(str(number))
        together = Barrier(8)

        def make(_: int) -> Path:
            together.wait()
            return extract(source, tmp_path / "state")

        with ThreadPoolExecutor(8) as threads:
            (folder,) = set(threads.map(make, range(8)))
        assert len(files(folder)) == 102
        assert list((tmp_path / "state" / "code").iterdir()) == [folder]

    @pytest.mark.parametrize(
        ("archive", "problem"),
        [
            (pulumi.FileArchive("/nope"), "/nope: no such file or directory"),
            ("/nope.zip", "/nope.zip: no such file or directory"),
            (pulumi.AssetArchive({"a": pulumi.FileAsset("/nope.py")}), "/nope.py: no such file"),
            (pulumi.AssetArchive({"a": pulumi.FileArchive("/nope")}), "/nope: no such file or directory"),
            (
                pulumi.AssetArchive({"../a": pulumi.StringAsset("")}),
                r"\.\./a: the path of an archive entry must be relative",
            ),
            (pulumi.AssetArchive({}), "AssetArchive: the archive is empty"),
            (
                pulumi.RemoteArchive("https://example.com/a.zip"),
                "https://example.com/a.zip: only files on this machine",
            ),
        ],
    )
    def test_unreadable_archive_raises_archive_error(self, tmp_path: Path, archive: Any, problem: str) -> None:
        with pytest.raises(ArchiveError, match=problem):
            extract(archive, tmp_path)

    def test_file_that_is_not_an_archive_raises_archive_error(self, tmp_path: Path) -> None:
        (tmp_path / "code.zip").write_text("no zip")
        with pytest.raises(ArchiveError, match="neither a directory nor a zip or tar archive"):
            extract(pulumi.FileArchive(str(tmp_path / "code.zip")), tmp_path)

    def test_entry_outside_the_archive_raises_archive_error(self, tmp_path: Path) -> None:
        with tarfile.open(tmp_path / "evil.tar", "w") as archive:
            member = tarfile.TarInfo("../evil.py")
            member.size = 1
            archive.addfile(member, io.BytesIO(b"x"))
        with pytest.raises(ArchiveError, match="must be relative"):
            extract(str(tmp_path / "evil.tar"), tmp_path / "state")
        assert not (tmp_path / "evil.py").exists()
        assert not (tmp_path / "state").exists() or not list((tmp_path / "state" / "code").iterdir())


class TestMoveIntoPlace:
    def test_existing_target_is_kept_and_the_other_folder_removed(self, tmp_path: Path) -> None:
        for content in ("first", "second"):
            with staging_folder(tmp_path) as folder:
                (folder / "made").write_text(content)
                move_into_place(folder, tmp_path / "target")
        assert files(tmp_path) == {"target/made": b"first"}

    def test_exception_removes_the_temporary_folder(self, tmp_path: Path) -> None:
        with pytest.raises(KeyError), staging_folder(tmp_path / "new") as folder:
            (folder / "made").write_text("half")
            raise KeyError
        assert list((tmp_path / "new").iterdir()) == []

    def test_target_that_is_a_file_raises_os_error(self, tmp_path: Path) -> None:
        (tmp_path / "target").write_text("a file")
        with pytest.raises(OSError, match="target"), staging_folder(tmp_path) as folder:
            move_into_place(folder, tmp_path / "target")
