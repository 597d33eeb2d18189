"""The largest images that are accepted fit into the function's memory (ROAD-120)."""

import io
import json
import os
import subprocess
import sys

import pytest
from PIL import Image

MEGABYTE = 1 << 20
FUNCTION_MEMORY_MEGABYTES = 1_024
SPARE_SHARE = 0.35  # of the memory, never used

WORKER = """
import json, resource, sys
# Address space is what Linux can limit; it counts more than is ever touched, so this is stricter than the function's memory.
resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]),) * 2)
from lambda_src.thumbnails.handler import handler
answer = handler(json.load(sys.stdin), None)
# Not getrusage: before it became this program, the process was a copy of the one that started it, and that counts there.
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(json.dumps([answer, int(status["VmHWM"].split()[0])]))
"""


@pytest.mark.requirement("ROAD-120")
@pytest.mark.parametrize(("kind", "entity_type"), [("PNG", "episode"), ("PNG", "item"), ("JPEG", "item")])
def test_49_megapixels(bench, kind, entity_type):
    file = io.BytesIO()
    if kind == "PNG":
        Image.new("RGBA", (7_000, 7_000), (200, 100, 50, 128)).save(file, "PNG", compress_level=1)
    else:
        Image.new("CMYK", (7_000, 7_000), (20, 100, 50, 0)).save(file, "JPEG", progressive=True)
    upload = bench.upload(file.getvalue(), bench.episode(), entity_type)
    done = subprocess.run(
        [sys.executable, "-c", WORKER, str(FUNCTION_MEMORY_MEGABYTES * MEGABYTE)],
        input=json.dumps(bench.event(bench.notification(upload))),
        env={"PATH": os.environ["PATH"], **bench.environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer, kilobytes = json.loads(done.stdout.splitlines()[-1])
    assert answer == {"batchItemFailures": []}
    assert bench.job(upload.job_id)["status"] == "completed"
    assert kilobytes / 1024 <= (1 - SPARE_SHARE) * FUNCTION_MEMORY_MEGABYTES
