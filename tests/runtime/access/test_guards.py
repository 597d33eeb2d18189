"""Every route against every role, and every bad token against every route."""

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.routing import iter_route_contexts

from runtime.access.guards import Guard
from runtime.access.roles import ROLE_PERMISSIONS, Permission, permission_table
from runtime.roles import Role
from runtime.settings import ApiSettings, load_settings
from runtime.web.routing import StrictJsonRoute
from tests.runtime.access.token_attacks import ATTACKS
from tests.runtime.features.api_platform import Api, Client, application, problems
from tests.runtime.features.user_pool import User
from tests.tables import Proved

EVERYONE = {"viewer", "editor", "admin"}
# People alone, unless a route says so.
MACHINES_TOO = EVERYONE | {"system"}
# Who may use which route. A route that is missing here fails a test.
ROLES_BY_ROUTE: dict[tuple[str, str], set[str]] = {
    ("POST", "/api/v1/shows"): {"admin"},
    ("GET", "/api/v1/shows"): EVERYONE,
    ("GET", "/api/v1/shows/{show_id}"): EVERYONE,
    ("PUT", "/api/v1/shows/{show_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/shows/{show_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/shows/{show_id}"): {"admin"},
    ("POST", "/api/v1/shows/{show_id}/restore"): {"admin"},
    ("POST", "/api/v1/episodes"): {"admin"},
    ("GET", "/api/v1/episodes"): MACHINES_TOO,
    ("GET", "/api/v1/episodes/export"): MACHINES_TOO,
    ("POST", "/api/v1/episodes/import"): {"admin"},
    ("GET", "/api/v1/episodes/{episode_id}"): MACHINES_TOO,
    ("PUT", "/api/v1/episodes/{episode_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/episodes/{episode_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/episodes/{episode_id}"): {"admin"},
    ("POST", "/api/v1/episodes/{episode_id}/restore"): {"admin"},
    ("POST", "/api/v1/episodes/{episode_id}/publish"): {"editor", "admin"},
    ("POST", "/api/v1/episodes/{episode_id}/unpublish"): {"editor", "admin"},
    ("POST", "/api/v1/episodes/{episode_id}/approve"): {"admin"},
    ("POST", "/api/v1/episodes/{episode_id}/reject"): {"admin"},
    ("POST", "/api/v1/episodes/{episode_id}/script-versions"): {"editor", "admin"},
    ("GET", "/api/v1/episodes/{episode_id}/script-versions"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/script-versions/active"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/script-versions/{script_version_id}"): EVERYONE,
    ("POST", "/api/v1/episodes/{episode_id}/script-versions/{script_version_id}/activate"): {"editor", "admin"},
    ("GET", "/api/v1/episodes/{episode_id}/metadata"): MACHINES_TOO,
    ("GET", "/api/v1/episodes/{episode_id}/metadata/{metadata_id}"): MACHINES_TOO,
    ("POST", "/api/v1/episodes/{episode_id}/metadata"): {"system"},
    ("PUT", "/api/v1/episodes/{episode_id}/metadata"): {"admin"},
    ("POST", "/api/v1/outfits"): {"editor", "admin"},
    ("GET", "/api/v1/outfits"): EVERYONE,
    ("GET", "/api/v1/outfits/{outfit_id}"): EVERYONE,
    ("PUT", "/api/v1/outfits/{outfit_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/outfits/{outfit_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/outfits/{outfit_id}"): {"admin"},
    ("POST", "/api/v1/outfits/{outfit_id}/restore"): {"admin"},
    ("GET", "/api/v1/outfits/{outfit_id}/episodes"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/outfits"): EVERYONE,
    ("POST", "/api/v1/episodes/{episode_id}/outfits"): {"editor", "admin"},
    ("PUT", "/api/v1/episodes/{episode_id}/outfits/{outfit_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/episodes/{episode_id}/outfits/{outfit_id}"): {"editor", "admin"},
    ("POST", "/api/v1/ui-elements"): {"editor", "admin"},
    ("GET", "/api/v1/ui-elements"): EVERYONE,
    ("GET", "/api/v1/ui-elements/{ui_element_id}"): EVERYONE,
    ("PUT", "/api/v1/ui-elements/{ui_element_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/ui-elements/{ui_element_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/ui-elements/{ui_element_id}"): {"admin"},
    ("POST", "/api/v1/ui-elements/{ui_element_id}/restore"): {"admin"},
    ("GET", "/api/v1/ui-elements/{ui_element_id}/episodes"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/ui-elements"): EVERYONE,
    ("POST", "/api/v1/episodes/{episode_id}/ui-elements"): {"editor", "admin"},
    ("PUT", "/api/v1/episodes/{episode_id}/ui-elements/{ui_element_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/episodes/{episode_id}/ui-elements/{ui_element_id}"): {"editor", "admin"},
    ("POST", "/api/v1/backgrounds"): {"editor", "admin"},
    ("GET", "/api/v1/backgrounds"): EVERYONE,
    ("GET", "/api/v1/backgrounds/{background_id}"): EVERYONE,
    ("PUT", "/api/v1/backgrounds/{background_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/backgrounds/{background_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/backgrounds/{background_id}"): {"admin"},
    ("POST", "/api/v1/backgrounds/{background_id}/restore"): {"admin"},
    ("GET", "/api/v1/backgrounds/{background_id}/episodes"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/backgrounds"): EVERYONE,
    ("POST", "/api/v1/episodes/{episode_id}/backgrounds"): {"editor", "admin"},
    ("PUT", "/api/v1/episodes/{episode_id}/backgrounds/{background_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/episodes/{episode_id}/backgrounds/{background_id}"): {"editor", "admin"},
    ("POST", "/api/v1/components"): {"editor", "admin"},
    ("GET", "/api/v1/components"): EVERYONE,
    ("GET", "/api/v1/components/{component_id}"): EVERYONE,
    ("PUT", "/api/v1/components/{component_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/components/{component_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/components/{component_id}"): {"admin"},
    ("POST", "/api/v1/components/{component_id}/restore"): {"admin"},
    ("POST", "/api/v1/guests"): {"editor", "admin"},
    ("GET", "/api/v1/guests"): EVERYONE,
    ("GET", "/api/v1/guests/{guest_id}"): EVERYONE,
    ("PUT", "/api/v1/guests/{guest_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/guests/{guest_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/guests/{guest_id}"): {"admin"},
    ("POST", "/api/v1/guests/{guest_id}/restore"): {"admin"},
    ("POST", "/api/v1/clips"): {"editor", "admin"},
    ("GET", "/api/v1/clips"): EVERYONE,
    ("GET", "/api/v1/clips/duplicates"): EVERYONE,
    ("POST", "/api/v1/clips/assign"): {"editor", "admin"},
    ("POST", "/api/v1/clips/tag"): {"editor", "admin"},
    ("GET", "/api/v1/clips/export"): EVERYONE,
    ("POST", "/api/v1/clips/import"): {"editor", "admin"},
    ("GET", "/api/v1/clips/{clip_id}"): EVERYONE,
    ("PUT", "/api/v1/clips/{clip_id}"): {"editor", "admin"},
    ("PATCH", "/api/v1/clips/{clip_id}"): {"editor", "admin"},
    ("DELETE", "/api/v1/clips/{clip_id}"): {"admin"},
    ("POST", "/api/v1/clips/{clip_id}/restore"): {"admin"},
    ("GET", "/api/v1/clips/{clip_id}/duplicates"): EVERYONE,
    ("POST", "/api/v1/clips/{clip_id}/assign"): {"editor", "admin"},
    ("POST", "/api/v1/clips/{clip_id}/unassign"): {"editor", "admin"},
    ("POST", "/api/v1/clips/{clip_id}/rate"): {"editor", "admin"},
    ("GET", "/api/v1/episodes/{episode_id}/clips"): EVERYONE,
    ("GET", "/api/v1/episodes/{episode_id}/thumbnails"): EVERYONE,
    ("POST", "/api/v1/episodes/{episode_id}/thumbnails"): {"editor", "admin"},
    ("GET", "/api/v1/thumbnails/{thumbnail_id}"): EVERYONE,
    ("DELETE", "/api/v1/thumbnails/{thumbnail_id}"): {"admin"},
    ("POST", "/api/v1/upload/generate-url"): {"editor", "admin"},
    ("POST", "/upload/generate-url"): {"editor", "admin"},
    ("POST", "/api/v1/upload/{upload_id}/complete"): {"editor", "admin"},
    ("GET", "/api/v1/files/upload"): {"editor", "admin"},
    ("GET", "/files/upload"): {"editor", "admin"},
    ("POST", "/api/v1/files/upload"): {"editor", "admin"},
    ("POST", "/files/upload"): {"editor", "admin"},
    ("GET", "/api/v1/files"): {"editor", "admin"},
    ("GET", "/api/v1/files/{file_id}"): {"editor", "admin"},
    ("GET", "/files/{file_id}"): {"editor", "admin"},
    ("GET", "/api/v1/files/{file_id}/url"): {"editor", "admin"},
    ("POST", "/api/v1/files/{file_id}/complete"): {"editor", "admin"},
    ("DELETE", "/api/v1/files/{file_id}"): {"editor", "admin"},
    ("GET", "/api/v1/jobs"): {"editor", "admin"},
    ("GET", "/api/v1/jobs/{job_id}"): {"editor", "admin"},
    ("GET", "/api/v1/processing-queue"): {"editor", "admin"},
    ("GET", "/api/v1/processing-queue/{job_id}"): {"editor", "admin"},
    ("GET", "/jobs"): {"editor", "admin"},
    ("GET", "/jobs/{job_id}"): {"editor", "admin"},
    ("GET", "/api/v1/jobs/stats"): {"editor", "admin"},
    ("GET", "/api/v1/processing-queue/stats"): {"editor", "admin"},
    ("POST", "/api/v1/jobs/retry"): {"admin"},
    ("POST", "/api/v1/processing-queue/retry"): {"admin"},
    ("POST", "/jobs/retry"): {"admin"},
    ("POST", "/api/v1/jobs/{job_id}/retry"): {"admin"},
    ("POST", "/api/v1/processing-queue/{job_id}/retry"): {"admin"},
    ("POST", "/api/v1/episodes/{episode_id}/process"): {"editor", "admin"},
    ("GET", "/api/v1/search"): EVERYONE,
    ("GET", "/search"): EVERYONE,
    ("GET", "/api/v1/search/episodes"): EVERYONE,
    ("GET", "/search/episodes"): EVERYONE,
    ("GET", "/api/v1/search/facets"): EVERYONE,
    ("GET", "/api/v1/search/suggest"): EVERYONE,
    ("POST", "/api/v1/search/index"): {"admin"},
    ("POST", "/search/index"): {"admin"},
    ("GET", "/api/v1/search/{type}"): EVERYONE,
    ("GET", "/search/{type}"): EVERYONE,
    ("GET", "/api/v1/activity-logs"): {"admin"},
    ("GET", "/api/v1/activity-logs/{activity_log_id}"): {"admin"},
    ("GET", "/api/v1/users/me"): EVERYONE,
    ("GET", "/api/v1/users"): {"admin"},
    ("GET", "/api/v1/users/{user_id}"): {"admin"},
}
PUBLIC = {"/health", "/api/v1/health", "/health/ready", "/version", "/docs", "/redoc", "/docs-assets/{name}"}
# Starlette's own route for the description is no route with dependencies.
DESCRIPTION = "/openapi.json"


def routes(app: Any) -> Iterator[tuple[str, str, set[Permission], Any]]:
    """Method, path, permissions asked for, and the route, for everything that the application answers."""
    for context in iter_route_contexts(app.routes):
        dependant = getattr(context, "dependant", None)
        calls = [dependency.call for dependency in dependant.dependencies] if dependant else []
        asked = {call.permission for call in calls if isinstance(call, Guard)}
        for method in sorted(context.methods - {"HEAD"}):
            yield method, context.path, asked, context.original_route


class TestEveryRoute:
    @pytest.mark.requirement("P1-48")
    def test_is_public_on_purpose_or_guarded_by_one_permission(self, api: Api) -> None:
        found = list(routes(api.client.app))
        public = {path for _, path, asked, _ in found if not asked}
        assert public == PUBLIC | {DESCRIPTION}
        assert all(len(asked) == 1 for _, path, asked, _ in found if path not in public)
        assert {(method, path) for method, path, asked, _ in found if asked} == ROLES_BY_ROUTE.keys()

    def test_reads_its_body_strictly(self, api: Api) -> None:
        lax = {path for _, path, asked, route in routes(api.client.app) if asked and type(route) is not StrictJsonRoute}
        assert lax == set()

    @pytest.mark.requirement(
        "P1-28", "P1-13", "P1-14", "P1-15", "ROAD-104", "C-10", "C-12", "G-06", "P1-26", "P1-27", "P1-54", "C-11"
    )
    @pytest.mark.requirement("P1-32")
    @pytest.mark.table("roles")
    def test_lets_in_its_roles_and_nobody_else(self, api: Api, proved: Proved) -> None:
        users: dict[str, User | None] = {"nobody": None, "no group": api.no_role, "another group": User.of("marketing")}
        users |= {"viewer": api.viewer, "editor": api.editor, "admin": api.admin, "system": api.system}
        # A group of the machine's role makes nobody a machine.
        users |= {"a group called system": User.of("system")}
        for (method, template), roles in ROLES_BY_ROUTE.items():
            path = template.replace("{", "").replace("}", "")
            for name, user in users.items():
                answer = api.client.send(method, path, user)
                cell = f"{method} {template} as {name}: {answer.status_code}"
                if user is None:
                    assert problems(answer, 401, "UNAUTHORIZED") == {None: "No token provided"}, cell
                    assert answer.headers["www-authenticate"] == "Bearer"
                elif name in roles:
                    assert answer.status_code in {200, 400}, cell
                else:
                    assert problems(answer, 403, "FORBIDDEN") == {None: "Permission denied"}, cell
        proved(len(ROLES_BY_ROUTE) * len(users))

    @pytest.mark.requirement("ROAD-102", "A-11")
    @pytest.mark.table("tokens")
    def test_refuses_every_bad_token_alike(self, api: Api, proved: Proved) -> None:
        # A header cannot carry a line break, and a client of the test's own kind would refuse to send one.
        tokens = {name: token for name, make in ATTACKS.items() if "\n" not in (token := make())}
        assert len(tokens) >= 30
        for method, template in ROLES_BY_ROUTE:
            path = template.replace("{", "").replace("}", "")
            for name, token in tokens.items():
                answer = api.client.send(method, path, headers={"Authorization": f"Bearer {token}"})
                assert problems(answer, 401, "UNAUTHORIZED") == {None: "Invalid token"}, f"{name}: {method} {path}"
        proved(len(ROLES_BY_ROUTE) * len(tokens))

    @pytest.mark.requirement("C-10")
    def test_deployment_may_let_editors_create(self, api: Api) -> None:
        lenient = load_settings(ApiSettings).model_copy(update={"editors_create_episodes": True})
        body = {"show_id": api.create_show()["show_id"], "title": "Ants", "episode_number": 1}
        with asyncio.Runner() as runner:
            client = Client(application(lenient), runner)
            assert client.post("/api/v1/episodes", body, api.editor).status_code == 201
            problems(client.post("/api/v1/shows", {"name": "No"}, api.editor), 403, "FORBIDDEN")
        assert load_settings(ApiSettings).editors_create_episodes is False
        problems(api.client.post("/api/v1/episodes", body | {"episode_number": 2}, api.editor), 403, "FORBIDDEN")

    @pytest.mark.requirement("C-10")
    def test_nothing_else_depends_on_the_deployment(self) -> None:
        strict, lenient = (permission_table(editors_create_episodes=lenient) for lenient in (False, True))
        gained = {role: lenient[role] - strict[role] for role in Role}
        assert gained == {role: set() for role in Role} | {Role.EDITOR: {Permission.EPISODES_CREATE}}
        assert strict == ROLE_PERMISSIONS


class TestAuthorizationHeader:
    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Basic YTpi", "Token x", "x"])
    def test_without_a_bearer_token_says_so(self, api: Api, header: str) -> None:
        answer = api.client.get("/api/v1/shows", headers={"Authorization": header})
        assert problems(answer, 401, "UNAUTHORIZED") == {None: "No token provided"}

    def test_scheme_has_any_case(self, api: Api) -> None:
        answer = api.client.get("/api/v1/shows", headers={"Authorization": f"bEARER {api.viewer.token}"})
        assert answer.status_code == 200

    def test_two_headers_are_refused(self, api: Api) -> None:
        headers = [("Authorization", f"Bearer {token}") for token in (api.admin.token, api.viewer.token)]
        answer = api.client.send_raw("GET", "/api/v1/shows", headers)
        assert problems(answer, 401, "UNAUTHORIZED") == {None: "Invalid token"}

    def test_keys_that_cannot_be_fetched_are_503(self, api: Api) -> None:
        api.pool.is_unavailable = True
        answer = api.client.get("/api/v1/shows", api.viewer)
        problems(answer, 503, "SERVICE_UNAVAILABLE")
        assert answer.headers["retry-after"] == "1"

    def test_caller_is_known_before_the_rest_of_the_request_is_judged(self, api: Api) -> None:
        answer = api.client.post("/api/v1/shows", {"wrong": True})
        problems(answer, 401, "UNAUTHORIZED")
        answer = api.client.get(f"/api/v1/jobs/{uuid4()}?limit=x", api.viewer)
        problems(answer, 403, "FORBIDDEN")
