"""`platform token`: an access token for one of the roles, from the platform's own user pool."""

import contextlib
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations.client import aws_isolation
from operations.project import checkout
from operations.state import platform_status
from operations.state.files import EnvironmentState
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen

ANSWER_SECONDS = 10.0


class Role(StrEnum):
    """Who can ask: people by the pool's groups, and the machine that is the system."""

    ADMIN = "admin"
    EDITOR = "editor"
    VIEWER = "viewer"
    SYSTEM = "system"


USER_ROLES = (Role.ADMIN, Role.EDITOR, Role.VIEWER)


@dataclass(frozen=True, kw_only=True)
class Token:
    """A bearer token; `expires_at` is UTC, RFC 3339."""

    token: str
    role: str
    expires_at: str


def token(role: Role, environment: str, screen: Screen) -> None:
    """Prints the token alone, so that `$(platform token --role editor)` works."""
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    issued = issue(state, role)
    screen.show(issued.token)
    screen.write_json(asdict(issued))


def issue(state: EnvironmentState, role: Role) -> Token:
    """Signs the role's user in through Cognito's own API, or the machine by OAuth's client credentials. Either is the same
    each time, as long as the platform lives.

    Refuses a platform that is not on this machine: in a shared account people sign in as themselves.
    """
    platform_status.require_local(
        state,
        "tokens are made only for local platforms",
        next_step=f"sign in as yourself, or bring up a local one: {checkout.command_line('up', state.environment)}",
    )
    try:
        signed, seconds = _sign_machine_in(state) if role is Role.SYSTEM else _sign_in(state, role)
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        raise _no_token(state, role, str(error)) from error
    expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return Token(
        token=signed,
        role=role,
        expires_at=expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _no_token(state: EnvironmentState, role: Role, why: str) -> CommandError:
    return CommandError(
        f"the user pool at {state.account().endpoint} gave no token for {role}: {why}",
        next_step=checkout.command_line("status", state.environment),
    )


def _sign_machine_in(state: EnvironmentState) -> tuple[str, int]:
    """An access token and its seconds, by what every program has: the secret, and one request to the address that it names.

    No resolver knows that host on this machine: the emulator is asked in its place, and told its name.
    """
    arn = state.outputs.get("system_secret_arn")
    if not arn:
        raise CommandError(
            f"environment {state.environment!r} has no client for machines",
            next_step=f"set identity.system_client to true in Pulumi.{state.environment}.yaml, and bring it up anew",
        )
    account = state.account()
    kept = json.loads(account.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    address = httpx.URL(kept["token_url"])
    answer = httpx.post(
        f"{account.endpoint}{address.path}",
        headers={"Host": address.host},
        auth=(kept["client_id"], kept["client_secret"]),
        data={"grant_type": "client_credentials", "scope": kept["scope"]},
        timeout=ANSWER_SECONDS,
        trust_env=False,
    )
    if answer.status_code != httpx.codes.OK:
        raise _no_token(state, Role.SYSTEM, f"{answer.status_code}: {' '.join(answer.text[:300].split())}")
    given = answer.json()
    return given["access_token"], given["expires_in"]


def _sign_in(state: EnvironmentState, role: Role) -> tuple[str, int]:
    """An access token of the role's user, and its seconds."""
    username, password = f"{role}@platform.example", _password(state, role)
    cognito = state.account().client("cognito-idp")
    _ensure_user(cognito, state.outputs["user_pool_id"], username, role, password)
    answer = cognito.initiate_auth(
        ClientId=state.outputs["user_pool_client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    if "AuthenticationResult" not in answer:
        raise CommandError(
            f"the user pool of environment {state.environment!r} asks for more than a password "
            f"({answer.get('ChallengeName')}): a command cannot answer that",
            next_step="use an environment whose setting identity.mfa is not ON",
        )
    result = answer["AuthenticationResult"]
    return result["AccessToken"], result["ExpiresIn"]


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
