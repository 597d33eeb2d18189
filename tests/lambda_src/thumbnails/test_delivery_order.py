"""Notifications in any order, more than once, with and without what says their order: what is left is what the newest says."""

import functools
import json
import random

import psycopg
import pytest
from psycopg.rows import dict_row

from lambda_src.thumbnails import pipeline
from runtime.features.jobs import repository as jobs
from tests.lambda_src.thumbnails.queue_plant import LEDGER, seeded

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
def rendered_once(monkeypatch):
    """The same image is rendered once: what it takes two hundred times is no part of the order."""
    monkeypatch.setattr(pipeline, "render", functools.cache(pipeline.render))


def store(bench, entity_id, job_id, picture):
    """An upload's object in two versions. Its key holds its job's id, so they can only be one copy, made twice."""
    key = f"raw/episodes/{entity_id}/{job_id}"
    return key, [bench.s3.put_object(Bucket=bench.storage_bucket, Key=key, Body=picture)["VersionId"] for _ in range(2)]


def notifications(bench, key, versions, first_sequencer, chance):
    """What S3 may say of them: each version once and again, and its end; one in five without a sequencer."""
    for number, version in enumerate(versions):
        for name in ("ObjectCreated:Copy", "ObjectCreated:Copy", "ObjectRemoved:Delete"):
            stored = {"key": key, "versionId": version}
            if chance.random() < 0.8:
                stored["sequencer"] = f"{first_sequencer + number:018X}"
            s3 = {"bucket": {"name": bench.storage_bucket}, "object": stored}
            yield json.dumps({"Records": [{"eventSource": "aws:s3", "eventName": name, "s3": s3}]})


class TestOrder:
    @pytest.mark.requirement("C-33")
    def test_last_upload_is_what_an_episode_shows_in_each_of_a_hundred_orders(self, bench, picture, rendered_once):
        bench.rows(LEDGER)
        chance: random.Random = seeded()
        bodies, newest, made = [], {}, set()
        with psycopg.connect(bench.conninfo, row_factory=dict_row) as connection:
            for row in connection.execute(EPISODES, [SHUFFLES]).fetchall():
                for sequencer in (100, 200):
                    job = jobs.insert(
                        connection,
                        job_type=pipeline.JobType.THUMBNAIL_GENERATION,
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
