"""The platform's HTTP API, as a client in the outside world uses it."""

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 30.0
MOST_ATTEMPTS = 10
LONGEST_WAIT_SECONDS = 30.0


class UnexpectedAnswerError(Exception):
    """The platform answered something else than it promises, or not at all. The text says which request and what came."""


class PlatformApi:
    """One connection pool to the API of a platform. Close it, or use it as a context manager.

    The way to a platform elsewhere may lead through the proxy that the environment names; on this machine it never does.
    """

    def __init__(self, base_url: str, *, elsewhere: bool = False) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS, trust_env=elsewhere)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, *, token: str | None = None, expect: int = 200, **query: str) -> Any:
        """The JSON answer to a GET; raises UnexpectedAnswerError on any other status than the expected one."""
        return self._send("GET", path, token=token, expect=expect, params=query)

    def post(self, path: str, body: Mapping[str, Any], *, token: str, expect: int = 201) -> Any:
        """The JSON answer to a POST of a JSON body."""
        return self._send("POST", path, token=token, expect=expect, json=dict(body))

    def upload(self, url: str, fields: Mapping[str, str], file_name: str, content: bytes, content_type: str) -> int:
        """Sends a file by a presigned POST, the file last as S3 demands; returns the status."""
        answer = self._request("POST", url, data=dict(fields), files={"file": (file_name, content, content_type)})
        if answer.status_code not in (200, 201, 204):
            raise UnexpectedAnswerError(f"the upload was answered {answer.status_code}: {_reason(answer)}")
        return answer.status_code

    def download(self, url: str) -> bytes:
        """The bytes behind an address that needs no header."""
        answer = self._request("GET", url)
        if answer.status_code != httpx.codes.OK:
            raise UnexpectedAnswerError(
                f"{url.split('?', maxsplit=1)[0]} was answered {answer.status_code}: {_reason(answer)}"
            )
        return answer.content

    def send_file(self, path: str, content: bytes, content_type: str, *, token: str, key: str, **query: str) -> Any:
        """The JSON answer to a file, sent with an Idempotency-Key; waits and sends it again while the platform says later."""
        headers = {"Content-Type": content_type, "Idempotency-Key": key, "Authorization": f"Bearer {token}"}
        answer = self._patiently("POST", path, headers=headers, content=content, params=query)
        if answer.status_code != httpx.codes.OK:
            raise UnexpectedAnswerError(f"POST {path} was answered {answer.status_code}: {_reason(answer)}")
        return answer.json()

    def fetch_part(self, path: str, *, token: str) -> tuple[bytes, str]:
        """A part of a file, and where the next one is; nowhere after the last."""
        answer = self._patiently("GET", path, headers={"Authorization": f"Bearer {token}"})
        if answer.status_code != httpx.codes.OK:
            raise UnexpectedAnswerError(f"GET {path} was answered {answer.status_code}: {_reason(answer)}")
        return answer.content, str(answer.links.get("next", {}).get("url", ""))

    def _patiently(self, method: str, path: str, **content: Any) -> httpx.Response:
        """The answer, or the last of several that say to come again later."""
        for _ in range(MOST_ATTEMPTS - 1):
            answer = self._request(method, path, **content)
            if answer.status_code not in (httpx.codes.TOO_MANY_REQUESTS, httpx.codes.SERVICE_UNAVAILABLE):
                return answer
            wait = answer.headers.get("retry-after", "")
            time.sleep(min(float(wait) if wait.isdecimal() else 1.0, LONGEST_WAIT_SECONDS))
        return self._request(method, path, **content)

    def _send(self, method: str, path: str, *, token: str | None, expect: int, **content: Any) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._request(method, path, headers=headers, **content)
        if answer.status_code != expect:
            raise UnexpectedAnswerError(
                f"{method} {path} was answered {answer.status_code} instead of {expect}: {_reason(answer)}"
            )
        try:
            return answer.json()
        except ValueError as error:
            raise UnexpectedAnswerError(f"{method} {path} was answered with something that is not JSON") from error

    def _request(self, method: str, url: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **content)
        except httpx.HTTPError as error:
            raise UnexpectedAnswerError(
                f"{method} {url.split('?', maxsplit=1)[0]} was not answered: {type(error).__name__}: {error}"
            ) from error


def _reason(answer: httpx.Response) -> str:
    """What a refusal says: the API's error codes and messages, or the beginning of anything else (S3 answers XML)."""
    try:
        errors = answer.json()["errors"]
        return "; ".join(f"{error['code']}: {error['message']}" for error in errors)
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text[:300].split()) or "no reason was given"
