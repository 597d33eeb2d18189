"""Application load balancers on this machine: listeners served from their registrations, on loopback."""

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import uvicorn

from local import ports
from local.compute.apigateway.gateway_application import AccessLog
from local.compute.elbv2.load_balancer_application import Balancer, Listener, LoadBalancerApplication
from local.compute.elbv2.load_balancer_rules import Action, Forward, Redirect, read_action, read_rule
from local.compute.elbv2.target_groups import TargetGroup, TargetHealth, read_settings
from local.compute.http.event_loop_thread import EventLoopThread, LoopClosedError
from local.compute.http.forwarded_headers import HeaderPolicy
from local.errors import LocalPlatformError, ProcessFailedError, RegistrationError
from local.provider.protocol import Registration

DEFAULT_IDLE_TIMEOUT_SECONDS = 60
FORWARDED_FOR_MODES = ("append", "preserve", "remove")
# How long requests at work may go on when the listeners end.
SHUTDOWN_SECONDS = 2
START_SECONDS = 10


class LoadBalancers:
    """The load balancers of one platform, served by one event loop in a thread of its own.

    The first one's address has `port` (0: any free one), each further one's any free one. That port is the one of the first
    listener that does more than redirect; other listeners have free ports of their own. HTTPS is served as plain HTTP:
    nothing on this machine holds the certificate's key.
    """

    def __init__(self, *, port: int, logs: Path) -> None:
        self._port, self._log = port, AccessLog(logs / "load-balancer.log")
        self._balancers: dict[str, Balancer] = {}
        self._reserved: dict[str, socket.socket] = {}
        self._groups: dict[str, TargetGroup] = {}
        self._listeners: dict[str, Listener] = {}
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64)
        )
        # For health checks. Nothing of the environment, such as a proxy, may stand between.
        self._client = httpx.AsyncClient(transport=self._transport, timeout=None, trust_env=False)  # noqa: S113  # each check has its own
        self._loop = EventLoopThread("load-balancers")
        self._lock = threading.Lock()

    def reserve(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lb/loadBalancer:LoadBalancer: takes the port, so that its address is known before anything is served.

        Raises PortTakenError, or RegistrationError for what is not served here.
        """
        inputs, urn = registration.inputs, registration.urn
        if (kind := inputs.get("loadBalancerType") or "application") != "application":
            raise RegistrationError(urn, f"loadBalancerType: {kind} is not served on this machine, only application")
        mode = inputs.get("xffHeaderProcessingMode") or "append"
        if mode not in FORWARDED_FOR_MODES:
            raise RegistrationError(
                urn, f"xffHeaderProcessingMode: {mode!r} is none of {', '.join(FORWARDED_FOR_MODES)}"
            )
        balancer = Balancer(
            name=str(inputs.get("name") or registration.name),
            host_name=str(registration.outputs.get("dnsName") or ""),
            idle_timeout_seconds=float(inputs.get("idleTimeout") or DEFAULT_IDLE_TIMEOUT_SECONDS),
            headers=HeaderPolicy(
                drops_invalid=bool(inputs.get("dropInvalidHeaderFields")),
                forwarded_for=mode,
                forwards_client_port=bool(inputs.get("enableXffClientPort")),
            ),
        )
        with self._lock:
            listening = ports.bind(0 if self._balancers else self._port)
            self._balancers[_arn(registration)] = balancer
            self._reserved[_arn(registration)] = listening
        return {"dnsName": f"{ports.LOOPBACK}:{listening.getsockname()[1]}"}

    def add_target_group(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lb/targetGroup:TargetGroup. Raises RegistrationError for what is not served on this machine."""
        settings = read_settings(registration)
        with self._lock:
            self._groups[settings.arn] = TargetGroup(settings, self._client)
        return {}

    def serve_listener(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lb/listener:Listener: from here on it answers, with the rules that it has at any moment.

        Raises RegistrationError for what is not served on this machine.
        """
        inputs, urn = registration.inputs, registration.urn
        protocol, balancer_arn = str(inputs.get("protocol") or "HTTP"), str(inputs.get("loadBalancerArn") or "")
        if protocol not in ("HTTP", "HTTPS"):
            raise RegistrationError(urn, f"protocol: {protocol} is not served on this machine")
        if ((inputs.get("mutualAuthentication") or {}).get("mode") or "off") != "off":
            raise RegistrationError(
                urn, "mutualAuthentication: clients cannot be identified without TLS, which is not served here"
            )
        changed = {
            name for name, value in inputs.items() if name.startswith("routingHttp") and value not in (None, "", True)
        }
        if changed:
            raise RegistrationError(urn, f"{', '.join(sorted(changed))}: headers are not changed on this machine")
        action = self._known(registration, read_action(registration, "defaultActions"))
        with self._lock:
            if (balancer := self._balancers.get(balancer_arn)) is None:
                raise RegistrationError(urn, f"loadBalancerArn: no load balancer is registered as {balancer_arn!r}")
            reserved = None if isinstance(action, Redirect) else self._reserved.pop(balancer_arn, None)
            listening = reserved or ports.bind(0)
            listener = self._listeners[_arn(registration)] = Listener(
                balancer=balancer,
                protocol=protocol,
                registered_port=int(inputs.get("port") or 80),
                port=listening.getsockname()[1],
                default=action,
            )
        self._loop.run(self._serve(listener, listening))
        return {}

    def add_rule(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lb/listenerRule:ListenerRule. Raises RegistrationError for conditions and actions not served here."""
        arn, priority = str(registration.inputs.get("listenerArn") or ""), registration.inputs.get("priority")
        with self._lock:
            listener = self._listeners.get(arn)
            if listener is None:
                raise RegistrationError(registration.urn, f"listenerArn: no listener is registered as {arn!r}")
            # Without a priority the rule comes after those that there are.
            last = max((rule.priority for rule in listener.rules.values()), default=0)
        rule = read_rule(registration, last + 1 if priority is None else int(priority))
        self._known(registration, rule.action)
        with self._lock:
            listener.rules[_arn(registration)] = rule
        return {}

    def address(self, listener_arn: str) -> str:
        """Where a listener answers, as `127.0.0.1:port`. Raises KeyError for an unknown one."""
        with self._lock:
            return f"{ports.LOOPBACK}:{self._listeners[listener_arn].port}"

    def is_reachable(self, target_group_arn: str) -> bool:
        """Whether some listener may send requests to the group."""
        with self._lock:
            return any(listener.forwards_to(target_group_arn) for listener in self._listeners.values())

    def add_target(self, target_group_arn: str, address: str, port: int) -> None:
        """Begins to check a target, which gets requests when it is healthy. Raises LocalPlatformError for an unknown group."""
        group = self._group(target_group_arn)
        with contextlib.suppress(LoopClosedError):
            self._loop.run(group.add(address, port))

    def remove_target(self, target_group_arn: str, address: str, port: int) -> None:
        """Sends nothing more to a target and returns when the requests there are done, at the latest after the group's
        deregistration delay. An unknown one is no error."""
        group = self._group(target_group_arn)
        with contextlib.suppress(LoopClosedError):
            self._loop.run(group.remove(address, port))

    def target_health(self, target_group_arn: str, address: str, port: int) -> TargetHealth | None:
        """How a target is; None for one that is not there. Raises LocalPlatformError for an unknown group."""
        return self._group(target_group_arn).health(address, port)

    def close(self) -> None:
        """Stops answering: requests at work get a moment to end, ports are free afterwards. May be called again."""
        with self._lock:
            reserved, self._reserved = list(self._reserved.values()), {}
        for listening in reserved:
            listening.close()
        with contextlib.suppress(LoopClosedError):
            self._loop.run(self._end())
        self._loop.close()

    async def _serve(self, listener: Listener, listening: socket.socket) -> None:
        server = uvicorn.Server(
            uvicorn.Config(
                LoadBalancerApplication(listener, self._groups, self._transport, self._log),
                lifespan="off",
                log_config=None,
                access_log=False,
                # Both are the target's to say.
                server_header=False,
                date_header=False,
                proxy_headers=False,
                ws="none",
                timeout_keep_alive=int(listener.balancer.idle_timeout_seconds),
                timeout_graceful_shutdown=SHUTDOWN_SECONDS,
            )
        )
        serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
        self._servers.append((server, serving))
        deadline = time.monotonic() + START_SECONDS
        while not server.started:
            if serving.done() or time.monotonic() > deadline:
                raise ProcessFailedError(
                    f"the listener of {listener.balancer.name} on port {listener.port} did not start"
                )
            await asyncio.sleep(0.005)

    async def _end(self) -> None:
        for server, _ in self._servers:
            server.should_exit = True
        await asyncio.gather(*(serving for _, serving in self._servers), return_exceptions=True)
        for group in self._groups.values():
            await group.close()
        await self._client.aclose()

    def _group(self, arn: str) -> TargetGroup:
        with self._lock:
            group = self._groups.get(arn)
        if group is None:
            raise LocalPlatformError(f"no target group is registered as {arn}")
        return group

    def _known(self, registration: Registration, action: Action) -> Action:
        """The action, when every group that it names is there. Raises RegistrationError."""
        try:
            for arn, _ in action.groups if isinstance(action, Forward) else ():
                self._group(arn)
        except LocalPlatformError as error:
            raise RegistrationError(registration.urn, f"targetGroupArn: {error.message}") from error
        return action


def _arn(registration: Registration) -> str:
    return str(registration.outputs.get("arn") or registration.id)
