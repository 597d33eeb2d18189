"""`platform token`: an access token for one of the three roles, from the platform's own user pool."""

import contextlib
import hashlib
import hmac
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from operations import project, real_accounts, running
from operations.console import Screen
from operations.refusals import RefusedError
from operations.state import EnvironmentState


class Role(StrEnum):
    """The pool's groups."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"


@dataclass(frozen=True, kw_only=True)
class Token:
    """A bearer token; `expires_at` is UTC, RFC 3339."""

    token: str
    role: str
    expires_at: str


def token(role: Role, environment: str, screen: Screen) -> None:
    """Prints the token alone, so that `$(platform token --role editor)` works."""
    real_accounts.forget_real_accounts()
    state = running.require(environment)
    issued = issue(state, role)
    screen.show(issued.token)
    screen.result(asdict(issued))


def issue(state: EnvironmentState, role: Role) -> Token:
    """Signs the role's user in through Cognito's own API. The user is the same each time, as long as the platform lives.

    Refuses a platform that is not on this machine: in a shared account people sign in as themselves.
    """
    running.require_local(
        state,
        "tokens are made only for local platforms",
        next_step=f"sign in as yourself, or bring up a local one: {project.command('up', state.environment)}",
    )
    username, password = f"{role}@platform.example", _password(state, role)
    try:
        cognito = state.account().client("cognito-idp")
        _ensure_user(cognito, state.outputs["user_pool_id"], username, role, password)
        answer = cognito.initiate_auth(
            ClientId=state.outputs["user_pool_client_id"],
            AuthFlow="USER_PASSWORD_AUTH",
            AuthParameters={"USERNAME": username, "PASSWORD": password},
        )
    except (BotoCoreError, ClientError) as error:
        raise RefusedError(
            f"the user pool at {state.account().endpoint} gave no token for {role}: {error}",
            next_step=project.command("status", state.environment),
        ) from error
    if "AuthenticationResult" not in answer:
        raise RefusedError(
            f"the user pool of environment {state.environment!r} asks for more than a password "
            f"({answer.get('ChallengeName')}): a command cannot answer that",
            next_step="use an environment whose setting identity.mfa is not ON",
        )
    result = answer["AuthenticationResult"]
    expires_at = datetime.now(UTC) + timedelta(seconds=result["ExpiresIn"])
    return Token(
        token=result["AccessToken"],
        role=role,
        expires_at=expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _ensure_user(cognito: Any, pool: str, username: str, role: Role, password: str) -> None:
    # Another command may have made it a moment ago, so the rest is said again; every call of it can be repeated.
    with contextlib.suppress(cognito.exceptions.UsernameExistsException):
        cognito.admin_create_user(
            UserPoolId=pool,
            Username=username,
            MessageAction="SUPPRESS",
            UserAttributes=[{"Name": "email", "Value": username}, {"Name": "email_verified", "Value": "true"}],
        )
    cognito.admin_set_user_password(UserPoolId=pool, Username=username, Password=password, Permanent=True)
    cognito.admin_add_user_to_group(UserPoolId=pool, Username=username, GroupName=role.value)


def _password(state: EnvironmentState, role: Role) -> str:
    """The password of a role's user: derived from this platform's random secret, so that two commands at once agree on it."""
    secret = state.account().secret_access_key.encode()
    # The ending satisfies the pool's demand for every class of characters.
    return hmac.new(secret, f"{state.environment}/{role}".encode(), hashlib.sha256).hexdigest()[:32] + "-Aa1"
