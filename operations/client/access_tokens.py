"""`platform token`: access tokens for each role, from the platform's own user pool."""

import contextlib
import hashlib
import hmac
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from operations.client import aws_isolation
from operations.project import checkout
from operations.state import platform_status
from operations.state.files import EnvironmentState
from operations.terminal.command_errors import CommandError
from operations.terminal.console import Screen
from runtime.roles import Role

TIMEOUT_SECONDS = 10.0


USER_ROLES = (Role.ADMIN, Role.EDITOR, Role.VIEWER)


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A bearer token; `expires_at` is UTC, RFC 3339."""

    token: str
    role: str
    expires_at: str


def print_token(role: Role, environment: str, screen: Screen) -> None:
    """Print a token and nothing else, so that `$(platform token --role editor)` works."""
    aws_isolation.isolate_aws_environment()
    state = platform_status.require_running(environment)
    issued = issue(state, role)
    screen.show(issued.token)
    screen.write_json(asdict(issued))


def issue(state: EnvironmentState, role: Role) -> AccessToken:
    """Sign in as the role's user with a password, or as the machine client with OAuth client credentials.

    The user and password of a role stay the same while the platform runs.

    Raises:
        CommandError: The platform is not on this machine, or the sign-in fails.
    """
    platform_status.require_local(
        state,
        "tokens are issued only for local platforms",
        next_step=f"sign in as yourself, or start a local platform: {checkout.command_line('up', state.environment)}",
    )
    try:
        access_token, seconds = (
            _request_client_credentials(state) if role is Role.SYSTEM else _sign_user_in(state, role)
        )
    except (BotoCoreError, ClientError, httpx.HTTPError) as error:
        raise _sign_in_failed(state, role, str(error)) from error
    expires_at = datetime.now(UTC) + timedelta(seconds=seconds)
    return AccessToken(
        token=access_token,
        role=role,
        expires_at=expires_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    )


def _sign_in_failed(state: EnvironmentState, role: Role, problem: str) -> CommandError:
    return CommandError(
        f"signing in as {role} at the user pool {state.account().endpoint} failed: {problem}",
        next_step=checkout.command_line("status", state.environment),
    )


def _request_client_credentials(state: EnvironmentState) -> tuple[str, int]:
    """Return an access token for the machine client and its lifetime in seconds.

    The secret names the token URL. Its host does not resolve on this machine, so the request goes to the emulator with
    that host in its Host header.
    """
    arn = state.outputs.get("system_secret_arn")
    if not arn:
        raise CommandError(
            f"environment {state.environment!r} has no machine client",
            next_step=f"set identity.system_client to true in Pulumi.{state.environment}.yaml, and restart the platform",
        )
    account = state.account()
    client = json.loads(account.client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])
    address = httpx.URL(client["token_url"])
    response = httpx.post(
        f"{account.endpoint}{address.path}",
        headers={"Host": address.host},
        auth=(client["client_id"], client["client_secret"]),
        data={"grant_type": "client_credentials", "scope": client["scope"]},
        timeout=TIMEOUT_SECONDS,
        trust_env=False,
    )
    if response.status_code != httpx.codes.OK:
        raise _sign_in_failed(state, Role.SYSTEM, f"{response.status_code}: {' '.join(response.text[:300].split())}")
    body = response.json()
    return body["access_token"], body["expires_in"]


def _sign_user_in(state: EnvironmentState, role: Role) -> tuple[str, int]:
    """Return an access token for the role's user and its lifetime in seconds."""
    username, password = f"{role}@platform.example", _password(state, role)
    cognito = state.account().client("cognito-idp")
    _ensure_user(cognito, state.outputs["user_pool_id"], username, role, password)
    response = cognito.initiate_auth(
        ClientId=state.outputs["user_pool_client_id"],
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": username, "PASSWORD": password},
    )
    if "AuthenticationResult" not in response:
        raise CommandError(
            f"the user pool of environment {state.environment!r} requires more than a password "
            f"({response.get('ChallengeName')}), which this command does not support",
            next_step="use an environment whose setting identity.mfa is not ON",
        )
    result = response["AuthenticationResult"]
    return result["AccessToken"], result["ExpiresIn"]


def _ensure_user(cognito: Any, pool: str, username: str, role: Role, password: str) -> None:
    # A concurrent command may have created the user just now, so the other calls, which are idempotent, follow in any case.
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
    """Return the password of a role's user.

    It is derived from the platform's random secret, so that concurrent commands agree on it.
    """
    secret = state.account().secret_access_key.encode()
    # The suffix satisfies the pool's password policy, which requires every class of characters.
    return hmac.new(secret, f"{state.environment}/{role}".encode(), hashlib.sha256).hexdigest()[:32] + "-Aa1"
