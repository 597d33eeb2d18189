"""A platform that does not run on this machine: its address, and the tokens of those who signed in there."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from operations.client.access_tokens import USER_ROLES, Role
from operations.project import checkout
from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

ENVIRONMENT_VARIABLES = {role: f"PLATFORM_TOKEN_{role.upper()}" for role in Role}
FOLDER = "elsewhere"


@dataclass(frozen=True, kw_only=True)
class RemotePlatform:
    """Where it answers, without a slash at the end, and the access token for each role that has one."""

    base_url: str
    tokens: Mapping[Role, str] = field(repr=False)

    @property
    def folder(self) -> Path:
        """Where what was fetched from it is kept."""
        return checkout.state_root() / FOLDER / urlsplit(self.base_url).netloc.replace(":", "-")

    def token(self, role: Role) -> str:
        """The token that was given for the role; see `require_tokens`."""
        return self.tokens[role]

    def require_tokens(self, roles: Sequence[Role] = USER_ROLES) -> None:
        """Refuses when one of the roles has no token, and names every one that is missing and how to give it."""
        missing = [role for role in roles if not self.tokens.get(role)]
        if missing:
            ways = ", ".join(f"--token-{role} or {ENVIRONMENT_VARIABLES[role]}" for role in missing)
            raise CommandError(
                f"a token is missing for {', '.join(missing)}: on a platform elsewhere people sign in as themselves",
                next_step=f"give {ways}",
                code=ExitCode.USAGE,
            )


def of(base_url: str | None, options: Mapping[Role, str | None]) -> RemotePlatform | None:
    """The platform that the command line names; None when it names none, and the local one is meant.

    A token that no option gives is taken from its environment variable, which other programs cannot read off the process
    list. Refuses an address that is not one, tokens that would travel unencrypted, and token options without an address.
    """
    if base_url is None:
        if any(options.values()):
            raise CommandError(
                "--token-… is for a platform elsewhere, and --base-url is missing: a local one makes its own tokens",
                next_step="add --base-url https://…, or leave the tokens out",
                code=ExitCode.USAGE,
            )
        return None
    given = {role: options.get(role) or os.environ.get(name, "") for role, name in ENVIRONMENT_VARIABLES.items()}
    return RemotePlatform(base_url=_checked(base_url), tokens={role: token for role, token in given.items() if token})


def _checked(base_url: str) -> str:
    try:
        parts = urlsplit(base_url)
        # Only read for the error that it raises when it is no number.
        _ = parts.port
    except ValueError as error:
        raise _no_address(base_url, str(error)) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _no_address(base_url, "it must begin with https:// and name a host")
    if parts.query or parts.fragment or parts.username:
        raise _no_address(base_url, "it must have no query, fragment or user")
    if parts.scheme == "http" and not checkout.is_loopback(parts.hostname):
        raise _no_address(base_url, "tokens would travel unencrypted; use https://")
    return base_url.rstrip("/")


def _no_address(base_url: str, why: str) -> CommandError:
    return CommandError(
        f"--base-url {base_url!r}: {why}", next_step="--base-url https://api.example.com", code=ExitCode.USAGE
    )
