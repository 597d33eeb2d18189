"""Jobs for the API's tests, stored without the API and without a worker."""

from typing import Any
from uuid import UUID

from runtime.features.jobs import repository
from tests.runtime.features.api_platform import Api

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50


def make_jobs(api: Api, count: int, episode: dict[str, Any] | None = None, **values: Any) -> list[str]:
    """Store pending jobs, of a new episode unless one is given; their originals do not exist."""
    entity_id = UUID((episode or api.create_episode())["episode_id"])
    given = {
        "job_type": "thumbnail_generation",
        "source_reference": f"s3://{api.buckets['storage']}/raw/episodes/{entity_id}/x",
    } | values
    created = []
    for _ in range(count):
        with api.client.app.state.resources.database.transaction() as connection:
            job = repository.insert(
                connection,
                entity_type="episode",
                entity_id=entity_id,
                source_version_id=None,
                created_by=api.editor.user_id,
                **given,
            )
        created.append(str(job.job_id))
    return created


def fail(api: Api, *job_ids: str, error_code: str = "CORRUPT_IMAGE") -> None:
    """Claim and end the jobs as a worker does."""
    with api.client.app.state.resources.database.transaction() as connection:
        for job_id in job_ids:
            claim = repository.claim(connection, UUID(job_id), 60)
            assert claim
            assert repository.fail(connection, claim, error_code=error_code, error_message="The file is broken")


def complete(api: Api, *job_ids: str) -> None:
    """Claim and end the jobs as a worker does."""
    with api.client.app.state.resources.database.transaction() as connection:
        for job_id in job_ids:
            claim = repository.claim(connection, UUID(job_id), 60)
            assert claim
            assert repository.complete(connection, claim)


def upload(api: Api, episode: dict[str, Any], content: bytes = PHOTO) -> dict[str, Any]:
    """Complete an upload, whose original is in the storage bucket then."""
    new_upload = api.create_upload(content, episode=episode)
    api.store(new_upload, content)
    response = api.complete(new_upload)
    assert response.status_code == 200, response.text
    completed: dict[str, Any] = response.json()["data"]
    return completed


def job(api: Api, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(f"/api/v1/jobs/{job_id}", api.editor).json()["data"]
    return found


def rows(api: Api, query: str, *values: Any) -> list[dict[str, Any]]:
    with api.client.app.state.resources.database.transaction() as connection:
        found: list[dict[str, Any]] = connection.execute(query, values).fetchall()
    return found


def make_outbox_due(api: Api) -> None:
    """End the grace period of all outbox messages, so that the relay sends them."""
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now()")
