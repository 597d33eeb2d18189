"""Every write that takes a JSON body, with a body that it would take, for the tests of what holds for each of them."""

import re
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import httpx

from tests.runtime.features.api_platform import Api
from tests.runtime.features.user_pool import User
from tests.runtime.mechanisms.records.kinds import KINDS, LINKED, NUMBERS, Kind
from tests.runtime.web.every_post import EPISODES, REQUESTS, episode

JsonBody = dict[str, Any]
Write = tuple[str, str]
"""The method and the path's template."""


def changeable(api: Api, kind: Kind) -> tuple[str, JsonBody]:
    """A new record, and a change of every field of it. A show has a name of its own, a clip a file of its own."""
    number = next(NUMBERS)
    unique = {"shows": {"name": f"Renamed {number}"}, "clips": {"file_hash": f"{number:064x}"}}
    return kind.path_of(kind.create(api)), kind.change | unique.get(kind.plural, {})


def linked(api: Api, kind: Kind) -> tuple[str, JsonBody]:
    return f"{episode(api)}/{kind.plural}/{kind.create(api)[kind.row_id]}", {"usage_context": "Once"}


def corrected(api: Api) -> tuple[str, JsonBody]:
    path = f"{episode(api)}/metadata"
    assert api.client.post(path, {"extracted_text": "Once"}, api.system).status_code == 201
    return path, {"tags": ["once"]}


PROCESS = f"{EPISODES}/{{episode_id}}/process"
POSTS = {template: make for template, make in REQUESTS.items() if "/import" not in template}
# Those that have no body, and those whose body is a form.
NO_JSON = ("/restore", "publish", "/approve", "/reject", "/activate", "/unassign", "/complete", "{job_id}/retry")
NO_JSON += ("files/upload",)

WRITES: Mapping[Write, Callable[[Api], tuple[str, Any]]] = {
    **{("POST", template): make for template, make in POSTS.items() if not template.endswith(NO_JSON)},
    ("POST", PROCESS): lambda api: (REQUESTS[PROCESS](api)[0], {"job_type": "thumbnail_generation"}),
    **{
        (method, f"{kind.path}/{{{kind.row_id}}}"): lambda api, kind=kind: changeable(api, kind)
        for kind in KINDS.values()
        for method in ("PUT", "PATCH")
    },
    **{
        ("PUT", f"{EPISODES}/{{episode_id}}/{kind.plural}/{{{kind.row_id}}}"): lambda api, kind=kind: linked(api, kind)
        for kind in LINKED.values()
    },
    ("PUT", f"{EPISODES}/{{episode_id}}/metadata"): corrected,
}


def writer(api: Api, write: Write) -> User:
    """Who may write it: findings are a machine's."""
    return api.system if write == ("POST", f"{EPISODES}/{{episode_id}}/metadata") else api.admin


def send(api: Api, write: Write, path: str, **options: Any) -> httpx.Response:
    return api.client.send(write[0], path, writer(api, write), **options)


def anywhere(template: str) -> str:
    """A path of this template, of things that are not there."""
    return re.sub(r"\{\w+\}", lambda _: str(uuid4()), template)
