"""Notifications in any order, repeated, with and without sequencers: the newest upload wins."""

import functools
import json
import random
from collections.abc import Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from lambda_src.thumbnails import pipeline
from lambda_src.thumbnails.rendering import render
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.job_types import JobType
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.deployed_worker import LEDGER, seeded_random

SHUFFLES = 100
EPISODES = """
WITH show AS (INSERT INTO shows (name) VALUES ('Shuffled') RETURNING show_id)
INSERT INTO episodes (show_id, title, episode_number)
SELECT show_id, 'Seeds', number FROM show, generate_series(1, %s) AS number RETURNING episode_id
"""
SHOWN = """
SELECT episode_id, processing_status, array_agg(DISTINCT job_id) AS job_ids, count(*),
       bool_or(file_reference = thumbnail_reference) AS has_primary
FROM episodes JOIN thumbnails USING (episode_id) GROUP BY episode_id
"""


@pytest.fixture
def cached_rendering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render the same image only once, to save time."""
    monkeypatch.setattr(pipeline, "render", functools.cache(render))


def store(bench: Bench, entity_id: UUID, job_id: UUID, picture: bytes) -> tuple[str, list[str]]:
    """Store an upload's object in two versions: its key contains the job's id, so they are one copy made twice."""
    key = f"raw/episodes/{entity_id}/{job_id}"
    return key, [bench.s3.put_object(Bucket=bench.storage_bucket, Key=key, Body=picture)["VersionId"] for _ in range(2)]


def notifications(
    bench: Bench, key: str, versions: list[str], first_sequencer: int, chance: random.Random
) -> Iterator[str]:
    """Yield S3's notifications: each version created twice and removed; one in five without a sequencer."""
    for number, version in enumerate(versions):
        for name in ("ObjectCreated:Copy", "ObjectCreated:Copy", "ObjectRemoved:Delete"):
            stored = {"key": key, "versionId": version}
            if chance.random() < 0.8:
                stored["sequencer"] = f"{first_sequencer + number:018X}"
            s3 = {"bucket": {"name": bench.storage_bucket}, "object": stored}
            yield json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": s3}]})


class TestOrder:
    @pytest.mark.requirement("C-33")
    def test_newest_upload_wins_in_any_delivery_order(
        self, bench: Bench, picture: bytes, cached_rendering: None
    ) -> None:
        bench.rows(LEDGER)
        chance: random.Random = seeded_random()
        bodies: list[str] = []
        newest: dict[UUID, UUID] = {}
        made: set[UUID] = set()
        with psycopg.connect(bench.conninfo, row_factory=dict_row) as connection:
            for row in connection.execute(EPISODES, [SHUFFLES]).fetchall():
                for sequencer in (100, 200):
                    job = jobs.insert(
                        connection,
                        job_type=JobType.THUMBNAIL_GENERATION,
                        entity_type="episode",
                        entity_id=row["episode_id"],
                        source_reference="s3://temp/uploads/1",
                        source_version_id=None,
                        created_by=None,
                    )
                    key, versions = store(bench, row["episode_id"], job.job_id, picture)
                    bodies += notifications(bench, key, versions, sequencer, chance)
                    newest[row["episode_id"]] = job.job_id
                    made.add(job.job_id)
        assert len(bodies) == SHUFFLES * 2 * 2 * 3
        chance.shuffle(bodies)
        for start in range(0, len(bodies), 10):
            assert bench.deliver(*bodies[start : start + 10]) == []

        shown = {row.pop("episode_id"): row for row in bench.rows(SHOWN)}
        assert shown == {
            episode_id: {"processing_status": "complete", "job_ids": [job_id], "count": 3, "has_primary": True}
            for episode_id, job_id in newest.items()
        }
        completed = bench.rows("SELECT job_id FROM ledger WHERE effect = 'completion'")
        assert len(completed) == len(made)
        assert {row["job_id"] for row in completed} == made
