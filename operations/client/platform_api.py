"""The platform's HTTP API, as a client in the outside world uses it."""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 30.0
Query = Mapping[str, str]
NO_QUERY: Query = MappingProxyType({})


class UnexpectedResponseError(Exception):
    """The platform answered something else than it promises, or not at all. The text says which request and what came.

    `status` is None when nothing came; `retry_after_seconds` is what the answer asked to wait before the request is repeated.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after_seconds = status, retry_after_seconds


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

    def get(self, path: str, *, token: str | None = None, expect: int = 200, query: Query = NO_QUERY) -> Any:
        """The JSON answer to a GET; raises UnexpectedAnswerError on any other status than the expected one."""
        return self._send("GET", path, token=token, expect=expect, params=dict(query))

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None,
        *,
        token: str,
        expect: int = 201,
        idempotency_key: str | None = None,
        query: Query = NO_QUERY,
    ) -> Any:
        """The JSON answer to a POST of a JSON body, or of none. With a key of the caller's, repeating it does nothing twice."""
        headers = _keyed(idempotency_key)
        return self._send("POST", path, token=token, expect=expect, headers=headers, params=dict(query), json=body)

    def patch(self, path: str, body: Mapping[str, Any], *, token: str, expect: int = 200) -> Any:
        """The JSON answer to a PATCH of a JSON body."""
        return self._send("PATCH", path, token=token, expect=expect, json=body)

    def delete(self, path: str, *, token: str, expect: int = 200, query: Query = NO_QUERY) -> Any:
        """The JSON answer to a DELETE."""
        return self._send("DELETE", path, token=token, expect=expect, params=dict(query))

    def send_file(
        self,
        path: str,
        content: bytes,
        media_type: str,
        *,
        token: str,
        idempotency_key: str | None = None,
        query: Query = NO_QUERY,
    ) -> Any:
        """The JSON answer to a POST of a file. With a key of the caller's, repeating it does nothing twice."""
        headers = {"Content-Type": media_type, **_keyed(idempotency_key)}
        return self._send("POST", path, token=token, expect=200, headers=headers, params=dict(query), content=content)

    def fetch_file(self, address: str, *, token: str) -> tuple[bytes, str]:
        """The file at an address, which has its query in it, and the address of the next part; "" where nothing follows."""
        answer = self._request("GET", address, expect=200, headers={"Authorization": f"Bearer {token}"})
        return answer.content, str(answer.links.get("next", {}).get("url", ""))

    def upload(self, url: str, fields: Mapping[str, str], file_name: str, content: bytes, content_type: str) -> int:
        """Sends a file by a presigned POST, the file last as S3 demands; returns the status."""
        answer = self._exchange("POST", url, data=dict(fields), files={"file": (file_name, content, content_type)})
        if answer.status_code not in (200, 201, 204):
            raise _unexpected(answer, f"the upload was answered {answer.status_code}")
        return answer.status_code

    def download(self, url: str) -> bytes:
        """The bytes behind an address that needs no header."""
        answer = self._exchange("GET", url)
        if answer.status_code != httpx.codes.OK:
            raise _unexpected(answer, f"{url.split('?', maxsplit=1)[0]} was answered {answer.status_code}")
        return answer.content

    def _send(
        self,
        method: str,
        path: str,
        *,
        token: str | None,
        expect: int,
        headers: Mapping[str, str] = MappingProxyType({}),
        **content: Any,
    ) -> Any:
        signed = {"Authorization": f"Bearer {token}"} if token else {}
        answer = self._request(method, path, expect=expect, headers={**signed, **headers}, **content)
        try:
            return answer.json()
        except ValueError as error:
            raise UnexpectedResponseError(f"{method} {path} was answered with something that is not JSON") from error

    def _request(self, method: str, path: str, *, expect: int, **content: Any) -> httpx.Response:
        answer = self._exchange(method, path, **content)
        if answer.status_code != expect:
            raise _unexpected(answer, f"{method} {path} was answered {answer.status_code} instead of {expect}")
        return answer

    def _exchange(self, method: str, url: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **content)
        except httpx.HTTPError as error:
            raise UnexpectedResponseError(
                f"{method} {url.split('?', maxsplit=1)[0]} was not answered: {type(error).__name__}: {error}"
            ) from error


def _keyed(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def _unexpected(answer: httpx.Response, said: str) -> UnexpectedResponseError:
    after = answer.headers.get("Retry-After", "")
    return UnexpectedResponseError(
        f"{said}: {_reason(answer)}",
        status=answer.status_code,
        retry_after_seconds=float(after) if after.isdecimal() else None,
    )


def _reason(answer: httpx.Response) -> str:
    """What a refusal says: the API's error codes and messages, or the beginning of anything else (S3 answers XML)."""
    try:
        errors = answer.json()["errors"]
        return "; ".join(f"{error['code']}: {error['message']}" for error in errors)
    except (ValueError, KeyError, TypeError):
        return " ".join(answer.text[:300].split()) or "no reason was given"
