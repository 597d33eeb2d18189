"""API Gateway on this machine: registered HTTP APIs, served on loopback."""

import re
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from local import ports
from local.account import LocalAccount
from local.compute.apigateway.application import (
    MAXIMUM_INTEGRATION_SECONDS,
    GatewayApplication,
    HttpApi,
    Integration,
)
from local.compute.apigateway.cors import CorsRules
from local.compute.apigateway.routes import DEFAULT_ROUTE_KEY, Route
from local.compute.http.access_log import AccessLog
from local.compute.http.loopback_server import LoopbackServer
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

# An integration names its function by the function's ARN or by its invoke ARN.
INVOKE_ARN = re.compile(r"arn:[^:]+:apigateway:[^:]+:lambda:path/[^/]+/functions/(?P<function>.+)/invocations")
TARGET = re.compile(r"integrations/(?P<id>.+)")
# The maximum number of concurrent invocations, for all APIs together. Functions have their own, smaller concurrency.
INVOKING_THREADS = 32


class HttpApis:
    """The HTTP APIs of one platform. The first is served on `port` (0: any free one), each further one on a free port."""

    def __init__(self, account: LocalAccount, functions: Functions, *, port: int) -> None:
        self._account, self._functions, self._port = account, functions, port
        self._log = AccessLog(functions.logs / "api.log")
        self._executor = ThreadPoolExecutor(INVOKING_THREADS, thread_name_prefix="http-api")
        self._apis: dict[str, HttpApi] = {}
        self._servers: dict[str, LoopbackServer] = {}
        self._lock = threading.Lock()

    def add_api(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:apigatewayv2/api:Api. Its port is bound immediately, so that its address is known.

        Raises:
            PortTakenError: Another program listens on the port.
            RegistrationError: An input is not supported on this machine.
        """
        inputs = registration.inputs
        if inputs.get("protocolType") != "HTTP":
            raise RegistrationError(registration.urn, "protocolType: only HTTP is supported on this machine")
        if quick := sorted({"target", "routeKey", "body"} & {name for name, value in inputs.items() if value}):
            raise RegistrationError(
                registration.urn,
                f"{', '.join(quick)}: not supported on this machine; register routes and integrations instead",
            )
        cors = inputs.get("corsConfiguration")
        with self._lock:
            if (known := self._apis.get(registration.id)) is None:
                port = 0 if self._apis else self._port
                server = LoopbackServer(f"http-api-{registration.id}", port=port, lifespan="off")
                self._servers[registration.id] = server
                known = self._apis[registration.id] = HttpApi(
                    id=registration.id,
                    account_id=self._account.account_id,
                    region=self._account.region,
                    port=server.port,
                )
            known.cors = CorsRules.read(cors) if cors else None
        return {"apiEndpoint": _address(known)}

    def add_integration(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:apigatewayv2/integration:Integration.

        Raises:
            RegistrationError: An input is not supported on this machine, or the function or the API is not registered.
        """
        inputs, urn = registration.inputs, registration.urn
        if inputs.get("integrationType") != "AWS_PROXY":
            raise RegistrationError(urn, "integrationType: only AWS_PROXY (a function) is supported on this machine")
        if inputs.get("payloadFormatVersion") != "2.0":
            raise RegistrationError(urn, "payloadFormatVersion: only 2.0 is supported on this machine")
        uri = str(inputs.get("integrationUri") or "")
        function = found["function"] if (found := INVOKE_ARN.fullmatch(uri)) else uri
        try:
            self._functions.definition(function)
        except LocalPlatformError as error:
            raise RegistrationError(urn, f"integrationUri: {error.message}") from error
        timeout = float(inputs.get("timeoutMilliseconds") or MAXIMUM_INTEGRATION_SECONDS * 1000) / 1000
        self._api(registration).integrations[registration.id] = Integration(
            function=function, timeout_seconds=min(timeout, MAXIMUM_INTEGRATION_SECONDS)
        )
        return {}

    def add_route(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:apigatewayv2/route:Route.

        Raises:
            RegistrationError: The key or the target is invalid, the API is not registered, or the route has an authorizer:
                without it the route would be open here and closed on AWS.
        """
        inputs, urn = registration.inputs, registration.urn
        if (authorization := inputs.get("authorizationType") or "NONE") != "NONE":
            raise RegistrationError(urn, f"authorizationType: {authorization} is not supported on this machine")
        key, target = str(inputs.get("routeKey") or ""), TARGET.fullmatch(str(inputs.get("target") or ""))
        route = Route(key, target["id"] if target else "")
        if not route.is_valid:
            raise RegistrationError(urn, f"routeKey: must be $default or a method and a path, not {key!r}")
        if target is None:
            raise RegistrationError(urn, "target: must be of the form integrations/<id>")
        self._api(registration).routes[registration.id] = route
        return {}

    def serve_stage(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:apigatewayv2/stage:Stage, and start to serve its API. Routes may still be added.

        Raises:
            RegistrationError: The name is missing, or the API is not registered.
            ProcessFailedError: The listener did not start.
        """
        api = self._api(registration)
        name = str(registration.inputs.get("name") or "")
        if not name:
            raise RegistrationError(registration.urn, "name: required")
        api.stages[name] = dict(registration.inputs.get("stageVariables") or {})
        with self._lock:
            server = self._servers[api.id]
            if not server.is_started:
                server.start(GatewayApplication(api, self._functions, self._executor, self._log))
        return {"invokeUrl": f"{_address(api)}/{'' if name == DEFAULT_ROUTE_KEY else name}"}

    def close(self) -> None:
        """Stop serving, after a short time for requests in progress, and free the ports."""
        with self._lock:
            servers = list(self._servers.values())
        for server in servers:
            server.shut_down()
        for server in servers:
            server.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _api(self, registration: Registration) -> HttpApi:
        api_id = str(registration.inputs.get("apiId") or "")
        with self._lock:
            api = self._apis.get(api_id)
        if api is None:
            raise RegistrationError(registration.urn, f"apiId: no API is registered as {api_id!r}")
        return api


def _address(api: HttpApi) -> str:
    return f"http://{ports.LOOPBACK}:{api.port}"
