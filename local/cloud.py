"""An AWS account on this machine, created for one deployment of one program and removed with it."""

import secrets
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from local import ports, progress
from local.account import LocalAccount
from local.compute.apigateway.http_apis import HttpApis
from local.compute.cloudfront.distributions import Distributions
from local.compute.ecs.containers import Containers
from local.compute.elasticache.caches import Caches
from local.compute.elbv2.load_balancers import LoadBalancers
from local.compute.event_sources.event_sources import EventSources
from local.compute.lambda_.functions import Functions
from local.compute.lambda_.invoke_endpoint import InvokeEndpoint
from local.compute.opensearch.search_domains import SearchDomains
from local.compute.rds.databases import Databases
from local.compute.route53.host_resolver import HostResolver
from local.compute.s3_gate import ObjectGate
from local.compute.scheduler.schedules import Schedules
from local.emulator.process import Emulator
from local.engines.in_process import Deployment, deploy
from local.provider.protocol import AppliedResource, Registration, Runner
from local.provider.provider import LocalProvider
from local.supervisor import ProcessStatus, Supervisor

Health = Literal["running", "degraded"]


class LocalCloud:
    """A local account with everything that its resources run. `deploy` starts it, once per object; `close` ends it."""

    account: LocalAccount
    functions: Functions

    def __init__(
        self,
        state_directory: Path,
        *,
        region: str,
        port: int,
        listener: progress.Listener,
        code_directory: Path | None = None,
        images: Mapping[str, Path] = MappingProxyType({}),
    ) -> None:
        """Configure the account.

        Args:
            state_directory: The folder of databases, logs and the process registry.
            region: The AWS region.
            port: The API's port; a distribution listens on the next one if it is free. 0 is any free port for both.
            listener: Receives progress events.
            code_directory: Where function code is extracted; platforms may share it. Default: in the state directory.
            images: Folders with the content of container images, by repository name.
        """
        self._directory, self._region, self._port, self._listener = state_directory, region, port, listener
        self._code_directory, self._images = code_directory or state_directory / "functions", images
        self.supervisor = Supervisor(state_directory)
        self._databases: Databases | None = None
        self._containers: Containers | None = None
        self._search: SearchDomains | None = None
        self._caches: Caches | None = None
        self._invoke_endpoint: InvokeEndpoint | None = None
        self._host_resolver = HostResolver()
        self._to_close: list[Callable[[], None]] = []

    def deploy(self, program: Callable[[], None], *, project: str, stack: str, config: Mapping[str, str]) -> Deployment:
        """Apply the program and run what it describes. The caller must call `close`, also after an error.

        Raises:
            LocalPlatformError: A process does not start, or the program or a registration fails.
        """
        ports.require_free(self._port)
        with progress.step("emulator", self._listener):
            self.account = self._start_account()
        with progress.step("resources", self._listener) as step:
            count = 0

            def report(resource: AppliedResource) -> None:
                nonlocal count
                count += 1
                step.report("progressed", f"{count} · {resource.name}")

            provider = LocalProvider(self.account, self._create_runners())
            deployment = deploy(
                program, project=project, stack=stack, config=config, provider=provider, on_resource=report
            )
            step.detail = f"{len(deployment.resources)} resources"
        return deployment

    def resolve_url(self, url: str) -> str:
        """Return a URL with one of the program's host names as an address of this machine; other texts unchanged."""
        return self._host_resolver.resolve_url(url)

    @property
    def lambda_endpoint(self) -> str:
        """The URL at which functions are invoked; empty before the deployment."""
        return self._invoke_endpoint.address if self._invoke_endpoint else ""

    def processes(self) -> list[ProcessStatus]:
        """Return every process of the platform, in start order."""
        return self.supervisor.processes()

    def health(self) -> Health:
        """Return `degraded` if a required server has exited. Function workers are not required: they come and go."""
        servers = (self._databases, self._containers, self._search, self._caches)
        required = {Emulator.name, ObjectGate.name, *(name for each in servers if each for name in each.process_names)}
        running = {process.name for process in self.processes() if process.state == "running"}
        return "running" if required <= running else "degraded"

    def close(self) -> None:
        """Stop everything that was started, clients before the servers they call. Repeated calls have no effect."""
        while self._to_close:
            self._to_close.pop()()
        self.supervisor.stop_all()

    def _start_account(self) -> LocalAccount:
        # The S3 gate verifies signatures with this key pair, so every platform gets a new one.
        access_key_id, secret_access_key = "ASIA" + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)
        port = ports.free_port()
        with ThreadPoolExecutor(2) as both:
            emulator = both.submit(Emulator().start, self.supervisor, port)
            gate = both.submit(
                ObjectGate().start,
                self.supervisor,
                upstream=f"http://{ports.LOOPBACK}:{port}",
                access_key_id=access_key_id,
                secret_access_key=secret_access_key,
                region=self._region,
            )
        return LocalAccount(
            endpoint=emulator.result(),
            s3_endpoint=gate.result(),
            region=self._region,
            access_key_id=access_key_id,
            secret_access_key=secret_access_key,
        )

    def _create_runners(self) -> dict[str, Runner]:
        self.functions = functions = Functions(self.account, self.supervisor, self._code_directory)
        self._invoke_endpoint = invoke_endpoint = InvokeEndpoint(functions)
        invoke_endpoint.start()
        sources = EventSources(self.account, functions)
        schedules = Schedules(functions)
        http_apis = HttpApis(self.account, functions, port=self._port)
        self._databases = Databases(self.account, self.supervisor, self._directory / "databases")
        self._search = search = SearchDomains(self.supervisor, self._directory / "search", listener=self._listener)
        self._caches = caches = Caches(self.supervisor)
        balancers = LoadBalancers(port=self._port, logs=self.supervisor.logs)
        self._containers = containers = Containers(self.account, self.supervisor, balancers, images=self._images)
        distributions = Distributions(self.account, port=ports.preferred_port(self._port and self._port + 1))
        # Closed in reverse order, clients before the servers they call.
        self._to_close += [
            functions.close,
            invoke_endpoint.close,
            sources.close,
            schedules.close,
            containers.close,
            balancers.close,
            http_apis.close,
            distributions.close,
        ]
        return {
            "aws:rds/instance:Instance": self._databases.start,
            "aws:rds/proxy:Proxy": self._databases.serve_proxy,
            "aws:elasticache/replicationGroup:ReplicationGroup": caches.start,
            "aws:lambda/function:Function": functions.register,
            "aws:lambda/invocation:Invocation": functions.run_invocation,
            "aws:lambda/eventSourceMapping:EventSourceMapping": sources.start,
            "aws:scheduler/schedule:Schedule": schedules.start,
            "aws:apigatewayv2/api:Api": http_apis.add_api,
            "aws:apigatewayv2/integration:Integration": http_apis.add_integration,
            "aws:apigatewayv2/route:Route": http_apis.add_route,
            "aws:apigatewayv2/stage:Stage": http_apis.serve_stage,
            "aws:cognito/userPool:UserPool": self._pool_endpoint,
            "aws:ecs/taskDefinition:TaskDefinition": containers.register_task,
            "aws:ecs/service:Service": containers.start_service,
            "aws:lb/loadBalancer:LoadBalancer": balancers.add_load_balancer,
            "aws:lb/targetGroup:TargetGroup": balancers.add_target_group,
            "aws:lb/listener:Listener": balancers.serve_listener,
            "aws:lb/listenerRule:ListenerRule": balancers.add_rule,
            "aws:cloudfront/originAccessControl:OriginAccessControl": distributions.add_origin_access_control,
            "aws:cloudfront/cachePolicy:CachePolicy": distributions.add_cache_policy,
            "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": distributions.add_response_headers_policy,
            "aws:cloudfront/publicKey:PublicKey": distributions.add_public_key,
            "aws:cloudfront/keyGroup:KeyGroup": distributions.add_key_group,
            "aws:cloudfront/distribution:Distribution": distributions.serve,
            "aws:opensearch/domain:Domain": search.start,
            "aws:route53/record:Record": self._host_resolver.add_record,
        }

    def _pool_endpoint(self, pool: Registration) -> Mapping[str, Any]:
        """Return the pool's endpoint in the emulator, which signs its tokens and serves its keys."""
        return {"endpoint": f"{self.account.endpoint.removeprefix('http://')}/{pool.id}"}
