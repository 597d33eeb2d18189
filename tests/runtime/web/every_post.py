"""A request for every POST that there is, for the tests of what holds for each of them."""

from collections.abc import Callable, Mapping
from typing import Any

import httpx

from tests.runtime.features.api_platform import Api
from tests.runtime.features.clips import clip_library as clips
from tests.runtime.features.files.file_forms import BOUNDARY, file, form, text
from tests.runtime.features.jobs import job_rows
from tests.runtime.features.thumbnails.test_uploads import IMAGE_DECLARATION
from tests.runtime.mechanisms.records.kinds import KINDS, LINKED, Kind

PHOTO = b"\xff\xd8\xff" + b"a photograph" * 50

# A form is bytes, the text of a CSV file is a str, anything else is JSON.
Body = dict[str, Any] | str | bytes | None
Requests = Mapping[str, Callable[[Api], tuple[str, Body]]]
EPISODES = "/api/v1/episodes"


def post(api: Api, path: str, body: Body, headers: dict[str, str]) -> httpx.Response:
    """The answer to the body, of an administrator's request; findings are a machine's."""
    user = api.system if path.endswith("/metadata") else api.admin
    if isinstance(body, bytes):
        headers = headers | {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
        return api.client.post(path, user=user, content=body, headers=headers)
    if isinstance(body, str):
        return api.client.post(path, user=user, content=body, headers=headers | {"Content-Type": "text/csv"})
    return api.client.post(path, body, user, headers=headers)


def restorable(api: Api, kind: Kind) -> str:
    path = kind.path_of(kind.create(api))
    api.delete(path)
    return f"{path}/restore"


def linkable(api: Api, kind: Kind) -> tuple[str, dict[str, Any]]:
    links = [{kind.row_id: kind.create(api)[kind.row_id]}]
    return f"{episode(api)}/{kind.plural}", {"links": links}


def photo_form(api: Api) -> bytes:
    """A form with a photograph in it."""
    fields = {"entity_type": "episode", "entity_id": api.create_episode()["episode_id"]}
    return form(*(text(name, value.encode()) for name, value in fields.items()), file(PHOTO))


def completable(api: Api) -> str:
    upload = api.create_upload(PHOTO, user=api.admin)
    api.store(upload, PHOTO)
    return f"/api/v1/upload/{upload['upload_id']}/complete"


def episode(api: Api, **fields: Any) -> str:
    """The path of a new episode."""
    return f"{EPISODES}/{api.create_episode(**fields)['episode_id']}"


def script_version(api: Api) -> str:
    """The path of a version that is not the active one."""
    path = f"{episode(api)}/script-versions"
    made = api.client.post(path, {"script_text": "Once", "activate": False}, api.admin).json()["data"]
    return f"{path}/{made['script_version_id']}"


def processable(api: Api) -> str:
    """The path that makes the thumbnails of an episode again."""
    made = api.create_episode()
    job_rows.complete(api, job_rows.upload(api, made)["job_id"])
    return f"{EPISODES}/{made['episode_id']}/process"


def failed_job(api: Api) -> str:
    job_id: str = job_rows.upload(api, api.create_episode())["job_id"]
    job_rows.fail(api, job_id)
    return job_id


CREATIONS: Requests = {kind.path: lambda api, kind=kind: (kind.path, kind.new(api)) for kind in KINDS.values()}
RESTORATIONS: Requests = {
    f"{kind.path}/{{{kind.row_id}}}/restore": lambda api, kind=kind: (restorable(api, kind), None)
    for kind in KINDS.values()
}
LINKS: Requests = {
    f"{EPISODES}/{{episode_id}}/{kind.plural}": lambda api, kind=kind: linkable(api, kind) for kind in LINKED.values()
}
OF_EPISODES: Requests = {
    f"{EPISODES}/import": lambda api: (
        f"{EPISODES}/import",
        f"show_name,title,episode_number\n{api.create_show()['name']},Once,1\n",
    ),
    f"{EPISODES}/{{episode_id}}/publish": lambda api: (f"{episode(api, status='ready_for_publish')}/publish", None),
    f"{EPISODES}/{{episode_id}}/unpublish": lambda api: (f"{episode(api, status='published')}/unpublish", None),
    f"{EPISODES}/{{episode_id}}/approve": lambda api: (f"{episode(api)}/approve", None),
    f"{EPISODES}/{{episode_id}}/reject": lambda api: (f"{episode(api)}/reject", None),
    f"{EPISODES}/{{episode_id}}/script-versions": lambda api: (
        f"{episode(api)}/script-versions",
        {"script_text": "Once", "activate": False},
    ),
    f"{EPISODES}/{{episode_id}}/script-versions/{{script_version_id}}/activate": lambda api: (
        f"{script_version(api)}/activate",
        None,
    ),
    f"{EPISODES}/{{episode_id}}/metadata": lambda api: (f"{episode(api)}/metadata", {"extracted_text": "Once"}),
}
OF_CLIPS: Requests = {
    "/api/v1/clips/import": lambda _: ("/api/v1/clips/import", "title,talent_source\nOnce,Lala\n"),
    "/api/v1/clips/assign": lambda api: (
        f"{clips.CLIPS}/assign",
        {"episode_id": api.create_episode()["episode_id"], "clip_ids": clips.ids([clips.create(api)])},
    ),
    "/api/v1/clips/tag": lambda api: (
        f"{clips.CLIPS}/tag",
        {"clip_ids": clips.ids([clips.create(api)]), "add": ["once"]},
    ),
    "/api/v1/clips/{clip_id}/assign": lambda api: (
        f"{clips.path_of(clips.create(api))}/assign",
        {"episode_id": api.create_episode()["episode_id"]},
    ),
    "/api/v1/clips/{clip_id}/unassign": lambda api: (
        f"{clips.path_of(clips.assign(api, clips.create(api), api.create_episode()))}/unassign",
        None,
    ),
    "/api/v1/clips/{clip_id}/rate": lambda api: (f"{clips.path_of(clips.create(api))}/rate", {"quality": "hero"}),
}
OF_JOBS: Requests = {
    f"{EPISODES}/{{episode_id}}/process": lambda api: (processable(api), None),
    f"{EPISODES}/{{episode_id}}/thumbnails": lambda api: (f"{episode(api)}/thumbnails", IMAGE_DECLARATION),
    **{
        f"{family}/retry": lambda api, family=family: (f"{family}/retry", {"job_ids": [failed_job(api)]})
        for family in ("/api/v1/jobs", "/api/v1/processing-queue", "/jobs")
    },
    **{
        f"{family}/{{job_id}}/retry": lambda api, family=family: (f"{family}/{failed_job(api)}/retry", None)
        for family in ("/api/v1/jobs", "/api/v1/processing-queue")
    },
}
REQUESTS: Requests = {
    **CREATIONS,
    **RESTORATIONS,
    **LINKS,
    **OF_EPISODES,
    **OF_CLIPS,
    **OF_JOBS,
    "/api/v1/upload/generate-url": lambda api: ("/api/v1/upload/generate-url", api.upload_body(PHOTO)),
    "/upload/generate-url": lambda api: ("/upload/generate-url", api.upload_body(PHOTO)),
    "/api/v1/upload/{upload_id}/complete": lambda api: (completable(api), None),
    "/api/v1/files/upload": lambda api: ("/api/v1/files/upload", photo_form(api)),
    "/files/upload": lambda api: ("/files/upload", photo_form(api)),
    "/api/v1/files/{file_id}/complete": lambda api: (completable(api).replace("/upload/", "/files/"), None),
    "/api/v1/search/index": lambda _: ("/api/v1/search/index", {}),
    "/search/index": lambda _: ("/search/index", {}),
}
# How many entries of the log a request makes, where that is not one.
ENTRIES = {
    "/api/v1/files/upload": 2,
    "/files/upload": 2,
    "/api/v1/search/index": 0,
    "/search/index": 0,
    # The version's own, and that of the episode, which says what the version says.
    f"{EPISODES}/{{episode_id}}/script-versions/{{script_version_id}}/activate": 2,
}
