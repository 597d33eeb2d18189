"""Lambda's Invoke API, called with an AWS SDK."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from local.account import FunctionFailedError, LocalAccount
from local.compute.lambda_.functions import Functions
from local.compute.lambda_.invoke_endpoint import MAX_BYTES, InvokeEndpoint

Register = Callable[..., str]


@pytest.fixture
def endpoint(functions: Functions) -> Iterator[InvokeEndpoint]:
    made = InvokeEndpoint(functions)
    made.start()
    yield made
    made.close()


@pytest.fixture
def invoke(account: LocalAccount, endpoint: InvokeEndpoint) -> Callable[..., Any]:
    """Invoke a function with boto3."""
    there = replace(account, lambda_endpoint=endpoint.address)
    return lambda function, event: there.invoke(function, event, timeout_seconds=30)


def test_result_of_the_handler_is_returned(invoke: Callable[..., Any], register: Register) -> None:
    event = {"text": "é ☃", "list": [1, 2.5, None, True]}
    assert invoke(register("answers.echo"), event) == event


def test_arn_with_a_qualifier_invokes_the_function(invoke: Callable[..., Any], register: Register) -> None:
    assert invoke(f"arn:aws:lambda:us-east-1:123456789012:function:{register('answers.echo')}:live", 1) == 1


def test_failed_function_returns_its_error(invoke: Callable[..., Any], register: Register) -> None:
    with pytest.raises(FunctionFailedError, match="failed: "):
        invoke(register("broken_import.handler"), {})


def test_unknown_function_returns_resource_not_found(invoke: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="no function is registered as nobody") as rejected:
        invoke("nobody", {})
    assert rejected.value.response["Error"]["Code"] == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/2015-03-31/functions/f/invocations", {}, 404, "ResourceNotFoundException"),
        ("POST", "/2015-03-31/functions", {}, 404, "ResourceNotFoundException"),
        (
            "POST",
            "/2015-03-31/functions/f/invocations",
            {"headers": {"X-Amz-Invocation-Type": "Event"}},
            400,
            "InvalidParameterValueException",
        ),
        ("POST", "/2015-03-31/functions/f/invocations", {"content": b"{"}, 400, "InvalidRequestContentException"),
        (
            "POST",
            "/2015-03-31/functions/f/invocations",
            {"content": b" " * (MAX_BYTES + 1)},
            413,
            "RequestTooLargeException",
        ),
    ],
)
def test_unsupported_request_returns_an_error(
    endpoint: InvokeEndpoint, *, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    response = httpx.request(method, endpoint.address + path, trust_env=False, **options)
    assert (response.status_code, response.headers["x-amzn-errortype"]) == (status, code)
