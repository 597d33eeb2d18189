"""A picture for each episode, drawn from its name and its show's colours: a sky, something that shines in it, and hills."""

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
    """The picture as JPEG. The same name and colours give the same picture, another name another one."""
    # Not for secrets: the name alone decides.
    chance = random.Random(hashlib.sha256(name.encode()).digest())  # noqa: S311
    dark, strong, warm, light = (_rgb(colour) for colour in palette)
    top, bottom = chance.choice([(dark, warm), (strong, light), (dark, strong), (warm, light)])
    picture = _gradient(top, bottom)
    _shine(picture, chance, light if sum(top) < sum(bottom) else warm)
    for hill in range(HILLS):
        _hill(picture, chance, _mixed(strong, dark, (hill + 1) / HILLS), height=0.52 + 0.11 * hill)
    _dots(picture, chance, warm)
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()


def _gradient(top: Colour, bottom: Colour) -> Image.Image:
    mask = Image.linear_gradient("L").resize(SIZE)
    return Image.composite(Image.new("RGB", SIZE, bottom), Image.new("RGB", SIZE, top), mask)


def _shine(picture: Image.Image, chance: random.Random, colour: Colour) -> None:
    width, height = SIZE
    x, y, radius = chance.uniform(0.15, 0.85) * width, chance.uniform(0.15, 0.45) * height, chance.uniform(60, 150)
    # Drawn small, because a soft edge needs no detail.
    glow = Image.new("L", (width // 8, height // 8))
    ImageDraw.Draw(glow).circle((x / 8, y / 8), radius / 4, fill=120)
    glow = glow.filter(ImageFilter.GaussianBlur(10)).resize(SIZE)
    picture.paste(Image.new("RGB", SIZE, colour), mask=glow)
    ImageDraw.Draw(picture).circle((x, y), radius, fill=colour)


def _hill(picture: Image.Image, chance: random.Random, colour: Colour, *, height: float) -> None:
    wide, tall = SIZE
    waves = [(chance.uniform(0.6, 2.8), chance.uniform(0, math.tau), chance.uniform(15, 60)) for _ in range(3)]
    line = [
        (x, tall * height + sum(size * math.sin(math.tau * often * x / wide + begin) for often, begin, size in waves))
        for x in range(0, wide + 8, 8)
    ]
    ImageDraw.Draw(picture).polygon([*line, (wide, tall), (0, tall)], fill=colour)


def _dots(picture: Image.Image, chance: random.Random, colour: Colour) -> None:
    pen = ImageDraw.Draw(picture)
    for _ in range(chance.randint(20, 60)):
        x, y = chance.uniform(0, SIZE[0]), chance.uniform(0.7, 1.0) * SIZE[1]
        pen.circle((x, y), chance.uniform(2, 9), fill=colour)


def _mixed(one: Colour, other: Colour, share: float) -> Colour:
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return red, green, blue


def _rgb(text: str) -> Colour:
    red, green, blue = ImageColor.getrgb(text)[:3]
    return red, green, blue
