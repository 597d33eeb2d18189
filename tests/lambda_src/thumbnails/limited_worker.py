"""A process with the memory of the thumbnail function and ten seconds for each task. One task a line in, one answer a line out,
so whoever asks knows at which task it died.

A task has the `path` of an image, perhaps the `entity_type` whose variants to make instead of a small one, and perhaps the
number of a `mutation` of it; or it has an `event` for the function's handler.
"""

import hashlib
import json
import os
import random
import resource
import sys
import time
import zlib
from pathlib import Path
from typing import Any

MEMORY_MEGABYTES, TASK_SECONDS = int(sys.argv[1]), int(sys.argv[2])
# Address space is what Linux can limit; it counts more than is ever touched, so this is stricter than the function's memory.
resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MEGABYTES << 20,) * 2)

from lambda_src.thumbnails.handler import handler  # noqa: E402  (within the limit, as everything else)
from lambda_src.thumbnails.profiles import PROFILES, Variant  # noqa: E402
from lambda_src.thumbnails.rendering import render  # noqa: E402
from runtime.errors import MediaRefusedError  # noqa: E402

MAX_PIXELS = 50_000_000
SMALL = (Variant("small", 64, 64, "inside", 85),)


def mutated(source: bytes, seed: str) -> bytes:
    """The bytes with one to eight of them changed, cut short, or with a piece doubled or left out; the same for the same seed."""
    chance, changed = random.Random(seed), bytearray(source)
    kind = chance.random()
    if kind < 0.15:
        return bytes(changed[: chance.randrange(len(changed))])
    if kind < 0.3:
        begin = chance.randrange(len(changed))
        end = min(len(changed), begin + chance.randint(1, 64))
        changed[begin:end] = changed[begin:end] * chance.choice((0, 2))
        return bytes(changed)
    for _ in range(chance.randint(1, 8)):
        # Headers decide what the rest means, so half of the changes are made there, behind what makes the format known.
        position = (
            chance.randrange(12, min(len(changed), 96)) if chance.random() < 0.5 else chance.randrange(len(changed))
        )
        changed[position] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, changed[position] ^ 1 << chance.randrange(8)))
    if kind < 0.65:
        sign(changed)
    return bytes(changed)


def sign(png: bytearray) -> None:
    """Puts the right checksums into a PNG, without which a decoder looks no further. Other files stay as they are."""
    at = 8
    while png.startswith(b"\x89PNG") and at + 12 <= len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        end = at + 8 + length
        png[end : end + 4] = (
            zlib.crc32(png[at + 4 : end]).to_bytes(4, "big") if end + 4 <= len(png) else png[end : end + 4]
        )
        at = end + 4


def result(task: dict[str, Any]) -> dict[str, Any]:
    if "event" in task:
        return {"outcome": "answered", "answer": handler(task["event"], None)}
    source = Path(task["path"]).read_bytes()
    if "mutation" in task:
        source = mutated(source, f"{Path(task['path']).name} {task['mutation']}")
    variants = PROFILES[task["entity_type"]] if "entity_type" in task else SMALL
    try:
        renditions = render(source, variants, max_pixels=MAX_PIXELS)
    except MediaRefusedError as refusal:
        return {"outcome": refusal.reason}
    digest = hashlib.sha256(b"".join(rendition.body for rendition in renditions)).hexdigest()
    return {"outcome": "rendered", "digest": digest}


def answer(task: dict[str, Any]) -> dict[str, Any]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + TASK_SECONDS, hard))
    began = time.process_time()
    try:
        said = result(task)
    except MemoryError:
        said = {"outcome": "OUT OF MEMORY"}
    except Exception as error:  # noqa: BLE001  (whatever escapes is a finding, and the next task goes on)
        said = {"outcome": f"ESCAPED {error!r}"}
    # Not getrusage: before it became this program, the process was a copy of the one that started it, and that counts there.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    megabytes = int(status["VmHWM"].split()[0]) / 1024
    return {"digest": None, "answer": None, **said, "seconds": time.process_time() - began, "peak_megabytes": megabytes}


def main() -> None:
    # What the handler logs goes where errors go; the answers have the pipe to themselves.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
