"""Functions are invoked over HTTP, as AWS's own SDK does it."""

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
def door(functions: Functions) -> Iterator[InvokeEndpoint]:
    made = InvokeEndpoint(functions)
    made.start()
    yield made
    made.close()


@pytest.fixture
def invoke(account: LocalAccount, door: InvokeEndpoint) -> Callable[..., Any]:
    """Invokes through boto3."""
    there = replace(account, lambda_endpoint=door.address)
    return lambda function, event: there.invoke(function, event, timeout_seconds=30)


def test_the_handlers_answer_comes_back(invoke: Callable[..., Any], register: Register) -> None:
    event = {"text": "é ☃", "list": [1, 2.5, None, True]}
    assert invoke(register("answers.echo"), event) == event


def test_a_name_with_a_qualifier_is_that_function(invoke: Callable[..., Any], register: Register) -> None:
    assert invoke(f"arn:aws:lambda:us-east-1:123456789012:function:{register('answers.echo')}:live", 1) == 1


def test_a_function_that_fails_says_why(invoke: Callable[..., Any], register: Register) -> None:
    with pytest.raises(FunctionFailedError, match="failed: "):
        invoke(register("broken_import.handler"), {})


def test_an_unknown_function_is_not_found(invoke: Callable[..., Any]) -> None:
    with pytest.raises(ClientError, match="no function is registered as nobody") as refused:
        invoke("nobody", {})
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


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
def test_what_is_no_call_that_waits_is_refused(
    door: InvokeEndpoint, *, method: str, path: str, options: dict[str, Any], status: int, code: str
) -> None:
    answer = httpx.request(method, door.address + path, trust_env=False, **options)
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (status, code)
