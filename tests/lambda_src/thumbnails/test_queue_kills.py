"""Workers that are killed and messages that come several times at once: every job is done, and its effects are there once."""

import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.lambda_src.thumbnails.queue_plant import Plant, seeded

# A few seconds on a quiet machine; the long one some minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def plant(bench, account, supervisor, bundles) -> Iterator[Plant]:
    made = Plant(bench, account, supervisor, bundles)
    yield made
    made.close()


def kill_workers(plant: Plant, jobs: int, kills: int) -> None:
    """Kills any worker as often, each after a random number of jobs, and a moment later."""
    chance = seeded()
    for done in sorted(chance.sample(range(1, jobs * 9 // 10), kills)):
        plant.wait_for(lambda done=done: plant.completed() >= done)
        time.sleep(chance.uniform(0, 0.1))
        os.kill(chance.choice(plant.wait_for(plant.workers)), signal.SIGKILL)


def run(plant: Plant, picture: bytes, *, jobs: int, kills: int) -> dict[str, Any]:
    uploads = [plant.bench.upload(picture) for _ in range(jobs)]
    plant.send([plant.bench.notification(upload) for upload in uploads])
    began = time.monotonic()
    plant.start(batch_size=2)
    kill_workers(plant, jobs, kills)
    redriven = plant.finish(seconds=900)
    plant.assert_each_effect_once([upload.job_id for upload in uploads])
    rows = plant.bench.rows(
        "SELECT retry_count, extract(epoch FROM completed_at - started_at) AS seconds FROM processing_queue"
    )
    return {
        "jobs": jobs,
        "kills": kills,
        "interrupted": sum(row["retry_count"] > 0 for row in rows),
        "redriven": redriven,
        "seconds": round(time.monotonic() - began, 1),
        "longest": float(max(row["seconds"] for row in rows)),
    }


class TestKilledWorkers:
    @pytest.mark.requirement("P2-24", "P2-43", "NOVA-11")
    def test_every_job_is_done_once(self, plant, picture):
        figures = run(plant, picture, jobs=60, kills=6)
        assert figures["longest"] <= 3 * plant.visibility_seconds

    @pytest.mark.long
    def test_thousand_jobs_thirty_kills(self, plant, picture):
        figures = run(plant, picture, jobs=1000, kills=30)
        print(figures)
        assert figures["longest"] <= 3 * plant.visibility_seconds


class TestDuplicates:
    def test_three_messages_for_each_job_at_once_have_one_effect(self, plant, picture):
        uploads = [plant.bench.upload(picture) for _ in range(12)]
        # Side by side, so that the copies of one are worked on at the same time.
        plant.send([plant.bench.notification(upload) for upload in uploads for _ in range(3)])
        plant.start(batch_size=1)
        plant.finish()
        plant.assert_each_effect_once([upload.job_id for upload in uploads])
        assert len(plant.bench.thumbnail_keys()) == 3 * len(uploads)
