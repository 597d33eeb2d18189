"""Validation of the photo before a journey."""

from pathlib import Path

import pytest
from PIL import Image

from operations.journeys import photo
from operations.project import checkout
from operations.terminal.command_errors import CommandError


class TestRead:
    def test_bundled_photo_is_decoded(self) -> None:
        image_file = photo.read(checkout.BUNDLED_PHOTO)
        assert (image_file.media_type, image_file.width, image_file.height) == ("image/jpeg", 5312, 2988)
        assert len(image_file.content) == checkout.BUNDLED_PHOTO.stat().st_size
        assert len(image_file.sha256) == 64

    def test_media_type_depends_on_the_content(self, tmp_path: Path) -> None:
        path = tmp_path / "wrong.jpg"
        Image.new("RGB", (4, 3)).save(path, format="PNG")
        assert photo.read(path).media_type == "image/png"

    def test_mpo_file_is_a_jpeg(self, tmp_path: Path) -> None:
        path = tmp_path / "camera.jpg"
        Image.new("RGB", (8, 6)).save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", (4, 3))])
        with Image.open(path) as image:
            assert image.format == "MPO"
        assert photo.read(path).media_type == "image/jpeg"

    @pytest.mark.parametrize(
        ("content", "message"),
        [(None, "No such file or directory"), (b"", "is not an image"), (b"hello", "is not an image")],
    )
    def test_invalid_image_raises_command_error(self, tmp_path: Path, content: bytes | None, message: str) -> None:
        path = tmp_path / "photo.jpg"
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(CommandError, match=message) as raised:
            photo.read(path)
        assert str(path) in raised.value.message
        assert "platform journey --photo " in raised.value.next_step

    def test_folder_raises_command_error(self, tmp_path: Path) -> None:
        with pytest.raises(CommandError, match="Is a directory"):
            photo.read(tmp_path)

    def test_truncated_image_raises_command_error(self, tmp_path: Path) -> None:
        path = tmp_path / "cut.jpg"
        path.write_bytes(checkout.BUNDLED_PHOTO.read_bytes()[:20_000])
        with pytest.raises(CommandError, match="cannot be decoded"):
            photo.read(path)
