"""Checks of a local platform's processes, endpoints and AWS resources, and of a remote platform's API."""

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

TIMEOUT_SECONDS = 10.0
CONNECT_SECONDS = 5.0
# AWS rejects signatures that are off by 15 minutes; tokens that seem to be issued in the future are rejected much sooner.
WARNING_SKEW_SECONDS, MAX_SKEW_SECONDS = 10, 300
PROTECTED_PATH = "/api/v1/shows"


def check_local_platform(environment: str, port: int) -> Iterator[Check]:
    """Yield the results of all checks of a local platform. A stopped platform is not a problem."""
    status = platform_status.read_status(environment)
    yield check_status(environment, status)
    yield check_port(status, environment, port)
    for process in status.processes:
        name, detail = f"process {process.name}", f"pid {process.pid}, {process.state}"
        if process.state == "exited":
            yield problem(
                name,
                f"{detail} unexpectedly",
                f"read its log: {checkout.command_line(f'logs {process.name}', environment)}",
            )
        else:
            yield ok(name, detail)
    state = status.state
    if state is None or state.endpoints is None:
        return
    restart = checkout.command_line("reset", environment)
    yield from _check_health(f"{state.endpoints.api}/health/ready", "api", restart, trust_env=False)
    yield check_endpoint("docs page", state.endpoints.docs, restart)
    # Both reject a request without a signature, so any client error shows that they respond.
    yield check_endpoint("aws", state.endpoints.aws, restart, below=500)
    yield check_endpoint("object store", state.endpoints.s3, restart, below=500)
    yield from check_outputs(state, restart)


def check_status(environment: str, status: PlatformStatus) -> Check:
    """Check the platform's status, including files that an earlier platform left behind."""
    if status.health == "running":
        return ok("platform", f"{environment} is running")
    if status.health == "stopped" and not status.reason:
        return ok("platform", f"{environment} is not running; to start it: {status.next_step}")
    # A platform that is starting is no problem, nor are files that the next start removes.
    is_harmless = status.health == "stopped" or status.state is None or status.state.state == "starting"
    result = warning if is_harmless else problem
    return result("platform", f"{environment} is {status.health}: {status.reason}", status.next_step)


def check_port(status: PlatformStatus, environment: str, port: int) -> Check:
    """Check that the API's port is free or used by the platform itself."""
    name = f"port {port}"
    endpoints = status.state.endpoints if status.state else None
    own = urlsplit(endpoints.api).port if endpoints else None
    if own is not None:
        return ok(f"port {own}", "used by the platform itself")
    try:
        ports.require_free(port)
    except PortTakenError:
        fix = f"stop the program that listens there, or: {checkout.command_line('up', environment)} --port 0"
        return problem(name, "used by another program", fix)
    return ok(name, "free")


def check_endpoint(name: str, url: str, fix: str, *, below: int = 300) -> Check:
    """Check that an endpoint on this machine responds with a status below the limit."""
    try:
        response = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=False)
    except httpx.HTTPError as error:
        return problem(name, f"{url} does not respond ({type(error).__name__})", fix)
    if response.status_code >= below:
        return problem(name, f"{url} returned status {response.status_code}", fix)
    return ok(name, url)


def check_outputs(state: EnvironmentState, fix: str) -> Iterator[Check]:
    """Check that the resources behind the stack's outputs exist. The requests are read-only."""
    account = state.account()
    for output, value in sorted(state.outputs.items()):
        probe = _probe(account, output, str(value))
        if probe is None:
            continue
        try:
            probe()
        except (BotoCoreError, ClientError, OSError) as error:
            yield problem(output, f"{value}: {error}", fix)
        else:
            yield ok(output, str(value))


def _probe(account: LocalAccount, output: str, value: str) -> Callable[[], Any] | None:
    """Return the request that shows whether an output's resource exists; None for other outputs."""
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


def check_remote_platform(platform: RemotePlatform) -> Iterator[Check]:
    """Yield the results of all checks of a remote platform, as a client sees it."""
    fix = "check the platform's alarms and logs, or correct --base-url"
    yield from _check_health(f"{platform.base_url}/health", "health", fix, trust_env=True)
    yield from _check_health(f"{platform.base_url}/health/ready", "readiness", fix, trust_env=True, clock=False)
    url = f"{platform.base_url}{PROTECTED_PATH}"
    yield _check_response_status(
        "no token", url, None, httpx.codes.UNAUTHORIZED, "the API does not require authentication: do not use it"
    )
    for role in USER_ROLES:
        name, token = f"token {role}", platform.tokens.get(role)
        if token:
            yield _check_response_status(
                name, url, token, httpx.codes.OK, "sign in again for a token of this platform that has not expired"
            )
        else:
            options = f"--token-{role} or {ENVIRONMENT_VARIABLES[role]}"
            yield warning(name, "not checked: no token was given", f"pass {options}")


def _check_health(url: str, name: str, fix: str, *, trust_env: bool, clock: bool = True) -> Iterator[Check]:
    """Check that an endpoint returns status 200, and how far its clock differs from ours."""
    try:
        response = httpx.get(url, timeout=TIMEOUT_SECONDS, trust_env=trust_env)
    except httpx.HTTPError as error:
        yield problem(name, f"{url} does not respond ({type(error).__name__}: {error})", fix)
        return
    if response.status_code == httpx.codes.OK:
        yield ok(name, url)
    else:
        yield problem(name, f"{url} returned status {response.status_code}", fix)
    if clock:
        yield check_clock(response.headers.get("Date", ""), datetime.now(UTC))


def _check_response_status(name: str, url: str, token: str | None, expected: int, fix: str) -> Check:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        status = httpx.get(url, headers=headers, timeout=TIMEOUT_SECONDS).status_code
    except httpx.HTTPError as error:
        return problem(name, f"{url} does not respond ({type(error).__name__})", fix="correct --base-url")
    if status != expected:
        return problem(name, f"{url} returned status {status} instead of {expected}", fix)
    return ok(name, f"{url} returned status {status}, as expected")


def check_clock(date: str, now: datetime) -> Check:
    """Compare this machine's clock with a response's Date header, which has a resolution of a second."""
    name, fix = "clock", "set this machine's clock (NTP)"
    try:
        seconds = (now - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return warning(name, f"the API's Date header is invalid: {date!r}", "check the proxies in front of the API")
    detail = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} the platform's"
    if abs(seconds) > MAX_SKEW_SECONDS:
        return problem(name, f"{detail}: signatures and tokens are rejected", fix)
    if abs(seconds) > WARNING_SKEW_SECONDS:
        return warning(name, detail, fix)
    return ok(name, detail)
