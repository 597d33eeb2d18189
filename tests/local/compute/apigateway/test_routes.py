"""Selection of routes."""

import pytest

from local.compute.apigateway.routes import Route, match_route

ROUTES = [
    Route(key)
    for key in (
        "$default",
        "ANY /{proxy+}",
        "GET /shows",
        "ANY /shows",
        "GET /shows/{show_id}",
        "GET /shows/latest",
        "POST /shows/{show_id}/episodes/{episode_id}",
        "ANY /files/{path+}",
        "GET /",
    )
]


class TestMatchRoute:
    @pytest.mark.parametrize(
        ("method", "path", "key", "parameters"),
        [
            ("GET", "/shows", "GET /shows", {}),
            ("GET", "/shows/", "ANY /{proxy+}", {"proxy": "shows/"}),
            ("PUT", "/shows", "ANY /shows", {}),
            ("GET", "/shows/7", "GET /shows/{show_id}", {"show_id": "7"}),
            ("GET", "/shows/a%2Fb", "GET /shows/{show_id}", {"show_id": "a%2Fb"}),
            ("GET", "/shows/latest", "GET /shows/latest", {}),
            ("DELETE", "/shows/7", "ANY /{proxy+}", {"proxy": "shows/7"}),
            (
                "POST", "/shows/7/episodes/8", "POST /shows/{show_id}/episodes/{episode_id}",
                {"show_id": "7", "episode_id": "8"},
            ),
            ("PUT", "/files/a/b.txt", "ANY /files/{path+}", {"path": "a/b.txt"}),
            ("GET", "/", "GET /", {}),
            ("POST", "/", "$default", {}),
        ],
    )  # fmt: skip
    def test_most_specific_route_matches(self, method: str, path: str, key: str, parameters: dict[str, str]) -> None:
        for routes in (ROUTES, ROUTES[::-1]):
            choice = match_route(routes, method, path)
            assert choice is not None
            assert (choice.route.key, choice.parameters) == (key, parameters)

    def test_dot_matches_only_a_dot(self) -> None:
        assert match_route([Route("GET /a.b")], "GET", "/aXb") is None

    def test_no_matching_route_returns_none(self) -> None:
        assert match_route([Route("GET /shows")], "POST", "/shows") is None
        assert match_route([], "GET", "/") is None


class TestIsValid:
    @pytest.mark.parametrize(("key", "valid"), [("$default", True), ("GET /a", True), ("/a", False), ("GET a", False)])
    def test_key_must_be_default_or_method_and_path(self, key: str, valid: bool) -> None:
        assert Route(key).is_valid is valid
