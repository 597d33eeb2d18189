"""API Gateway on this machine: HTTP APIs served from their registrations, on loopback."""

import re
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import uvicorn

from local import ports
from local.account import LocalAccount
from local.compute.apigateway.cross_origin import CrossOriginRules
from local.compute.apigateway.gateway_application import (
    MAXIMUM_INTEGRATION_SECONDS,
    AccessLog,
    GatewayApplication,
    HttpApi,
    Integration,
)
from local.compute.apigateway.gateway_routes import DEFAULT_ROUTE_KEY, Route
from local.compute.lambda_.functions import Functions
from local.errors import LocalPlatformError, ProcessFailedError, RegistrationError
from local.provider.protocol import Registration

# The Lambda behind an integration is named by its own ARN or by the path that API Gateway invokes.
INVOKE_ARN = re.compile(r"arn:[^:]+:apigateway:[^:]+:lambda:path/[^/]+/functions/(?P<function>.+)/invocations")
TARGET = re.compile(r"integrations/(?P<id>.+)")
# Requests at work at once, of all APIs; those beyond wait. Functions have their own, smaller concurrency.
INVOKING_THREADS = 32
SHUTDOWN_SECONDS = 2
START_SECONDS = 10


class HttpListeners:
    """The listeners of one platform. The first API gets `port` (0: any free one), each further API a free one."""

    def __init__(self, account: LocalAccount, functions: Functions, *, port: int) -> None:
        self._account, self._functions, self._port = account, functions, port
        self._log = AccessLog(functions.logs / "api.log")
        self._executor = ThreadPoolExecutor(INVOKING_THREADS, thread_name_prefix="http-api")
        self._apis: dict[str, HttpApi] = {}
        self._sockets: dict[str, socket.socket] = {}
        self._servers: dict[str, tuple[uvicorn.Server, threading.Thread]] = {}
        self._lock = threading.Lock()

    def reserve_api(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:apigatewayv2/api:Api: takes the port, so that one that is taken is known before anything is served.

        Raises PortTakenError, or RegistrationError for what is not served here.
        """
        inputs = registration.inputs
        if inputs.get("protocolType") != "HTTP":
            raise RegistrationError(registration.urn, "protocolType: only HTTP APIs are served on this machine")
        if quick := sorted({"target", "routeKey", "body"} & {name for name, value in inputs.items() if value}):
            raise RegistrationError(
                registration.urn, f"{', '.join(quick)}: register the routes and integrations instead"
            )
        cors = inputs.get("corsConfiguration")
        with self._lock:
            if (known := self._apis.get(registration.id)) is None:
                listening = ports.bind(0 if self._apis else self._port)
                self._sockets[registration.id] = listening
                known = self._apis[registration.id] = HttpApi(
                    id=registration.id,
                    account_id=self._account.account_id,
                    region=self._account.region,
                    port=listening.getsockname()[1],
                )
            known.cross_origin = CrossOriginRules.read(cors) if cors else None
        return {"apiEndpoint": _address(known)}

    def add_integration(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:apigatewayv2/integration:Integration. Raises RegistrationError for what is not served here."""
        inputs, urn = registration.inputs, registration.urn
        if inputs.get("integrationType") != "AWS_PROXY":
            raise RegistrationError(
                urn, "integrationType: only AWS_PROXY, a Lambda function, is served on this machine"
            )
        if inputs.get("payloadFormatVersion") != "2.0":
            raise RegistrationError(urn, "payloadFormatVersion: only 2.0 is served on this machine")
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
        """Runner of aws:apigatewayv2/route:Route. Raises RegistrationError for a key or target that API Gateway refuses.

        An authorizer is refused too: to serve the route without it would open what is closed on AWS.
        """
        inputs, urn = registration.inputs, registration.urn
        if (authorization := inputs.get("authorizationType") or "NONE") != "NONE":
            raise RegistrationError(urn, f"authorizationType: {authorization} is not served on this machine")
        key, target = str(inputs.get("routeKey") or ""), TARGET.fullmatch(str(inputs.get("target") or ""))
        route = Route(key, target["id"] if target else "")
        if not route.valid:
            raise RegistrationError(urn, f"routeKey: {key!r} is neither $default nor a method and a path")
        if target is None:
            raise RegistrationError(urn, "target: it is not of the form integrations/<id>")
        self._api(registration).routes[registration.id] = route
        return {}

    def serve_stage(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:apigatewayv2/stage:Stage: from here on its API answers, with the routes that it has at any moment."""
        api = self._api(registration)
        name = str(registration.inputs.get("name") or "")
        if not name:
            raise RegistrationError(registration.urn, "name: it is missing")
        api.stages[name] = dict(registration.inputs.get("stageVariables") or {})
        with self._lock:
            if api.id not in self._servers:
                self._servers[api.id] = self._serve(api)
        return {"invokeUrl": f"{_address(api)}/{'' if name == DEFAULT_ROUTE_KEY else name}"}

    def close(self) -> None:
        """Stops answering: requests at work get a moment to end, ports are free afterwards."""
        with self._lock:
            servers = list(self._servers.values())
            self._servers.clear()
        for server, _ in servers:
            server.should_exit = True
        for _, thread in servers:
            thread.join()
        for listening in self._sockets.values():
            listening.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def _serve(self, api: HttpApi) -> tuple[uvicorn.Server, threading.Thread]:
        server = uvicorn.Server(
            uvicorn.Config(
                GatewayApplication(api, self._functions, self._executor, self._log),
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                # A client on this machine is no trusted proxy: what it claims about others is the function's to judge.
                proxy_headers=False,
                ws="none",
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        thread = threading.Thread(
            target=server.run, args=([self._sockets[api.id]],), name=f"http-api-{api.id}", daemon=True
        )
        thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if not thread.is_alive() or time.monotonic() > deadline:
                raise ProcessFailedError(f"the listener of API {api.id} on port {api.port} did not start")
            time.sleep(0.005)
        return server, thread

    def _api(self, registration: Registration) -> HttpApi:
        api_id = str(registration.inputs.get("apiId") or "")
        with self._lock:
            api = self._apis.get(api_id)
        if api is None:
            raise RegistrationError(registration.urn, f"apiId: no API is registered as {api_id!r}")
        return api


def _address(api: HttpApi) -> str:
    return f"http://{ports.LOOPBACK}:{api.port}"
