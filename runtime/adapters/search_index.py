"""OpenSearch over HTTP, for those who can do without: an engine that does not answer at once is left alone for a while.

The domain's endpoint is a parameter, which stands once the domain does; until then there is no engine. Requests are signed,
except on loopback: the engine there knows no users, and is believed only by a process whose whole AWS is on loopback too.
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
SEARCH_REQUEST_REFUSED = "search_request_refused"

# Together below a second, in which whoever searches has to have another engine's answer.
CONNECT_SECONDS = 0.3
READ_SECONDS = 0.6
# How long the engine is left alone after a failure. Then one request tries, and the others go on without until it is answered.
REST_SECONDS = 10.0
# How long an endpoint is believed, and for how long the parameter is not asked again when it could not be read.
ENDPOINT_SECONDS = 60.0
UNREADABLE_SECONDS = 10.0
# Requests that this process has under way at the same time keep their connections; those beyond make their own.
CONNECTIONS = 10

NO_HANDLER = "no handler found for uri"
JSON, NEWLINE_JSON = "application/json", "application/x-ndjson"


class SearchIndex:
    """The engine of one environment. Nothing is asked before it is first needed."""

    def __init__(self, settings: SearchSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings, self._clock = settings, clock
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)
        self._lock = threading.Lock()
        self._endpoint: str | None = None
        self._endpoint_until = float("-inf")
        self._rests_until: float | None = None

    @property
    def is_configured(self) -> bool:
        """Whether this environment has a domain, or will have."""
        return bool(self._settings.search_endpoint_parameter)

    @cached_property
    def _session(self) -> boto3.Session:
        # Of its own: making clients of a shared one is not thread-safe.
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
        """The engine's answer, an object. `body` is anything that is JSON, or bytes as they are to be sent.

        Raises NotFoundError for what the engine does not have, and UnavailableError for every other refusal, for an engine
        that does not answer in time, for one that is left alone after that, and where there is none (yet).
        """
        url = f"{self._address()}{path}"
        content = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self._begin()
        try:
            answer = self._exchange(method, url, content, content_type, read_seconds)
            found: Any = json.loads(answer.data) if answer.data else {}
        except (HTTPError, BotoCoreError, ValueError) as error:
            raise self._failed(f"{type(error).__name__}: {error}") from error
        if answer.status == 429 or answer.status >= 500:
            raise self._failed(f"status {answer.status}: {_reason(found)}")
        self._answered()
        # An engine without a plugin has no such path, and says so as if the request were wrong.
        if answer.status == 404 or (answer.status == 400 and NO_HANDLER in _reason(found)):
            raise NotFoundError("the search engine has no such thing")
        if answer.status >= 300 or not isinstance(found, dict):
            get_logger("search").error(
                SEARCH_REQUEST_REFUSED, extra={"path": path, "status": answer.status, "reason": _reason(found)}
            )
            raise UnavailableError(f"the search engine refused the request: {answer.status}")
        return found

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
            # A connection that was kept and has been closed meanwhile, as it is when a function was frozen. Whatever is sent
            # here may be sent twice.
            return self._pool.request(method, url, body=content, headers=headers, timeout=timeout)

    def _signed(self, method: str, url: str, content: bytes, headers: dict[str, str]) -> dict[str, str]:
        credentials = self._session.get_credentials()
        if credentials is None:
            raise NoCredentialsError
        request = AWSRequest(method=method, url=url, data=content, headers=headers)
        SigV4Auth(credentials, "es", self._settings.region).add_auth(request)
        return dict(request.headers.items())

    def _begin(self) -> None:
        with self._lock:
            if self._rests_until is None:
                return
            if self._clock() < self._rests_until:
                raise UnavailableError("the search engine is left alone after a failure")
            # This request tries.
            self._rests_until = self._clock() + REST_SECONDS

    def _failed(self, reason: str) -> UnavailableError:
        with self._lock:
            self._rests_until = self._clock() + REST_SECONDS
        get_logger("search").warning(SEARCH_ENGINE_FAILED, extra={"reason": reason})
        return UnavailableError("the search engine does not answer")

    def _answered(self) -> None:
        with self._lock:
            was_resting, self._rests_until = self._rests_until is not None, None
        if was_resting:
            get_logger("search").info(SEARCH_ENGINE_RECOVERED)

    def has_endpoint(self) -> bool:
        """Whether there is a domain, be it one that does not answer. UnavailableError when nobody can say."""
        return self._known_endpoint() is not None

    def _known_endpoint(self) -> str | None:
        with self._lock:
            if self._clock() >= self._endpoint_until:
                # Not asked again by everybody who comes while it cannot be read.
                self._endpoint_until = self._clock() + UNREADABLE_SECONDS
                self._endpoint = self._read_endpoint()
                self._endpoint_until = self._clock() + ENDPOINT_SECONDS
            return self._endpoint

    def _address(self) -> str:
        """Scheme and host. Raises UnavailableError where there is no domain yet."""
        endpoint = self._known_endpoint()
        if endpoint is None:
            raise UnavailableError("there is no search domain (yet)")
        if not is_loopback(urlsplit(f"//{endpoint}").hostname or ""):
            return f"https://{endpoint}"
        if not is_loopback(urlsplit(self._settings.aws_endpoint_url or "").hostname or ""):
            raise UnavailableError("a search engine on loopback is accepted only where all of AWS is on loopback")
        return f"http://{endpoint}"

    def _read_endpoint(self) -> str | None:
        """None while the parameter does not exist, or names no engine. UnavailableError when it cannot be read and nothing is
        known from before."""
        if not self.is_configured:
            return None
        try:
            # Not the client that everything else has: that one is as patient as a request, this one as a search.
            config = Config(
                connect_timeout=CONNECT_SECONDS, read_timeout=READ_SECONDS, retries={"total_max_attempts": 1}
            )
            client = self._session.client("ssm", region_name=self._settings.region, config=config)
            value: str = client.get_parameter(Name=self._settings.search_endpoint_parameter)["Parameter"]["Value"]
        except ClientError as error:
            if error.response["Error"]["Code"] == "ParameterNotFound":
                return None
            return self._unreadable(error)
        except BotoCoreError as error:
            return self._unreadable(error)
        return value if value != NO_SEARCH_ENGINE else None

    def _unreadable(self, error: Exception) -> str:
        get_logger("search").warning(SEARCH_ENGINE_FAILED, extra={"reason": f"its endpoint cannot be read: {error}"})
        if self._endpoint is None:
            raise UnavailableError("the search domain's endpoint cannot be read") from error
        return self._endpoint


_indices: dict[tuple[str, str, str | None], SearchIndex] = {}
_indices_lock = threading.Lock()


def get_search_index(settings: SearchSettings) -> SearchIndex:
    """The process's search index for these settings: whoever meets a failure spares the others."""
    key = (settings.region, settings.search_endpoint_parameter, settings.aws_endpoint_url)
    with _indices_lock:
        if key not in _indices:
            _indices[key] = SearchIndex(settings)
        return _indices[key]


def _reason(answer: Any) -> str:
    error = answer.get("error") if isinstance(answer, dict) else None
    return str(error.get("reason") if isinstance(error, dict) else error or answer)[:500]
