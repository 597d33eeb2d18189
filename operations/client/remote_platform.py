"""Connection to a platform that does not run on this machine: its base URL and access tokens."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from operations.client.access_tokens import USER_ROLES
from operations.project import checkout
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode
from runtime.loopback import is_loopback
from runtime.roles import Role

ENVIRONMENT_VARIABLES = {role: f"PLATFORM_TOKEN_{role.upper()}" for role in Role}
FOLDER_NAME = "remote"


@dataclass(frozen=True, kw_only=True)
class RemotePlatform:
    """A remote platform.

    Attributes:
        base_url: The API's URL, without a trailing slash.
        tokens: The access tokens that were given, by role.
    """

    base_url: str
    tokens: Mapping[Role, str] = field(repr=False)

    @property
    def folder(self) -> Path:
        """Return the folder for files that are downloaded from the platform."""
        return checkout.state_root() / FOLDER_NAME / urlsplit(self.base_url).netloc.replace(":", "-")

    def token(self, role: Role) -> str:
        """Return the access token for a role; `require_tokens` checks that it exists."""
        return self.tokens[role]

    def require_tokens(self, roles: Sequence[Role] = USER_ROLES) -> None:
        """Check that every role has a token.

        Raises:
            CommandError: Tokens are missing; the message names them, and the next step the options.
        """
        missing = [role for role in roles if not self.tokens.get(role)]
        if missing:
            options_text = ", ".join(f"--token-{role} or {ENVIRONMENT_VARIABLES[role]}" for role in missing)
            raise CommandError(
                f"an access token is missing for {', '.join(missing)}: a remote platform needs one for each role",
                next_step=f"pass {options_text}",
                code=ExitCode.USAGE,
            )


def from_options(base_url: str | None, options: Mapping[Role, str | None]) -> RemotePlatform | None:
    """Return the platform that the command-line options name; None for the local platform.

    Tokens without an option come from environment variables, which other users cannot see in the process list.

    Raises:
        CommandError: The URL is invalid or not encrypted, or there are tokens without a URL.
    """
    if base_url is None:
        if any(options.values()):
            raise CommandError(
                "--token-… needs --base-url: the tokens of a local platform are created automatically",
                next_step="add --base-url https://…, or remove the tokens",
                code=ExitCode.USAGE,
            )
        return None
    tokens = {role: options.get(role) or os.environ.get(name, "") for role, name in ENVIRONMENT_VARIABLES.items()}
    return RemotePlatform(
        base_url=_validated(base_url), tokens={role: token for role, token in tokens.items() if token}
    )


def _validated(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        # Reading the port raises ValueError if it is not a number.
        _ = parts.port
    except ValueError as error:
        raise _invalid_url(base_url, str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid_url(base_url, "it must begin with https:// and name a host")
    if parts.query or parts.fragment or parts.username:
        raise _invalid_url(base_url, "it must not have a query, fragment or user")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise _invalid_url(base_url, "access tokens would be sent unencrypted; use https://")
    return base_url.rstrip("/")


def _invalid_url(base_url: str, problem: str) -> CommandError:
    return CommandError(
        f"--base-url {base_url!r}: {problem}", next_step="--base-url https://api.example.com", code=ExitCode.USAGE
    )
