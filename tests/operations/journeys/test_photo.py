"""A photo is checked before anything is created for it."""

from pathlib import Path

import pytest
from PIL import Image

from operations.journeys import photo
from operations.project import checkout
from operations.terminal.command_errors import CommandError


class TestRead:
    def test_bundled_photo_is_read(self) -> None:
        read = photo.read(checkout.BUNDLED_PHOTO)
        assert (read.media_type, read.width, read.height) == ("image/jpeg", 5312, 2988)
        assert len(read.content) == checkout.BUNDLED_PHOTO.stat().st_size
        assert len(read.sha256) == 64

    def test_media_type_follows_the_content(self, tmp_path: Path) -> None:
        path = tmp_path / "wrong.jpg"
        Image.new("RGB", (4, 3)).save(path, format="PNG")
        assert photo.read(path).media_type == "image/png"

    def test_photo_with_more_pictures_behind_the_first_is_a_jpeg(self, tmp_path: Path) -> None:
        path = tmp_path / "camera.jpg"
        Image.new("RGB", (8, 6)).save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", (4, 3))])
        with Image.open(path) as image:
            assert image.format == "MPO"
        assert photo.read(path).media_type == "image/jpeg"

    @pytest.mark.parametrize(
        ("content", "said"),
        [(None, "No such file or directory"), (b"", "is not an image"), (b"hello", "is not an image")],
    )
    def test_what_is_no_image_is_refused(self, tmp_path: Path, content: bytes | None, said: str) -> None:
        path = tmp_path / "photo.jpg"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CommandError, match=said) as refused:
            photo.read(path)
        assert str(path) in refused.value.message
        assert "platform journey --photo " in refused.value.next_step

    def test_folder_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="Is a directory"):
            photo.read(tmp_path)

    def test_file_that_only_begins_like_an_image_is_refused(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.jpg"
        path.write_bytes(checkout.BUNDLED_PHOTO.read_bytes()[:20_000])
        with pytest.raises(CommandError, match="cannot be decoded"):
            photo.read(path)
