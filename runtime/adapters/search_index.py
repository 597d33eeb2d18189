"""OpenSearch over HTTP, behind a circuit breaker: after a failure, no requests are sent for a while, and callers use a fallback.

The domain's endpoint is read from a parameter, which is created with the domain; until then there is no engine. Requests are
signed, except on loopback, where the engine has no users. A loopback engine is accepted only if AWS is on loopback too.
"""

import json
import threading
import time
from collections.abc import Callable
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import boto3
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError
from urllib3.exceptions import HTTPError, ProtocolError

from runtime.adapters.logs import get_logger
from runtime.errors import NotFoundError, UnavailableError
from runtime.loopback import is_loopback
from runtime.settings import NO_SEARCH_ENGINE, SearchSettings

SEARCH_ENGINE_FAILED = "search_engine_failed"
SEARCH_ENGINE_RECOVERED = "search_engine_recovered"
SEARCH_REQUEST_REJECTED = "search_request_rejected"

# Together below a second, so that a search has time left for the fallback engine.
CONNECT_SECONDS = 0.3
READ_SECONDS = 0.6
# How long the circuit stays open after a failure. Then one request is a trial; the others fail until it succeeds.
OPEN_SECONDS = 10.0
# How long the endpoint is cached, and how long to wait after a failed read of the parameter.
ENDPOINT_SECONDS = 60.0
ENDPOINT_RETRY_SECONDS = 10.0
# Size of the connection pool. Concurrent requests beyond it open connections that are not reused.
CONNECTIONS = 10

NO_HANDLER = "no handler found for uri"
JSON, NEWLINE_JSON = "application/json", "application/x-ndjson"


class SearchIndex:
    """The search engine of one environment. Connections are opened on first use."""

    def __init__(self, settings: SearchSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        self._lock = threading.Lock()
        self._endpoint: str | None = None
        self._endpoint_until = float("-inf")
        self._open_until: float | None = None

    @property
    def is_configured(self) -> bool:
        """Whether this environment has a search domain, or will have one."""
        return bool(self._settings.search_endpoint_parameter)

    @cached_property
    def _session(self) -> boto3.Session:
        # A session of its own: creating clients from a shared session is not thread-safe.
        return boto3.Session()

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        content_type: str = JSON,
        read_seconds: float = READ_SECONDS,
    ) -> dict[str, Any]:
        """Send a request and return the response, a JSON object. `body` is a JSON value, or bytes to send as they are.

        Raises:
            NotFoundError: The index or path does not exist.
            UnavailableError: There is no engine yet, it does not respond in time, it rejects the request, or the circuit is open.
        """
        url = f"{self._base_url()}{path}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._check_circuit()
        try:
            response = self._exchange(method, url, content, content_type, read_seconds)
            result: Any = json.loads(response.data) if response.data else {}
        except (HTTPError, BotoCoreError, ValueError) as error:
            raise self._record_failure(f"{type(error).__name__}: {error}") from error
        if response.status == 429 or response.status >= 500:
            raise self._record_failure(f"status {response.status}: {_reason(result)}")
        self._record_success()
        # For a path of a plugin that is not installed, the engine returns 400 instead of 404.
        if response.status == 404 or (response.status == 400 and NO_HANDLER in _reason(result)):
            raise NotFoundError("the search engine has no such index or path")
        if response.status >= 300 or not isinstance(result, dict):
            get_logger("search").error(
                SEARCH_REQUEST_REJECTED, extra={"path": path, "status": response.status, "reason": _reason(result)}
            )
            raise UnavailableError(f"the search engine rejected the request: {response.status}")
        return result

    def _exchange(
        self, method: str, url: str, content: bytes, content_type: str, read_seconds: float
    ) -> urllib3.BaseHTTPResponse:
        headers = {"Content-Type": content_type} if content else {}
        if url.startswith("https:"):
            headers = self._signed(method, url, content, headers)
        timeout = urllib3.Timeout(connect=CONNECT_SECONDS, read=read_seconds)
        try:
            return self._pool.request(method, url, body=content, headers=headers, timeout=timeout)
        except ProtocolError:
            # A pooled connection that was closed in the meantime, for example while the function was frozen. The request may be
            # sent twice.
            return self._pool.request(method, url, body=content, headers=headers, timeout=timeout)

    def _signed(self, method: str, url: str, content: bytes, headers: dict[str, str]) -> dict[str, str]:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest(method=method, url=url, data=content, headers=headers)
        SigV4Auth(credentials, "es", self._settings.region).add_auth(request)
        return dict(request.headers.items())

    def _check_circuit(self) -> None:
        with self._lock:
            if self._open_until is None:
                return
            if self._clock() < self._open_until:
                raise UnavailableError("the search engine is not used for a while after a failure")
            # This request is the trial; the circuit stays open for all others.
            self._open_until = self._clock() + OPEN_SECONDS

    def _record_failure(self, reason: str) -> UnavailableError:
        with self._lock:
            self._open_until = self._clock() + OPEN_SECONDS
        get_logger("search").warning(SEARCH_ENGINE_FAILED, extra={"reason": reason})
        return UnavailableError("the search engine does not respond")

    def _record_success(self) -> None:
        with self._lock:
            was_open, self._open_until = self._open_until is not None, None
        if was_open:
            get_logger("search").info(SEARCH_ENGINE_RECOVERED)

    def has_endpoint(self) -> bool:
        """Return whether the domain exists, even if it does not respond.

        Raises:
            UnavailableError: The domain's parameter cannot be read.
        """
        return self._cached_endpoint() is not None

    def _cached_endpoint(self) -> str | None:
        with self._lock:
            if self._clock() >= self._endpoint_until:
                # After a failed read, the next requests do not repeat it immediately.
                self._endpoint_until = self._clock() + ENDPOINT_RETRY_SECONDS
                self._endpoint = self._read_endpoint()
                self._endpoint_until = self._clock() + ENDPOINT_SECONDS
            return self._endpoint

    def _base_url(self) -> str:
        endpoint = self._cached_endpoint()
        if endpoint is None:
            raise UnavailableError("there is no search domain yet")
        if not is_loopback(urlsplit(f"//{endpoint}").hostname or ""):
            return f"https://{endpoint}"
        if not is_loopback(urlsplit(self._settings.aws_endpoint_url or "").hostname or ""):
            raise UnavailableError(
                "a search engine on loopback is accepted only if the AWS endpoint is on loopback too"
            )
        return f"http://{endpoint}"

    def _read_endpoint(self) -> str | None:
        """Return the parameter's value, or None while the domain does not exist.

        Raises:
            UnavailableError: The parameter cannot be read, and no earlier value is known.
        """
        if not self.is_configured:
            return None
        try:
            # Not `aws_clients.get_client`: a search has less time than other requests.
            config = Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
            )
            client = self._session.client("ssm", region_name=self._settings.region, config=config)
            value: str = client.get_parameter(Name=self._settings.search_endpoint_parameter)["Parameter"]["Value"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return None
            return self._last_endpoint(error)
        except BotoCoreError as error:
            return self._last_endpoint(error)
        return value if value != NO_SEARCH_ENGINE else None

    def _last_endpoint(self, error: Exception) -> str:
        get_logger("search").warning(
            SEARCH_ENGINE_FAILED, extra={"reason": f"the endpoint parameter cannot be read: {error}"}
        )
        if self._endpoint is None:
            raise UnavailableError("the search domain's endpoint parameter cannot be read") from error
        return self._endpoint


_indices: dict[tuple[str, str, str | None], SearchIndex] = {}
_indices_lock = threading.Lock()


def get_search_index(settings: SearchSettings) -> SearchIndex:
    """Return the process's search index for these settings, so that all callers share one circuit breaker."""
    key = (settings.region, settings.search_endpoint_parameter, settings.aws_endpoint_url)
    with _indices_lock:
        if key not in _indices:
            _indices[key] = SearchIndex(settings)
        return _indices[key]


def _reason(result: Any) -> str:
    error = result.get("error") if isinstance(result, dict) else None
    return str(error.get("reason") if isinstance(error, dict) else error or result)[:500]
