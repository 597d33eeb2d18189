"""The page on authentication says what the code does."""

import re

import pytest
import yaml

from components.naming import Naming
from runtime.access import roles, tokens
from runtime.roles import GROUP_ROLES, Role
from stacks.environment import PROJECT
from stacks.identity import GROUPS
from tests.architecture.pages import DOCS, ROOT, block_lines, spans

PAGE = DOCS / "AUTHENTICATION.md"


@pytest.mark.requirement("P1-43")
class TestAuthenticationPage:
    def test_people_are_the_groups_that_the_pool_has_and_the_api_knows(self) -> None:
        (people,) = re.findall(r"^\| people \| (.+?) \|", PAGE.read_text(), re.MULTILINE)
        named = set(re.findall(r"`(\w+)`", people))
        assert named == GROUPS.keys() == {role.value for role in GROUP_ROLES}

    def test_what_a_program_may_is_what_it_says(self) -> None:
        assert roles.ROLE_PERMISSIONS[Role.SYSTEM] == {
            roles.Permission.EPISODES_READ,
            roles.Permission.METADATA_READ,
            roles.Permission.METADATA_CREATE,
        }
        assert "read episodes and their metadata, and store metadata" in PAGE.read_text()

    def test_the_secret_and_the_scope_have_their_names(self) -> None:
        assert Naming(PROJECT, "x").secret("system").replace("-x", "-{environment}") in spans(PAGE)
        assert f"{PROJECT}/system" in spans(PAGE)
        assert any(f"scope={PROJECT}/system" in line for line in block_lines(PAGE))

    def test_refusals_are_worded_so(self) -> None:
        assert {f"{text}" for text in (tokens.NO_TOKEN, tokens.INVALID_TOKEN)} <= set(spans(PAGE))

    def test_settings_are_there(self) -> None:
        named = {span.removeprefix("identity.") for span in spans(PAGE) if span.startswith("identity.")}
        assert named
        for path in ROOT.glob("Pulumi.*.yaml"):
            settings = yaml.safe_load(path.read_text())["config"]["episode-metadata:settings"]["identity"]
            assert named <= settings.keys(), path.name
            assert settings["access_token_hours"] == 1

    def test_files_and_roles_are_there(self) -> None:
        files = {span for span in spans(PAGE) if span.endswith(".py")}
        assert files
        assert [name for name in files if not (ROOT / name).exists()] == []
        asked = set(re.findall(r"platform token --role (\w+)", PAGE.read_text()))
        assert asked
        assert asked <= {role.value for role in Role}
