"""Handlers behind an HTTP API."""

import base64
import json
import time


def echo(event, context):
    """Answers the event itself."""
    return event


def as_told(event, context):
    """Answers what the request's body says, which is the JSON of an answer."""
    body = event["body"]
    return json.loads(base64.b64decode(body) if event["isBase64Encoded"] else body)


def send_back(event, context):
    """Answers the body's bytes with their type."""
    body = event.get("body", "")
    encoded = body if event["isBase64Encoded"] else base64.b64encode(body.encode()).decode()
    return {
        "statusCode": 201,
        "headers": {"Content-Type": event["headers"].get("content-type", "application/octet-stream")},
        "body": encoded,
        "isBase64Encoded": True,
    }


def several(event, context):
    return {
        "statusCode": 200,
        "headers": {"X-One": "1", "x-number": 7, "x-true": True, "Content-Length": "999", "content-type": "text/html"},
        "cookies": ["a=1; Path=/; HttpOnly", "b=2"],
        "body": "<p>é</p>",
    }


def fail(event, context):
    raise RuntimeError("a secret of the inside")


def sleep(event, context):
    time.sleep(30)


def redirect(event, context):
    host = event["headers"]["host"]
    return {"statusCode": 307, "headers": {"location": f"https://{host}/elsewhere?x=1"}}


def cross_origin(event, context):
    return {"statusCode": 200, "headers": {"Access-Control-Allow-Origin": "https://own.example"}, "body": "ok"}
