"""Handlers behind an HTTP API."""

import base64
import json
import time
from typing import Any


def echo(event: Any, context: Any) -> Any:
    """Return the event itself."""
    return event


def return_body(event: Any, context: Any) -> Any:
    """Return the request's body as the result, parsed from JSON."""
    body = event["body"]
    return json.loads(base64.b64decode(body) if event["isBase64Encoded"] else body)


def send_back(event: Any, context: Any) -> Any:
    """Return a response with the request's body and content type."""
    body = event.get("body", "")
    encoded = body if event["isBase64Encoded"] else base64.b64encode(body.encode()).decode()
    return {
        "statusCode": 201,
        "headers": {"Content-Type": event["headers"].get("content-type", "application/octet-stream")},
        "body": encoded,
        "isBase64Encoded": True,
    }


def several(event: Any, context: Any) -> Any:
    return {
        "statusCode": 200,
        "headers": {"X-One": "1", "x-number": 7, "x-true": True, "Content-Length": "999", "content-type": "text/html"},
        "cookies": ["a=1; Path=/; HttpOnly", "b=2"],
        "body": "<p>é</p>",
    }


def fail(event: Any, context: Any) -> Any:
    raise RuntimeError("an internal secret")


def sleep(event: Any, context: Any) -> Any:
    time.sleep(30)


def redirect(event: Any, context: Any) -> Any:
    host = event["headers"]["host"]
    return {"statusCode": 307, "headers": {"location": f"https://{host}/elsewhere?x=1"}}


def cross_origin(event: Any, context: Any) -> Any:
    return {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://own.example"}, "body": "ok"}
