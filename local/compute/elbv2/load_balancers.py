"""Application load balancers on this machine: registered listeners, served on loopback."""

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
from local.compute.elbv2.forwarded_headers import HeaderPolicy
from local.compute.elbv2.listener_application import Listener, ListenerApplication, LoadBalancer
from local.compute.elbv2.listener_rules import Action, Forward, Redirect, read_action, read_rule
from local.compute.elbv2.target_groups import TargetGroup, TargetHealth, read_settings
from local.compute.http.access_log import AccessLog
from local.compute.http.event_loop_thread import EventLoopThread, LoopClosedError
from local.errors import LocalPlatformError, ProcessFailedError, RegistrationError
from local.provider.protocol import Registration

DEFAULT_IDLE_TIMEOUT_SECONDS = 60
FORWARDED_FOR_MODES = ("append", "preserve", "remove")
# How long requests in progress may take when the listeners are closed.
SHUTDOWN_SECONDS = 2
START_SECONDS = 10


class LoadBalancers:
    """The load balancers of one platform, served by one event loop in a thread of its own.

    The first load balancer has `port` (0: any free one), each further one a free port. It is used by the first listener whose
    default action is not a redirect; other listeners have free ports of their own. HTTPS listeners are served as plain HTTP,
    because the certificate's private key is not on this machine.
    """

    def __init__(self, *, port: int, logs: Path) -> None:
        self._port, self._log = port, AccessLog(logs / "load-balancer.log")
        self._balancers: dict[str, LoadBalancer] = {}
        self._reserved: dict[str, socket.socket] = {}
        self._groups: dict[str, TargetGroup] = {}
        self._listeners: dict[str, Listener] = {}
        self._servers: list[tuple[uvicorn.Server, asyncio.Task[None]]] = []
        self._transport = httpx.AsyncHTTPTransport(
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64)
        )
        # For health checks; proxy settings of the environment must not apply to them.
        self._client = httpx.AsyncClient(transport=self._transport, timeout=None, trust_env=False)  # noqa: S113  # each check sets its own timeout
        self._loop = EventLoopThread("load-balancers")
        self._lock = threading.Lock()

    def add_load_balancer(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:lb/loadBalancer:LoadBalancer. Its port is bound immediately, so that its address is known.

        Raises:
            PortTakenError: Another program listens on the port.
            RegistrationError: An input is not supported on this machine.
        """
        inputs, urn = registration.inputs, registration.urn
        if (kind := inputs.get("loadBalancerType") or "application") != "application":
            raise RegistrationError(urn, f"loadBalancerType: {kind} is not supported on this machine, only application")
        mode = inputs.get("xffHeaderProcessingMode") or "append"
        if mode not in FORWARDED_FOR_MODES:
            raise RegistrationError(
                urn, f"xffHeaderProcessingMode: must be one of {', '.join(FORWARDED_FOR_MODES)}, not {mode!r}"
            )
        balancer = LoadBalancer(
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
        """Apply an aws:lb/targetGroup:TargetGroup.

        Raises:
            RegistrationError: An input is not supported on this machine.
        """
        settings = read_settings(registration)
        with self._lock:
            self._groups[settings.arn] = TargetGroup(settings, self._client)
        return {}

    def serve_listener(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:lb/listener:Listener, and start to serve it. Rules may still be added.

        Raises:
            RegistrationError: An input is not supported on this machine, or names a resource that is not registered.
            ProcessFailedError: The listener did not start.
        """
        inputs, urn = registration.inputs, registration.urn
        protocol, balancer_arn = str(inputs.get("protocol") or "HTTP"), str(inputs.get("loadBalancerArn") or "")
        if protocol not in ("HTTP", "HTTPS"):
            raise RegistrationError(urn, f"protocol: {protocol} is not supported on this machine")
        if ((inputs.get("mutualAuthentication") or {}).get("mode") or "off") != "off":
            raise RegistrationError(urn, "mutualAuthentication: not supported on this machine, which has no TLS")
        changed = {
            name for name, value in inputs.items() if name.startswith("routingHttp") and value not in (None, "", True)
        }
        if changed:
            raise RegistrationError(urn, f"{', '.join(sorted(changed))}: not supported on this machine")
        action = self._require_groups(registration, read_action(registration, "defaultActions"))
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
        """Apply an aws:lb/listenerRule:ListenerRule.

        Raises:
            RegistrationError: An input is not supported on this machine, or names a resource that is not registered.
        """
        arn, priority = str(registration.inputs.get("listenerArn") or ""), registration.inputs.get("priority")
        with self._lock:
            listener = self._listeners.get(arn)
            if listener is None:
                raise RegistrationError(registration.urn, f"listenerArn: no listener is registered as {arn!r}")
            # Without a priority the rule comes last.
            last = max((rule.priority for rule in listener.rules.values()), default=0)
        rule = read_rule(registration, last + 1 if priority is None else int(priority))
        self._require_groups(registration, rule.action)
        with self._lock:
            listener.rules[_arn(registration)] = rule
        return {}

    def address(self, listener_arn: str) -> str:
        """Return the address of a listener, as `127.0.0.1:port`.

        Raises:
            KeyError: No such listener is registered.
        """
        with self._lock:
            return f"{ports.LOOPBACK}:{self._listeners[listener_arn].port}"

    def has_listener(self, target_group_arn: str) -> bool:
        """Whether some listener forwards to the target group."""
        with self._lock:
            return any(listener.forwards_to(target_group_arn) for listener in self._listeners.values())

    def add_target(self, target_group_arn: str, address: str, port: int) -> None:
        """Register a target, which receives requests once it is healthy.

        Raises:
            LocalPlatformError: No such target group is registered.
        """
        group = self._group(target_group_arn)
        with contextlib.suppress(LoopClosedError):
            self._loop.run(group.add(address, port))

    def remove_target(self, target_group_arn: str, address: str, port: int) -> None:
        """Deregister a target and wait for its requests in progress, at most for the group's deregistration delay.

        An unknown target is ignored.

        Raises:
            LocalPlatformError: No such target group is registered.
        """
        group = self._group(target_group_arn)
        with contextlib.suppress(LoopClosedError):
            self._loop.run(group.remove(address, port))

    def target_health(self, target_group_arn: str, address: str, port: int) -> TargetHealth | None:
        """Return the health of a target, or None if it is not registered.

        Raises:
            LocalPlatformError: No such target group is registered.
        """
        return self._group(target_group_arn).health(address, port)

    def close(self) -> None:
        """Stop serving, after a short time for requests in progress, and free the ports. May be called more than once."""
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
                ListenerApplication(listener, self._groups, self._transport, self._log),
                lifespan="off",
                log_config=None,
                access_log=False,
                # Both headers are set by the target.
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
                    f"{listener.balancer.name}: the listener on port {listener.port} did not start"
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

    def _require_groups(self, registration: Registration, action: Action) -> Action:
        """Return the action, if every target group that it names is registered.

        Raises:
            RegistrationError: A target group is not registered.
        """
        try:
            for arn, _ in action.groups if isinstance(action, Forward) else ():
                self._group(arn)
        except LocalPlatformError as error:
            raise RegistrationError(registration.urn, f"targetGroupArn: {error.message}") from error
        return action


def _arn(registration: Registration) -> str:
    return str(registration.outputs.get("arn") or registration.id)
