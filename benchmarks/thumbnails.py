"""Thumbnails of a photo: the worker's `render` compared with its decoder alone, and with sharp."""

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
from benchmarks.candidate_process import CandidateProcess
from benchmarks.report import ResultTable, Section
from benchmarks.rounds import Candidate, Measurement, Spread, measure_rounds
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
class Output:
    """What all candidates must have in common, and the size of their output."""

    sizes: Sequence[tuple[int, int]]
    byte_count: int


def measure(*, quick: bool) -> Section:
    """Measure every candidate with every kind of source."""
    rounds, sources = (1, _copies((640, 480))) if quick else (9, _original() | _copies(TWELVE_MEGAPIXELS))
    tables, missing = [], []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="benchmark-thumbnails-")))
        sharp: CandidateProcess | None = None
        try:
            packages = node_packages.install()
            argv = packages.argv("thumbnails.mjs")
            sharp = stack.enter_context(CandidateProcess(argv, folder=packages.folder, log=folder / "sharp.log"))
        except node_packages.NodeUnavailableError as error:
            missing.append(f"sharp: {error}")
        for number, (title, source) in enumerate(sources.items()):
            path = folder / str(number)
            path.write_bytes(source)
            tables.append(_compare_candidates(title, source, path, sharp, rounds))
    return Section(name=NAME, tables=tables, missing=missing)


def _original() -> dict[str, bytes]:
    """Return the bundled photo, a progressive JPEG."""
    body = PHOTO.read_bytes()
    with Image.open(io.BytesIO(body)) as photo:
        return {_title("progressive JPEG", photo.size, body): body}


def _copies(size: tuple[int, int]) -> dict[str, bytes]:
    """Return the photo in another size and three formats."""
    with Image.open(PHOTO) as photo:
        resized = ImageOps.fit(photo, size)
    outputs = {}
    for kind, options in (("JPEG", {"quality": 90}), ("PNG", {"compress_level": 6}), ("WEBP", {"quality": 90})):
        resized.save(file := io.BytesIO(), kind, **options)
        outputs[_title(kind, size, file.getvalue())] = file.getvalue()
    return outputs


def _title(kind: str, size: tuple[int, int], body: bytes) -> str:
    return f"{size[0] * size[1] / 1e6:.0f} MP {kind} ({size[0]}×{size[1]}, {len(body):,} bytes)"


def _compare_candidates(
    title: str, source: bytes, path: Path, sharp: CandidateProcess | None, rounds: int
) -> ResultTable:
    renditions = render(source, VARIANTS, max_pixels=MAX_PIXELS)
    outputs = {
        WORKER: Output([(item.width, item.height) for item in renditions], sum(len(item.body) for item in renditions))
    }
    candidates: dict[str, Candidate] = {
        DECODE: partial(_measure, partial(_decode, source)),
        FLOOR: partial(_measure, partial(_decode_and_encode, source, [_decoded(item) for item in renditions])),
        WORKER: partial(_measure, partial(render, source, VARIANTS, max_pixels=MAX_PIXELS)),
    }
    if sharp:
        for name in SHARPS:
            candidates[name] = partial(_measure_sharp, sharp, name, path, outputs)
    measurements = measure_rounds(candidates, rounds=rounds)
    for name, item in outputs.items():
        if item.sizes != outputs[WORKER].sizes:
            raise ValueError(
                f"{name} produced {item.sizes}, the worker {outputs[WORKER].sizes}: they cannot be compared"
            )
    rows = [_row(name, measurements, outputs) for name in candidates]
    columns = ("", "ms", "CPU ms", "× decode alone", "× the worker, CPU", "× the worker, wall", "bytes made")
    return ResultTable(title=title, columns=columns, rows=rows)


def _row(name: str, measurements: Mapping[str, Sequence[Measurement]], outputs: Mapping[str, Output]) -> list[str]:
    measured = measurements[name]
    return [
        name,
        Spread.of_measurements(measured, "ms").text(),
        Spread.of_measurements(measured, "cpu ms").text(),
        f"{Spread.of_ratios(measured, measurements[DECODE], 'cpu ms').median:.2f}",
        f"{Spread.of_ratios(measured, measurements[WORKER], 'cpu ms').median:.2f}",
        f"{Spread.of_ratios(measured, measurements[WORKER], 'ms').median:.2f}",
        f"{outputs[name].byte_count:,}" if name in outputs else "",
    ]


def _decode(source: bytes) -> None:
    """Decode at the smallest scale that suits the largest variant: the minimum for any candidate."""
    with Image.open(io.BytesIO(source), formats=DECODERS) as image:
        scale = max(max(each.width / image.width, each.height / image.height) for each in VARIANTS)
        if scale < 1:
            image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
        image.load()


def _decode_and_encode(source: bytes, pictures: Sequence[tuple[Image.Image, Variant]]) -> None:
    """Decode, and encode thumbnails that were scaled before: the cost without scaling."""
    _decode(source)
    for picture, variant in pictures:
        picture.save(io.BytesIO(), "JPEG", quality=variant.quality, optimize=True, progressive=True)


def _decoded(rendition: Rendition) -> tuple[Image.Image, Variant]:
    variant = next(each for each in VARIANTS if each.name == rendition.name)
    with Image.open(io.BytesIO(rendition.body)) as image:
        return image.copy(), variant


def _measure(work: Callable[[], object]) -> Measurement:
    used, began = time.process_time(), time.perf_counter()
    work()
    return {"ms": (time.perf_counter() - began) * 1000, "cpu ms": (time.process_time() - used) * 1000}


def _measure_sharp(sharp: CandidateProcess, name: str, path: Path, outputs: dict[str, Output]) -> Measurement:
    how, threads = SHARPS[name]
    variants = [{"width": item.width, "height": item.height, "quality": item.quality} for item in VARIANTS]
    result = sharp.call(path=str(path), how=how, threads=threads, variants=variants)
    if {item["format"] for item in result["made"]} != {"jpeg"}:
        raise ValueError(f"{name} did not produce JPEGs: {result['made']}")
    sizes = [(item["width"], item["height"]) for item in result["made"]]
    outputs[name] = Output(sizes, sum(item["bytes"] for item in result["made"]))
    return {"ms": result["ms"], "cpu ms": result["cpu ms"]}
