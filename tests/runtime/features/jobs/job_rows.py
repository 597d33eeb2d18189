"""Jobs as the API's tests need them: stored without the API, and worked on by nobody."""

from typing import Any
from uuid import UUID

from runtime.features.jobs import repository
from tests.runtime.features.api_platform import Api

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50


def make_jobs(api: Api, count: int, episode: dict[str, Any] | None = None, **values: Any) -> list[str]:
    """Pending jobs, of a new episode unless one is named; their sources are originals that are not there."""
    entity_id = UUID((episode or api.create_episode())["episode_id"])
    given = {
        "job_type": "thumbnail_generation",
        "source_reference": f"s3://{api.buckets['storage']}/raw/episodes/{entity_id}/x",
    } | values
    made = []
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
        made.append(str(job.job_id))
    return made


def fail(api: Api, *job_ids: str, error_code: str = "CORRUPT_IMAGE") -> None:
    """As a worker does it."""
    with api.client.app.state.resources.database.transaction() as connection:
        for job_id in job_ids:
            claim = repository.claim(connection, UUID(job_id), 60)
            assert claim
            assert repository.fail(connection, claim, error_code=error_code, error_message="The file is broken")


def complete(api: Api, *job_ids: str) -> None:
    """As a worker does it."""
    with api.client.app.state.resources.database.transaction() as connection:
        for job_id in job_ids:
            claim = repository.claim(connection, UUID(job_id), 60)
            assert claim
            assert repository.complete(connection, claim)


def upload(api: Api, episode: dict[str, Any], content: bytes = PHOTO) -> dict[str, Any]:
    """A completed upload, whose original is where the worker finds it."""
    announced = api.announce(content, episode=episode)
    api.store(announced, content)
    answer = api.complete(announced)
    assert answer.status_code == 200, answer.text
    completed: dict[str, Any] = answer.json()["data"]
    return completed


def job(api: Api, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.client.get(f"/api/v1/jobs/{job_id}", api.editor).json()["data"]
    return found


def rows(api: Api, query: str, *values: Any) -> list[dict[str, Any]]:
    with api.client.app.state.resources.database.transaction() as connection:
        found: list[dict[str, Any]] = connection.execute(query, values).fetchall()
    return found


def let_time_pass(api: Api) -> None:
    """So that the relay may take what was left to its writer."""
    with api.client.app.state.resources.database.transaction() as connection:
        connection.execute("UPDATE outbox SET not_before = now()")
