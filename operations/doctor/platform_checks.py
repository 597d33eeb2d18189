"""Whether a platform's parts answer: the local one's processes, endpoints and AWS resources, or the API of one elsewhere."""

import socket
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from botocore.exceptions import BotoCoreError, ClientError

from local import ports
from local.account import LocalAccount
from local.errors import PortTakenError
from operations.client.access_tokens import USER_ROLES
from operations.client.remote_platform import ENVIRONMENT_VARIABLES, RemotePlatform
from operations.doctor.checks import Check, ok, problem, warning
from operations.project import checkout
from operations.state import platform_status
from operations.state.files import EnvironmentState
from operations.state.platform_status import PlatformStatus

ANSWER_SECONDS = 10.0
CONNECT_SECONDS = 5.0
# Signatures are refused at a quarter of an hour, tokens that seem to be issued in the future much sooner.
NOTICEABLE_SKEW_SECONDS, GREATEST_SKEW_SECONDS = 10, 300
READING_PATH = "/api/v1/shows"


def of_local(environment: str, port: int) -> Iterator[Check]:
    """The local platform as it is: stopped is no problem, remains and dead parts are said."""
    condition = platform_status.read_status(environment)
    yield condition_of(environment, condition)
    yield port_of(condition, environment, port)
    for process in condition.processes:
        name, seen = f"process {process.name}", f"pid {process.pid}, {process.state}"
        if process.state == "exited":
            yield problem(
                name, f"{seen} unasked", f"read why: {checkout.command_line(f'logs {process.name}', environment)}"
            )
        else:
            yield ok(name, seen)
    state = condition.state
    if state is None or state.endpoints is None:
        return
    restart = checkout.command_line("reset", environment)
    yield from _http(f"{state.endpoints.api}/health/ready", "api", restart, trust_env=False)
    yield answers("docs page", state.endpoints.docs, restart)
    # Any answer will do of these two: they answer a request without a signature with a refusal.
    yield answers("aws", state.endpoints.aws, restart, below=500)
    yield answers("object store", state.endpoints.s3, restart, below=500)
    yield from resources(state, restart)


def condition_of(environment: str, condition: PlatformStatus) -> Check:
    """What the platform's host says, and what an earlier one left."""
    if condition.health == "running":
        return ok("platform", f"{environment} is running")
    if condition.health == "stopped" and not condition.reason:
        return ok("platform", f"{environment} is not running; to start it: {condition.next_step}")
    # Being on its way, and remains that the next start removes, hinder nobody.
    passing = condition.health == "stopped" or condition.state is None or condition.state.state == "starting"
    made = warning if passing else problem
    return made("platform", f"{environment} is {condition.health}: {condition.reason}", condition.next_step)


def port_of(condition: PlatformStatus, environment: str, port: int) -> Check:
    """Whether the API's port is free, or ours already."""
    name = f"port {port}"
    endpoints = condition.state.endpoints if condition.state else None
    own = urlsplit(endpoints.api).port if endpoints else None
    if own is not None:
        return ok(f"port {own}", "the platform's own")
    try:
        ports.require_free(port)
    except PortTakenError:
        fix = f"end the program that listens there, or: {checkout.command_line('up', environment)} --port 0"
        return problem(name, "another program listens there", fix)
    return ok(name, "free")


def answers(name: str, url: str, fix: str, *, below: int = 300) -> Check:
    """Whether something answers at an address on this machine with a status below the given one."""
    try:
        answer = httpx.get(url, timeout=ANSWER_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return problem(name, f"{url} does not answer ({type(error).__name__})", fix)
    if answer.status_code >= below:
        return problem(name, f"{url} answers {answer.status_code}", fix)
    return ok(name, url)


def resources(state: EnvironmentState, fix: str) -> Iterator[Check]:
    """Whether each thing that the outputs name is there: asked of AWS itself, nothing is changed."""
    account = state.account()
    for output, value in sorted(state.outputs.items()):
        look = _probe(account, output, str(value))
        if look is None:
            continue
        try:
            look()
        except (BotoCoreError, ClientError, OSError) as error:
            yield problem(output, f"{value}: {error}", fix)
        else:
            yield ok(output, str(value))


def _probe(account: LocalAccount, output: str, value: str) -> Callable[[], Any] | None:
    """The request that shows whether the thing behind an output exists; None for outputs that name no thing."""
    probes: Mapping[str, Callable[[], Any]] = {
        "_bucket": lambda: account.client("s3").head_bucket(Bucket=value),
        "_queue_url": lambda: account.client("sqs").get_queue_attributes(QueueUrl=value, AttributeNames=["QueueArn"]),
        "_secret_arn": lambda: account.client("secretsmanager").describe_secret(SecretId=value),
        "user_pool_id": lambda: account.client("cognito-idp").describe_user_pool(UserPoolId=value),
        "vpc_id": lambda: account.client("ec2").describe_vpcs(VpcIds=[value]),
        "database_endpoint": lambda: _connect(value),
    }
    return next((probe for ending, probe in probes.items() if output.endswith(ending)), None)


def _connect(address: str) -> None:
    host, _, port = address.rpartition(":")
    socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def of_elsewhere(platform: RemotePlatform) -> Iterator[Check]:
    """A platform elsewhere, as a client sees it: reachable, ready, closed to strangers, open to the tokens that were given."""
    fix = "look at the platform's own alarms and logs, or correct --base-url"
    yield from _http(f"{platform.base_url}/health", "health", fix, trust_env=True)
    yield from _http(f"{platform.base_url}/health/ready", "readiness", fix, trust_env=True, clock=False)
    url = f"{platform.base_url}{READING_PATH}"
    yield _status("no token", url, None, httpx.codes.UNAUTHORIZED, "the API is open to strangers: do not use it")
    for role in USER_ROLES:
        name, token = f"token {role}", platform.tokens.get(role)
        if token:
            yield _status(
                name, url, token, httpx.codes.OK, "sign in again for a token of this platform that has not expired"
            )
        else:
            given = f"--token-{role} or {ENVIRONMENT_VARIABLES[role]}"
            yield warning(name, "none was given, so it was not tried", f"give one with {given}")


def _http(url: str, name: str, fix: str, *, trust_env: bool, clock: bool = True) -> Iterator[Check]:
    """Whether an address answers 200, and how far the clock behind it is from ours."""
    try:
        answer = httpx.get(url, timeout=ANSWER_SECONDS, trust_env=trust_env)
    except httpx.HTTPError as error:
        yield problem(name, f"{url} does not answer ({type(error).__name__}: {error})", fix)
        return
    if answer.status_code == httpx.codes.OK:
        yield ok(name, url)
    else:
        yield problem(name, f"{url} answers {answer.status_code}", fix)
    if clock:
        yield skew(answer.headers.get("Date", ""), datetime.now(UTC))


def _status(name: str, url: str, token: str | None, expected: int, fix: str) -> Check:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        status = httpx.get(url, headers=headers, timeout=ANSWER_SECONDS).status_code
    except httpx.HTTPError as error:
        return problem(name, f"{url} does not answer ({type(error).__name__})", fix="correct --base-url")
    if status != expected:
        return problem(name, f"{url} answers {status} instead of {expected}", fix)
    return ok(name, f"{url} answers {status}, as it should")


def skew(date: str, now: datetime) -> Check:
    """How far our clock is from the `Date` of an answer, which has whole seconds."""
    name, fix = "clock", "set this machine's clock (NTP)"
    try:
        seconds = (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return warning(name, f"the API's Date header cannot be read: {date!r}", "look at what stands before the API")
    detail = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the platform's"
    if abs(seconds) > GREATEST_SKEW_SECONDS:
        return problem(name, f"{detail}: signatures and tokens are refused", fix)
    if abs(seconds) > NOTICEABLE_SKEW_SECONDS:
        return warning(name, detail, fix)
    return ok(name, detail)
