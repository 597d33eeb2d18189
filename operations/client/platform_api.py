"""Client of the platform's HTTP API."""

from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import Any, Self

import httpx

TIMEOUT_SECONDS = 30.0
Query = Mapping[str, str]
NO_QUERY: Query = MappingProxyType({})


class UnexpectedResponseError(Exception):
    """A response other than the expected one, or none. The message names the request and the response.

    Attributes:
        status: The HTTP status; None without a response.
        retry_after_seconds: The response's Retry-After header; None without one.
    """

    def __init__(self, message: str, *, status: int | None = None, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.status, self.retry_after_seconds = status, retry_after_seconds


class PlatformApi:
    """A connection pool to a platform's API. Close it by using it as a context manager.

    Requests to a remote platform use the proxy that the environment configures; requests to a local one never do.
    """

    def __init__(self, base_url: str, *, is_remote: bool = False) -> None:
        self._client = httpx.Client(base_url=base_url, timeout=TIMEOUT_SECONDS, trust_env=is_remote)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.close()

    def get(self, path: str, *, token: str | None = None, expect: int = 200, query: Query = NO_QUERY) -> Any:
        """Send a GET request and return the JSON body.

        Raises:
            UnexpectedResponseError: The status is not the expected one.
        """
        return self._request_json("GET", path, token=token, expect=expect, params=dict(query))

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
        """Send a POST request with a JSON body or none, and return the JSON body of the response.

        With an idempotency key the request can be repeated safely.
        """
        headers = _idempotency_header(idempotency_key)
        return self._request_json(
            "POST", path, token=token, expect=expect, headers=headers, params=dict(query), json=body
        )

    def patch(self, path: str, body: Mapping[str, Any], *, token: str, expect: int = 200) -> Any:
        """Send a PATCH request with a JSON body, and return the JSON body of the response."""
        return self._request_json("PATCH", path, token=token, expect=expect, json=body)

    def delete(self, path: str, *, token: str, expect: int = 200, query: Query = NO_QUERY) -> Any:
        """Send a DELETE request and return the JSON body."""
        return self._request_json("DELETE", path, token=token, expect=expect, params=dict(query))

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
        """Send a POST request with a file as its body, and return the JSON body of the response.

        With an idempotency key the request can be repeated safely.
        """
        headers = {"Content-Type": media_type, **_idempotency_header(idempotency_key)}
        return self._request_json(
            "POST", path, token=token, expect=200, headers=headers, params=dict(query), content=content
        )

    def fetch_file(self, address: str, *, token: str) -> tuple[bytes, str]:
        """Download one part of a file.

        Returns:
            The content, and the URL of the next part from the Link header; empty for the last part.
        """
        response = self._request("GET", address, expect=200, headers={"Authorization": f"Bearer {token}"})
        return response.content, str(response.links.get("next", {}).get("url", ""))

    def upload(self, url: str, fields: Mapping[str, str], file_name: str, content: bytes, content_type: str) -> int:
        """Upload a file with a presigned POST form, and return the status."""
        # S3 requires the file to be the last field.
        response = self._exchange("POST", url, data=dict(fields), files={"file": (file_name, content, content_type)})
        if response.status_code not in (200, 201, 204):
            raise _unexpected(response, f"the upload failed with status {response.status_code}")
        return response.status_code

    def download(self, url: str) -> bytes:
        """Download a URL that needs no headers."""
        response = self._exchange("GET", url)
        if response.status_code != httpx.codes.OK:
            raise _unexpected(response, f"GET {url.split('?', maxsplit=1)[0]} returned status {response.status_code}")
        return response.content

    def _request_json(
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
        response = self._request(method, path, expect=expect, headers={**signed, **headers}, **content)
        try:
            return response.json()
        except ValueError as error:
            raise UnexpectedResponseError(f"{method} {path} returned a body that is not JSON") from error

    def _request(self, method: str, path: str, *, expect: int, **content: Any) -> httpx.Response:
        response = self._exchange(method, path, **content)
        if response.status_code != expect:
            raise _unexpected(response, f"{method} {path} returned status {response.status_code} instead of {expect}")
        return response

    def _exchange(self, method: str, url: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, url, **content)
        except httpx.HTTPError as error:
            raise UnexpectedResponseError(
                f"{method} {url.split('?', maxsplit=1)[0]} failed without a response: {type(error).__name__}: {error}"
            ) from error


def _idempotency_header(idempotency_key: str | None) -> dict[str, str]:
    return {"Idempotency-Key": idempotency_key} if idempotency_key else {}


def _unexpected(response: httpx.Response, problem: str) -> UnexpectedResponseError:
    after = response.headers.get("Retry-After", "")
    return UnexpectedResponseError(
        f"{problem}: {_reason(response)}",
        status=response.status_code,
        retry_after_seconds=float(after) if after.isdecimal() else None,
    )


def _reason(response: httpx.Response) -> str:
    """Return the API's error codes and messages, or the beginning of any other body (S3 returns XML)."""
    try:
        errors = response.json()["errors"]
        return "; ".join(f"{error['code']}: {error['message']}" for error in errors)
    except (ValueError, KeyError, TypeError):
        return " ".join(response.text[:300].split()) or "the response has no body"
