"""The documentation pages: everything from here, nothing from elsewhere."""

import base64
import hashlib
import re

import pytest

from tests.runtime.access.test_guards import ROLES_BY_ROUTE
from tests.runtime.features.api_platform import Api, problems


class TestPages:
    @pytest.mark.parametrize("path", ["/docs", "/redoc"])
    def test_every_address_on_the_page_is_ours_and_answers(self, api: Api, path: str) -> None:
        answer = api.client.get(path)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "//" not in re.sub(r"<!--.*?-->", "", answer.text, flags=re.DOTALL).replace("</", "").split("<body>")[0]
        addresses = set(re.findall(r"""(?:src|href|url|spec-url)\s*[=:]\s*["']([^"']+)["']""", answer.text))
        assert len(addresses) >= 3
        for address in addresses:
            assert re.match(r"/[^/]", address), address
            assert api.client.get(address).status_code == 200, address

    @pytest.mark.parametrize("path", ["/docs", "/redoc"])
    def test_policy_allows_the_page_and_no_other_origin(self, api: Api, path: str) -> None:
        answer = api.client.get(path)
        policy = dict(directive.split(" ", 1) for directive in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        inline = re.findall(r"<script>(.*?)</script>", answer.text, re.DOTALL)
        hashes = [f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in inline]
        assert policy["script-src"].split() == ["'self'", *hashes]
        assert not re.search(r"https?:|\*|unsafe-eval", answer.headers["content-security-policy"])

    def test_swagger_asks_no_validator(self, api: Api) -> None:
        assert '"validatorUrl": null' in api.client.get("/docs").text

    def test_assets_may_be_kept_and_are_typed(self, api: Api) -> None:
        answer = api.client.get("/docs-assets/swagger-ui-bundle.js")
        assert answer.headers["content-type"].startswith("text/javascript")
        assert answer.headers["cache-control"] == "public, max-age=86400"
        assert len(answer.content) > 1_000_000

    def test_only_the_assets_are_served(self, api: Api) -> None:
        for name in ("core.py", "..%2fcore.py", "%2e%2e/core.py", "swagger-ui.css/", ""):
            problems(api.client.get(f"/docs-assets/{name}"), 404, "NOT_FOUND")


class TestDescription:
    @pytest.mark.requirement("P1-40")
    def test_routes_have_tags_security_and_one_form_of_refusal(self, api: Api) -> None:
        description = api.client.get("/openapi.json").json()
        scheme = description["components"]["securitySchemes"]["bearer"]
        assert (scheme["type"], scheme["scheme"], scheme["bearerFormat"]) == ("http", "bearer", "JWT")
        operations = [
            (path, operation) for path, methods in description["paths"].items() for operation in methods.values()
        ]
        described = {(method.upper(), path) for path, methods in description["paths"].items() for method in methods}
        # Every route but the other names of routes, and of the public ones those that no page or alias is.
        guarded = {(method, path) for method, path in ROLES_BY_ROUTE if path.startswith("/api")}
        assert described == guarded | {("GET", path) for path in ("/health", "/health/ready", "/version")}
        for path, operation in operations:
            assert operation["tags"], path
            assert operation["description"], path
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith(
                "/ErrorResponse"
            )
            assert "422" not in operation["responses"], path
            assert operation.get("security") == ([{"bearer": []}] if path.startswith("/api") else None), path
        identifiers = [operation["operationId"] for _, operation in operations]
        assert len(set(identifiers)) == len(identifiers)

    def test_bodies_have_examples_that_are_accepted(self, api: Api) -> None:
        schemas = api.client.get("/openapi.json").json()["components"]["schemas"]
        (show,) = schemas["ShowCreate"]["examples"]
        (episode,) = schemas["EpisodeCreate"]["examples"]
        (upload,) = schemas["UploadCreate"]["examples"]
        assert api.client.post("/api/v1/shows", show, api.admin).status_code == 201
        created = api.client.post("/api/v1/episodes", episode, api.admin)
        assert created.status_code == 201
        body = upload | {"entity_id": created.json()["data"]["episode_id"]}
        assert api.client.post("/api/v1/upload/generate-url", body, api.editor).status_code == 201
