"""Killed workers and concurrent duplicates: every job completes, and its effects occur once."""

import functools
import os
import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.account import LocalAccount
from local.supervisor import Supervisor
from operations.release.local_bundles import LocalBundles
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.deployed_worker import DeployedWorker, seeded_random

# A few seconds on an idle machine; the long test takes some minutes.
pytestmark = pytest.mark.timeout(900)


@pytest.fixture
def deployed(
    bench: Bench, account: LocalAccount, supervisor: Supervisor, bundles: LocalBundles
) -> Iterator[DeployedWorker]:
    made = DeployedWorker(bench, account, supervisor, bundles)
    yield made
    made.close()


def has_completed(deployed: DeployedWorker, jobs: int) -> bool:
    return deployed.completed() >= jobs


def kill_workers(deployed: DeployedWorker, jobs: int, kills: int) -> None:
    """Kill a random worker `kills` times, each after a random number of completed jobs and a short delay."""
    chance = seeded_random()
    for done in sorted(chance.sample(range(1, jobs * 9 // 10), kills)):
        deployed.wait_for(functools.partial(has_completed, deployed, done))
        time.sleep(chance.uniform(0, 0.1))
        os.kill(chance.choice(deployed.wait_for(deployed.workers)), signal.SIGKILL)


def run(deployed: DeployedWorker, picture: bytes, *, jobs: int, kills: int) -> dict[str, Any]:
    uploads = [deployed.bench.upload(picture) for _ in range(jobs)]
    deployed.send([deployed.bench.notification(upload) for upload in uploads])
    began = time.monotonic()
    deployed.start(batch_size=2)
    kill_workers(deployed, jobs, kills)
    redriven = deployed.finish(seconds=900)
    deployed.assert_each_effect_once([upload.job_id for upload in uploads])
    rows = deployed.bench.rows(
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
    def test_killed_workers_complete_every_job_once(self, deployed: DeployedWorker, picture: bytes) -> None:
        figures = run(deployed, picture, jobs=60, kills=6)
        assert figures["longest"] <= 3 * deployed.visibility_seconds

    @pytest.mark.long
    def test_thousand_jobs_survive_thirty_kills(self, deployed: DeployedWorker, picture: bytes) -> None:
        figures = run(deployed, picture, jobs=1000, kills=30)
        print(figures)
        assert figures["longest"] <= 3 * deployed.visibility_seconds


class TestDuplicates:
    def test_concurrent_duplicates_have_one_effect(self, deployed: DeployedWorker, picture: bytes) -> None:
        uploads = [deployed.bench.upload(picture) for _ in range(12)]
        # In sequence, so that the duplicates of a message are processed concurrently.
        deployed.send([deployed.bench.notification(upload) for upload in uploads for _ in range(3)])
        deployed.start(batch_size=1)
        deployed.finish()
        deployed.assert_each_effect_once([upload.job_id for upload in uploads])
        assert len(deployed.bench.thumbnail_keys()) == 3 * len(uploads)
