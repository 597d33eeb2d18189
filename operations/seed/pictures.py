"""Generated pictures: a sky, a sun and hills, drawn from a name and a palette."""

import hashlib
import io
import math
import random
from collections.abc import Sequence

from PIL import Image, ImageColor, ImageDraw, ImageFilter

SIZE = (1600, 900)
QUALITY = 86
HILLS = 4

Colour = tuple[int, int, int]


def draw(name: str, palette: Sequence[str]) -> bytes:
    """Draw a JPEG. It depends only on the name and the palette."""
    # The generator is seeded, because the same name must give the same picture.
    rng = random.Random(hashlib.sha256(name.encode()).digest())  # noqa: S311
    dark, strong, warm, light = (_rgb(colour) for colour in palette)
    top, bottom = rng.choice([(dark, warm), (strong, light), (dark, strong), (warm, light)])
    picture = _gradient(top, bottom)
    _shine(picture, rng, light if sum(top) < sum(bottom) else warm)
    for hill in range(HILLS):
        _hill(picture, rng, _mixed(strong, dark, (hill + 1) / HILLS), base=0.52 + 0.11 * hill)
    _dots(picture, rng, warm)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def _gradient(top: Colour, bottom: Colour) -> Image.Image:
    mask = Image.linear_gradient("L").resize(SIZE)
    return Image.composite(Image.new("RGB", SIZE, bottom), Image.new("RGB", SIZE, top), mask)


def _shine(picture: Image.Image, rng: random.Random, colour: Colour) -> None:
    width, height = SIZE
    x, y, radius = rng.uniform(0.15, 0.85) * width, rng.uniform(0.15, 0.45) * height, rng.uniform(60, 150)
    # Drawn at an eighth of the size, because a blurred edge has no detail.
    glow = Image.new("L", (width // 8, height // 8))
    ImageDraw.Draw(glow).circle((x / 8, y / 8), radius / 4, fill=120)
    glow = glow.filter(ImageFilter.GaussianBlur(10)).resize(SIZE)
    picture.paste(Image.new("RGB", SIZE, colour), mask=glow)
    ImageDraw.Draw(picture).circle((x, y), radius, fill=colour)


def _hill(picture: Image.Image, rng: random.Random, colour: Colour, *, base: float) -> None:
    width, height = SIZE
    waves = [(rng.uniform(0.6, 2.8), rng.uniform(0, math.tau), rng.uniform(15, 60)) for _ in range(3)]

    def elevation(x: int) -> float:
        return sum(size * math.sin(math.tau * frequency * x / width + phase) for frequency, phase, size in waves)

    line = [(x, height * base + elevation(x)) for x in range(0, width + 8, 8)]
    ImageDraw.Draw(picture).polygon([*line, (width, height), (0, height)], fill=colour)


def _dots(picture: Image.Image, rng: random.Random, colour: Colour) -> None:
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.randint(20, 60)):
        x, y = rng.uniform(0, SIZE[0]), rng.uniform(0.7, 1.0) * SIZE[1]
        pen.circle((x, y), rng.uniform(2, 9), fill=colour)


def _mixed(start: Colour, end: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(start, end, strict=True))
    return red, green, blue


def _rgb(text: str) -> Colour:
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue
