"""A platform elsewhere is named by its address and met with tokens that people were given there."""

from typing import TYPE_CHECKING

import pytest

from operations.client import remote_platform
from operations.client.access_tokens import USER_ROLES
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode
from runtime.roles import Role

if TYPE_CHECKING:
    from tests.operations.conftest import Command

URL = "https://api-staging.example.com"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in remote_platform.ENVIRONMENT_VARIABLES.values():
        monkeypatch.delenv(name, raising=False)


class TestAddress:
    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("api.example.com", "must begin with https://"),
            ("ftp://api.example.com", "must begin with https://"),
            ("https://", "name a host"),
            ("https://api.example.com:port", "Port could not be cast"),
            ("https://[::1", "Invalid IPv6 URL"),
            ("https://api.example.com?x=1", "no query"),
            ("https://me:secret@api.example.com", "no query, fragment or user"),
            ("http://api.example.com", "unencrypted"),
        ],
    )
    def test_what_is_no_address_is_refused(self, address: str, said: str) -> None:
        with pytest.raises(CommandError, match="--base-url") as refused:
            remote_platform.of(address, {})
        assert said in refused.value.message
        assert refused.value.code == ExitCode.USAGE

    @pytest.mark.parametrize("address", ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"])
    def test_loopback_needs_no_encryption(self, address: str) -> None:
        there = remote_platform.of(address + "/", {})
        assert there is not None
        assert there.base_url == address

    def test_stage_path_is_kept(self) -> None:
        there = remote_platform.of(f"{URL}/v1/", {})
        assert there is not None
        assert there.base_url == f"{URL}/v1"


class TestTokens:
    def test_option_goes_before_the_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_TOKEN_ADMIN", "from the variable")
        monkeypatch.setenv("PLATFORM_TOKEN_VIEWER", "from the variable")
        there = remote_platform.of(URL, {Role.ADMIN: "from the option", Role.EDITOR: "e", Role.VIEWER: None})
        assert there is not None
        there.require_tokens()
        assert [there.token(role) for role in USER_ROLES] == ["from the option", "e", "from the variable"]

    def test_tokens_are_not_in_the_text_form(self) -> None:
        assert "secret" not in repr(remote_platform.of(URL, {Role.ADMIN: "secret"}))

    def test_missing_ones_are_all_named(self, command: "Command") -> None:
        answer = command("journey", "--base-url", URL, "--token-editor", "x", "--json")
        assert answer.code == ExitCode.USAGE
        error = answer.data["error"]
        assert "missing for admin, viewer:" in error["message"]
        assert "--token-admin or PLATFORM_TOKEN_ADMIN" in error["next"]
        assert "--token-viewer or PLATFORM_TOKEN_VIEWER" in error["next"]
        assert not command.state_root.exists()

    def test_only_where_a_machine_acts_its_token_is_asked_for(self, command: "Command") -> None:
        people = ["--token-admin", "a", "--token-editor", "e", "--token-viewer", "v"]
        answer = command("journey", "catalogue", "--base-url", URL, *people, "--json")
        assert answer.code == ExitCode.USAGE
        assert "missing for system:" in answer.data["error"]["message"]
        assert "--token-system or PLATFORM_TOKEN_SYSTEM" in answer.data["error"]["next"]

    @pytest.mark.parametrize("verb", ["journey", "doctor"])
    def test_without_an_address_they_are_refused(self, command: "Command", verb: str) -> None:
        answer = command(verb, "--token-admin", "x", "--json")
        assert answer.code == ExitCode.USAGE
        assert "--base-url is missing" in answer.data["error"]["message"]

    def test_variables_alone_mean_nothing(self, command: "Command") -> None:
        assert command("journey", "--json", PLATFORM_TOKEN_ADMIN="x").code == ExitCode.STOPPED


class TestNobodyThere:
    def test_journey_says_so(self, command: "Command") -> None:
        tokens = ["--token-admin", "a", "--token-editor", "e", "--token-viewer", "v"]
        answer = command("journey", "--base-url", "http://127.0.0.1:9", *tokens)
        assert answer.code == ExitCode.FAILED
        assert "the journey failed at 'health'" in answer.err
        assert "next: read what that platform's functions logged" in answer.err
