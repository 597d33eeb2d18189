"""The table of environments, compared with the graph: the user pool, its clients, groups and first administrator."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.stacks.conftest import Graph
from tests.stacks.environment_table import Row, cells, count, everywhere, named, value

POLICY = {
    "minimumLength": 12,
    "requireLowercase": True,
    "requireNumbers": True,
    "requireSymbols": True,
    "requireUppercase": True,
}


def groups(graph: Graph) -> Any:
    """By name: whether somebody who reads it is told what the group is for."""
    return {each.inputs["name"]: bool(each.inputs["description"]) for each in graph.of("UserGroup")}


ROWS = [
    pytest.param(
        Row(what="user pools", read=count("UserPool"), cells=everywhere(1)), marks=pytest.mark.requirement("ROAD-46")
    ),
    pytest.param(
        Row(what="pool's name", read=value("users-pool", "name"), cells=named("episode-metadata-users-{}")),
        marks=pytest.mark.requirement("ROAD-05", "ROAD-17", "ROAD-37"),
    ),
    pytest.param(
        Row(
            what="passwords",
            read=lambda graph: {key: graph.named("users-pool").inputs["passwordPolicy"][key] for key in POLICY},
            cells=everywhere(POLICY),
        ),
        marks=pytest.mark.requirement("ROAD-37"),
    ),
    pytest.param(
        Row(what="signs in by", read=value("users-pool", "usernameAttributes"), cells=everywhere(["email"])),
        marks=pytest.mark.requirement("ROAD-37"),
    ),
    pytest.param(
        Row(what="verified by itself", read=value("users-pool", "autoVerifiedAttributes"), cells=everywhere(["email"])),
        marks=pytest.mark.requirement("ROAD-37"),
    ),
    pytest.param(
        Row(
            what="second factor",
            read=value("users-pool", "mfaConfiguration"),
            cells=cells("OPTIONAL", "OPTIONAL", "ON"),
        ),
        marks=pytest.mark.requirement("ROAD-37", "C-19"),
    ),
    pytest.param(
        Row(
            what="second factor by an authenticator app",
            read=value("users-pool", "softwareTokenMfaConfiguration", "enabled"),
            cells=everywhere(True),
        ),
        marks=pytest.mark.requirement("C-19"),
    ),
    pytest.param(
        Row(what="client's name", read=value("users-client", "name"), cells=named("episode-metadata-api-client-{}")),
        marks=pytest.mark.requirement("ROAD-17", "ROAD-38"),
    ),
    pytest.param(
        Row(
            what="client's flows",
            read=value("users-client", "explicitAuthFlows"),
            cells=everywhere(["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]),
        ),
        marks=pytest.mark.requirement("ROAD-38"),
    ),
    pytest.param(
        Row(
            what="tokens hold",
            read=lambda graph: [
                (
                    graph.named("users-client").inputs[f"{token}Validity"],
                    graph.named("users-client").inputs["tokenValidityUnits"][token],
                )
                for token in ("accessToken", "idToken", "refreshToken")
            ],
            cells=everywhere([(1, "hours"), (1, "hours"), (30, "days")]),
        ),
        marks=pytest.mark.requirement("ROAD-38"),
    ),
    pytest.param(
        Row(
            what="groups with their descriptions",
            read=groups,
            cells=everywhere({"admin": True, "editor": True, "viewer": True}),
        ),
        marks=pytest.mark.requirement("ROAD-39"),
    ),
    pytest.param(
        Row(
            what="first administrator",
            read=value("users-first-administrator", "username"),
            cells=everywhere("admin@example.com"),
        ),
        marks=pytest.mark.requirement("ROAD-40", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="first administrator's address",
            read=value("users-first-administrator", "attributes"),
            cells=everywhere({"email": "admin@example.com", "email_verified": "true"}),
        ),
        marks=pytest.mark.requirement("ROAD-40"),
    ),
    pytest.param(
        Row(
            what="message to the first administrator",
            read=value("users-first-administrator", "messageAction"),
            cells=everywhere("SUPPRESS"),
        ),
        marks=pytest.mark.requirement("ROAD-40"),
    ),
    pytest.param(
        Row(
            what="first administrator's temporary password",
            read=value("users-first-administrator", "temporaryPassword"),
            cells=everywhere(None),
            documents=everywhere("TempPassword123!"),
            because="A password in a program is everybody's who reads it (A-10): an operator sets it once, by a command.",
        ),
        marks=pytest.mark.requirement("ROAD-40", "A-10"),
    ),
    pytest.param(
        Row(
            what="first administrator's group",
            read=value("users-first-administrator-membership", "groupName"),
            cells=everywhere("admin"),
        ),
        marks=pytest.mark.requirement("ROAD-40"),
    ),
    pytest.param(
        Row(
            what="secret that tells others",
            read=value("cognito-secret", "name"),
            cells=named("episode-metadata/cognito-{}"),
        ),
        marks=pytest.mark.requirement("ROAD-44", "ROAD-50"),
    ),
    pytest.param(
        Row(
            what="what that secret holds",
            read=lambda graph: (
                sorted(json.loads(graph.named("cognito-secret-value").inputs["secretString"])),
                graph.source(graph.named("cognito-secret-value"), "secretString"),
            ),
            cells=everywhere((["client_id", "user_pool_id"], ["users-client", "users-pool"])),
        ),
        marks=pytest.mark.requirement("ROAD-44"),
    ),
]


class TestUsers:
    @pytest.mark.parametrize("row", ROWS, ids=str)
    def test_every_cell(self, row: Any, graph_of: Callable[[str], Graph], environment: str) -> None:
        assert row.read(graph_of(environment)) == row.cells[environment]
