"""A process with the memory of the thumbnail function and ten seconds of CPU time per task.

It reads one task per line and writes one result per line, so that the caller knows at which task it died. A task has the `path`
of an image, optionally the `entity_type` whose variants to render instead of a small one, and optionally the number of a
`mutation`; or it has an `event` for the function's handler.
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
# Linux can limit the address space, which is more than the memory in use, so this is stricter than the function's limit.
resource.setrlimit(resource.RLIMIT_AS, (MEMORY_MEGABYTES << 20,) * 2)

from lambda_src.thumbnails.handler import handler  # noqa: E402  (imported under the limit)
from lambda_src.thumbnails.profiles import PROFILES, Variant  # noqa: E402
from lambda_src.thumbnails.rendering import render  # noqa: E402
from runtime.errors import MediaRefusedError  # noqa: E402

MAX_PIXELS = 50_000_000
SMALL = (Variant("small", 64, 64, "inside", 85),)


def mutated(source: bytes, seed: str) -> bytes:
    """Return the source with one to eight bytes changed, truncated, or with a piece doubled or removed; determined by the seed."""
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
        # Half of the changes are made in the header, after the bytes that determine the format.
        position = (
            chance.randrange(12, min(len(changed), 96)) if chance.random() < 0.5 else chance.randrange(len(changed))
        )
        changed[position] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, changed[position] ^ 1 << chance.randrange(8)))
    if kind < 0.65:
        sign(changed)
    return bytes(changed)


def sign(png: bytearray) -> None:
    """Correct the checksums of a PNG, without which a decoder stops. Other files are not changed."""
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
    except MediaRefusedError as error:
        return {"outcome": error.reason}
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
    except Exception as error:  # noqa: BLE001  (any other error is a finding, and the next task runs)
        said = {"outcome": f"ESCAPED {error!r}"}
    # Not getrusage: its peak includes the time between fork and exec, when the process was a copy of its parent.
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    megabytes = int(status["VmHWM"].split()[0]) / 1024
    return {"digest": None, "answer": None, **said, "seconds": time.process_time() - began, "peak_megabytes": megabytes}


def main() -> None:
    # The handler's log goes to standard error, so that the pipe has only the results.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        for line in sys.stdin:
            print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
