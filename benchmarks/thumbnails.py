"""The thumbnails of one photograph: the worker's own `render` against its decoder alone, and against sharp."""

import io
import math
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from PIL import Image, ImageOps

from benchmarks import node_packages
from benchmarks.partner import Partner
from benchmarks.report import Figures, Section
from benchmarks.rounds import Contestant, Spread, Turn, take_turns
from lambda_src.thumbnails.profiles import PROFILES, Variant
from lambda_src.thumbnails.rendering import DECODERS, Rendition, render

NAME = "thumbnails"
PHOTO = Path(__file__).resolve().parent.parent / "assets" / "dandelions.jpg"
VARIANTS = sorted(PROFILES["episode"], key=lambda variant: -variant.width)
MAX_PIXELS = 50_000_000
TWELVE_MEGAPIXELS = 4000, 3000

DECODE = "decode alone"
FLOOR = "decode and encode alone"
WORKER = "the worker's render"
# What sharp is asked for, and with how many threads of libvips.
SHARPS = {
    "sharp, one decode": ("one decode", 1),
    "sharp, a pipeline a size": ("a pipeline a size", 1),
    "sharp, one decode, 2 threads": ("one decode", 2),
}


@dataclass(frozen=True)
class Made:
    """What must be alike whoever made it, and how many bytes it took."""

    sizes: Sequence[tuple[int, int]]
    byte_count: int


def measure(*, quick: bool) -> Section:
    """Every kind of source, every contestant."""
    rounds, sources = (1, _copies((640, 480))) if quick else (9, _original() | _copies(TWELVE_MEGAPIXELS))
    tables, missing = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-thumbnails-")))
        sharp: Partner | None = None
        try:
            packages = node_packages.install()
            argv = packages.argv("thumbnails.mjs")
            sharp = stack.enter_context(Partner(argv, folder=packages.folder, log=folder / "sharp.log"))
        except node_packages.NodeMissingError as error:
            missing.append(f"sharp: {error}")
        for number, (title, source) in enumerate(sources.items()):
            path = folder / str(number)
            path.write_bytes(source)
            tables.append(_race(title, source, path, sharp, rounds))
    return Section(name=NAME, tables=tables, missing=missing)


def _original() -> dict[str, bytes]:
    """The bundled photograph as it is, a progressive JPEG."""
    body = PHOTO.read_bytes()
    with Image.open(io.BytesIO(body)) as photo:
        return {_title("progressive JPEG", photo.size, body): body}


def _copies(size: tuple[int, int]) -> dict[str, bytes]:
    """The photograph in another size, in three formats."""
    with Image.open(PHOTO) as photo:
        smaller = ImageOps.fit(photo, size)
    made = {}
    for kind, options in (("JPEG", {"quality": 90}), ("PNG", {"compress_level": 6}), ("WEBP", {"quality": 90})):
        smaller.save(file := io.BytesIO(), kind, **options)
        made[_title(kind, size, file.getvalue())] = file.getvalue()
    return made


def _title(kind: str, size: tuple[int, int], body: bytes) -> str:
    return f"{size[0] * size[1] / 1e6:.0f} MP {kind} ({size[0]}×{size[1]}, {len(body):,} bytes)"


def _race(title: str, source: bytes, path: Path, sharp: Partner | None, rounds: int) -> Figures:
    renditions = render(source, VARIANTS, max_pixels=MAX_PIXELS)
    made = {WORKER: Made([(one.width, one.height) for one in renditions], sum(len(one.body) for one in renditions))}
    contestants: dict[str, Contestant] = {
        DECODE: partial(_timed, partial(_decode, source)),
        FLOOR: partial(_timed, partial(_decode_and_encode, source, [_opened(one) for one in renditions])),
        WORKER: partial(_timed, partial(render, source, VARIANTS, max_pixels=MAX_PIXELS)),
    }
    if sharp:
        for name in SHARPS:
            contestants[name] = partial(_asked, sharp, name, path, made)
    turns = take_turns(contestants, rounds=rounds)
    for name, one in made.items():
        if one.sizes != made[WORKER].sizes:
            raise ValueError(f"{name} made {one.sizes}, the worker {made[WORKER].sizes}: they cannot be compared")
    rows = [_row(name, turns, made) for name in contestants]
    columns = ("", "ms", "CPU ms", "× decode alone", "× the worker, CPU", "× the worker, wall", "bytes made")
    return Figures(title=title, columns=columns, rows=rows)


def _row(name: str, turns: Mapping[str, Sequence[Turn]], made: Mapping[str, Made]) -> list[str]:
    own = turns[name]
    return [
        name,
        Spread.of_turns(own, "ms").text(),
        Spread.of_turns(own, "cpu ms").text(),
        f"{Spread.of_ratios(own, turns[DECODE], 'cpu ms').median:.2f}",
        f"{Spread.of_ratios(own, turns[WORKER], 'cpu ms').median:.2f}",
        f"{Spread.of_ratios(own, turns[WORKER], 'ms').median:.2f}",
        f"{made[name].byte_count:,}" if name in made else "",
    ]


def _decode(source: bytes) -> None:
    """What nobody is spared who has these pixels to read: the same decoder, at the smallest scale that it offers and that
    the largest variant does not outgrow.
    """
    with Image.open(io.BytesIO(source), formats=DECODERS) as image:
        scale = max(max(each.width / image.width, each.height / image.height) for each in VARIANTS)
        if scale < 1:
            image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
        image.load()


def _decode_and_encode(source: bytes, pictures: Sequence[tuple[Image.Image, Variant]]) -> None:
    """What is left when scaling costs nothing: the decode, and the encoding of pictures that are there already."""
    _decode(source)
    for picture, variant in pictures:
        picture.save(io.BytesIO(), "JPEG", quality=variant.quality, optimize=True, progressive=True)


def _opened(rendition: Rendition) -> tuple[Image.Image, Variant]:
    variant = next(each for each in VARIANTS if each.name == rendition.name)
    with Image.open(io.BytesIO(rendition.body)) as image:
        return image.copy(), variant


def _timed(work: Callable[[], object]) -> Turn:
    used, began = time.process_time(), time.perf_counter()
    work()
    return {"ms": (time.perf_counter() - began) * 1000, "cpu ms": (time.process_time() - used) * 1000}


def _asked(sharp: Partner, name: str, path: Path, made: dict[str, Made]) -> Turn:
    how, threads = SHARPS[name]
    variants = [{"width": one.width, "height": one.height, "quality": one.quality} for one in VARIANTS]
    answer = sharp.ask(path=str(path), how=how, threads=threads, variants=variants)
    if {one["format"] for one in answer["made"]} != {"jpeg"}:
        raise ValueError(f"{name} made something else than JPEGs: {answer['made']}")
    sizes = [(one["width"], one["height"]) for one in answer["made"]]
    made[name] = Made(sizes, sum(one["bytes"] for one in answer["made"]))
    return {"ms": answer["ms"], "cpu ms": answer["cpu ms"]}
