"""Remote platforms: base URL and access tokens from the command line."""

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


class TestBaseUrl:
    @pytest.mark.parametrize(
        ("url", "message"),
        [
            ("api.example.com", "it must begin with https://"),
            ("ftp://api.example.com", "it must begin with https://"),
            ("https://", "name a host"),
            ("https://api.example.com:port", "Port could not be cast"),
            ("https://[::1", "Invalid IPv6 URL"),
            ("https://api.example.com?x=1", "must not have a query"),
            ("https://me:secret@api.example.com", "must not have a query, fragment or user"),
            ("http://api.example.com", "unencrypted"),
        ],
    )
    def test_invalid_url_raises_command_error(self, url: str, message: str) -> None:
        with pytest.raises(CommandError, match="--base-url") as raised:
            remote_platform.from_options(url, {})
        assert message in raised.value.message
        assert raised.value.code == ExitCode.USAGE

    @pytest.mark.parametrize("url", ["http://127.0.0.1:3000", "http://localhost:3000", "http://[::1]:3000"])
    def test_http_is_allowed_on_loopback(self, url: str) -> None:
        remote = remote_platform.from_options(url + "/", {})
        assert remote is not None
        assert remote.base_url == url

    def test_path_of_the_url_is_kept(self) -> None:
        remote = remote_platform.from_options(f"{URL}/v1/", {})
        assert remote is not None
        assert remote.base_url == f"{URL}/v1"


class TestTokens:
    def test_option_takes_precedence_over_the_environment_variable(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PLATFORM_TOKEN_ADMIN", "from the variable")
        monkeypatch.setenv("PLATFORM_TOKEN_VIEWER", "from the variable")
        remote = remote_platform.from_options(URL, {Role.ADMIN: "from the option", Role.EDITOR: "e", Role.VIEWER: None})
        assert remote is not None
        remote.require_tokens()
        assert [remote.token(role) for role in USER_ROLES] == ["from the option", "e", "from the variable"]

    def test_repr_contains_no_tokens(self) -> None:
        assert "secret" not in repr(remote_platform.from_options(URL, {Role.ADMIN: "secret"}))

    def test_error_names_all_missing_tokens(self, command: "Command") -> None:
        result = command("journey", "--base-url", URL, "--token-editor", "x", "--json")
        assert result.code == ExitCode.USAGE
        error = result.data["error"]
        assert "missing for admin, viewer:" in error["message"]
        assert "--token-admin or PLATFORM_TOKEN_ADMIN" in error["next"]
        assert "--token-viewer or PLATFORM_TOKEN_VIEWER" in error["next"]
        assert not command.state_root.exists()

    def test_catalogue_journey_also_needs_the_machine_token(self, command: "Command") -> None:
        tokens = ["--token-admin", "a", "--token-editor", "e", "--token-viewer", "v"]
        result = command("journey", "catalogue", "--base-url", URL, *tokens, "--json")
        assert result.code == ExitCode.USAGE
        assert "missing for system:" in result.data["error"]["message"]
        assert "--token-system or PLATFORM_TOKEN_SYSTEM" in result.data["error"]["next"]

    @pytest.mark.parametrize("verb", ["journey", "doctor"])
    def test_token_options_without_base_url_are_rejected(self, command: "Command", verb: str) -> None:
        result = command(verb, "--token-admin", "x", "--json")
        assert result.code == ExitCode.USAGE
        assert "--token-… needs --base-url" in result.data["error"]["message"]

    def test_environment_variables_without_base_url_are_ignored(self, command: "Command") -> None:
        assert command("journey", "--json", PLATFORM_TOKEN_ADMIN="x").code == ExitCode.STOPPED


class TestUnreachablePlatform:
    def test_journey_fails_at_its_first_step(self, command: "Command") -> None:
        tokens = ["--token-admin", "a", "--token-editor", "e", "--token-viewer", "v"]
        result = command("journey", "--base-url", "http://127.0.0.1:9", *tokens)
        assert result.code == ExitCode.FAILED
        assert "the journey failed at 'health'" in result.err
        assert "next: read the logs of that platform's functions" in result.err
