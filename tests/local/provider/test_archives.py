"""Zip files of Lambda code."""

import io
import os
import zipfile
from pathlib import Path

import pulumi
import pytest

from local.provider.requests.archives import zip_archive
from local.provider.resource_types.errors import ResourceError


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__" / "handler.cpython-311.pyc").write_bytes(b"cache")
    (folder / "handler.py").write_text("def handler(event, context): ...\n")
    (folder / "deep").mkdir()
    (folder / "deep" / "data.json").write_text("{}")
    return folder


def contents(archive: pulumi.Archive) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(zip_archive(archive))) as file:
        return {name: file.read(name) for name in file.namelist()}


def test_folders_files_and_strings_are_added_by_name(sources: Path) -> None:
    archive = pulumi.AssetArchive(
        {
            "package": pulumi.FileArchive(str(sources)),
            "more/main.py": pulumi.FileAsset(str(sources / "handler.py")),
            "text.txt": pulumi.StringAsset("text"),
        }
    )
    assert sorted(contents(archive)) == ["more/main.py", "package/deep/data.json", "package/handler.py", "text.txt"]
    assert contents(archive)["text.txt"] == b"text"


def test_same_content_gives_the_same_bytes(sources: Path) -> None:
    before = zip_archive(pulumi.FileArchive(str(sources)))
    os.utime(sources / "handler.py", (1, 1))
    (sources / "handler.py").chmod(0o600)
    assert zip_archive(pulumi.FileArchive(str(sources))) == before


def test_other_content_gives_other_bytes(sources: Path) -> None:
    before = zip_archive(pulumi.FileArchive(str(sources)))
    (sources / "handler.py").write_text("other")
    assert zip_archive(pulumi.FileArchive(str(sources))) != before


def test_zip_file_is_sent_unchanged(sources: Path, tmp_path: Path) -> None:
    built = tmp_path / "built.zip"
    built.write_bytes(zip_archive(pulumi.FileArchive(str(sources))))
    assert zip_archive(pulumi.FileArchive(str(built))) == built.read_bytes()
    inside = contents(pulumi.AssetArchive({"layer": pulumi.FileArchive(str(built))}))
    assert sorted(inside) == ["layer/deep/data.json", "layer/handler.py"]


@pytest.mark.parametrize(
    "archive",
    [
        pulumi.FileArchive("/no/such/folder"),
        pulumi.AssetArchive({"a": pulumi.FileAsset("/no/such/file")}),
        pulumi.RemoteArchive("https://example.com/code.zip"),
    ],
)
def test_unreadable_archive_is_rejected(archive: pulumi.Archive) -> None:
    with pytest.raises(ResourceError):
        zip_archive(archive)
