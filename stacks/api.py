"""The API: the same application as a function behind API Gateway or as a container service behind a load balancer."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.container_service import ContainerService, ContainerServiceArgs
from components.container_task import ContainerTask, ContainerTaskArgs
from components.http_api import HttpApi, HttpApiArgs
from components.load_balancer import LoadBalancer, LoadBalancerArgs
from components.python_function import PythonFunction
from stacks import permissions, sources, wiring
from stacks.edge import Address
from stacks.identity import Identity
from stacks.workloads import Caller, Workloads

# The path of the health check, on both hosts.
HEALTH_PATH = "/health"
IMAGE_COMMAND = ("python", "-m", "runtime")


@dataclass(frozen=True, kw_only=True)
class Api:
    """The API's entry point: either the gateway and its function are set, or the load balancer and its service."""

    url: pulumi.Output[str]
    gateway: HttpApi | None = None
    function: PythonFunction | None = None
    balancer: LoadBalancer | None = None
    service: ContainerService | None = None
    caller: Caller


def create_api(workloads: Workloads, identity: Identity, address: Address, *, after: Sequence[pulumi.Resource]) -> Api:
    """Create the API on the host that the settings name."""
    if workloads.settings.api.host == "lambda":
        return _create_function(workloads, identity, after=after)
    return _create_service(workloads, identity, address, after=after)


def _create_function(workloads: Workloads, identity: Identity, *, after: Sequence[pulumi.Resource]) -> Api:
    settings, section, foundation = workloads.settings, workloads.settings.api, workloads.foundation
    function, _ = workloads.function(
        "api",
        "Answers the API's requests",
        bundle="api",
        handler="runtime.lambda_entry.handler",
        section=section,
        variables=wiring.api_variables(workloads.deployment, identity, workloads.data),
        statements=permissions.api_statements(workloads.data),
        searches=True,
        # The API fetches the user pool's signing keys.
        internet=True,
        uses_cache=True,
        after=after,
    )
    gateway = HttpApi(
        "http-api",
        HttpApiArgs(
            naming=workloads.deployment.naming,
            description="The platform's API",
            function_name=function.name,
            function_qualifier=function.qualifier,
            function_invoke_arn=function.invoke_arn,
            requests_per_second=section.requests_per_second,
            burst_requests=section.burst_requests,
            log_retention_days=settings.log_retention_days,
            log_key_arn=foundation.log_key_arn,
        ),
        workloads.deployment.opts,
    )
    return Api(url=gateway.url, gateway=gateway, function=function, caller=Caller.of(function))


def _create_service(
    workloads: Workloads, identity: Identity, address: Address, *, after: Sequence[pulumi.Resource]
) -> Api:
    settings, section = workloads.settings, workloads.settings.api.container
    foundation, data = workloads.foundation, workloads.data
    balancer = LoadBalancer(
        "load-balancer",
        LoadBalancerArgs(
            naming=workloads.deployment.naming,
            vpc_id=foundation.network.vpc_id,
            public_subnet_ids=foundation.network.public_subnet_ids,
            port=wiring.CONTAINER_PORT,
            health_path=HEALTH_PATH,
            certificate_arn=address.certificate_arn,
            host_name=settings.domain if address.certificate_arn is not None else None,
            shifts_traffic=section.deployment != "rolling",
            access_log_bucket=foundation.access_logs.name if foundation.access_logs else None,
            protected=settings.protected,
        ),
        workloads.deployment.opts,
    )
    image = f"{section.repository}@{sources.image_digest(workloads.deployment.image)}"
    task = ContainerTask(
        "api-task",
        ContainerTaskArgs(
            naming=workloads.deployment.naming,
            resource_name="api",
            image=pulumi.Output.format(
                "{0}.dkr.ecr.{1}.amazonaws.com/{2}", foundation.account_id, settings.region, image
            ),
            repository_arn=pulumi.Output.format(
                "arn:aws:ecr:{1}:{0}:repository/{2}", foundation.account_id, settings.region, section.repository
            ),
            command=IMAGE_COMMAND,
            port=wiring.CONTAINER_PORT,
            health_path=HEALTH_PATH,
            variables=wiring.container_variables(workloads.deployment, identity, data),
            statements=workloads.permissions_of(permissions.api_statements(data), searches=True),
            cpu_units=section.cpu_units,
            memory_mb=section.memory_mb,
            architecture=settings.architecture,
            log_retention_days=settings.log_retention_days,
            log_key_arn=foundation.log_key_arn,
        ),
        workloads.deployment.opts,
    )
    service = ContainerService(
        "api",
        ContainerServiceArgs(
            naming=workloads.deployment.naming,
            task=task,
            load_balancer=balancer,
            # The API fetches the user pool's signing keys.
            placement=workloads.placement(internet=True, uses_cache=True),
            desired_count=section.desired_count,
            maximum_count=section.maximum_count,
            deployment=section.deployment,
            depends_on=after,
        ),
        workloads.deployment.opts,
    )
    workloads.allow_from("api", service.security_group_id, uses_cache=True)
    caller = Caller(role_arn=task.role_arn, security_group_id=service.security_group_id)
    return Api(url=service.url, balancer=balancer, service=service, caller=caller)
