"""A service of Fargate containers behind a load balancer: private, scaled, and rolled back when a deployment fails."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, check_choice, check_range
from components.choices import Deployment
from components.container_task import ContainerTask
from components.load_balancer import LoadBalancer
from components.naming import Naming
from components.placement import Placement
from components.security_groups import allow_ingress, create_security_group

# How long Pulumi waits for a deployment, without the bake times.
DEPLOYMENT_MINUTES = 30
# How long failed health checks of a new task are ignored.
HEALTH_GRACE_SECONDS = 60
# Target tracking adds tasks above this, and removes them well below it.
TARGET_CPU_PERCENT = 60
# The share of requests that a canary gets first.
CANARY_PERCENT = 10
# How long a canary is watched, and how long the old tasks stay after all traffic has shifted.
BAKE_MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class ContainerServiceArgs:
    """A service: its container, its load balancer, its number of tasks and its deployment strategy."""

    naming: Naming
    task: ContainerTask
    load_balancer: LoadBalancer
    placement: Placement
    """Private subnets and the egress rules."""
    desired_count: int = 1
    """The number of tasks; with scaling, the minimum."""
    maximum_count: int | None = None
    """The number of tasks under load, by CPU utilisation; None for no scaling."""
    deployment: Deployment = "rolling"
    """Rolling deployments replace tasks; canary and blue/green deployments run both versions and shift the traffic, for which the
    load balancer needs a second target group.
    """
    depends_on: Sequence[pulumi.Resource] = ()
    """Resources that must exist before the code may run, such as the schema it reads."""

    def __post_init__(self) -> None:
        ports = self.task.port, self.load_balancer.port
        check(self, "task", ports[0] == ports[1], f"must listen on the load balancer's port {ports[1]}, not {ports[0]}")
        check_range(self, "desired_count", 0 if self.maximum_count is None else 1, 1_000)
        check_range(self, "maximum_count", self.desired_count, 1_000)
        check_choice(self, "deployment", get_args(Deployment))
        if self.deployment != "rolling":
            shifts = self.load_balancer.production_rule is not None
            check(self, "deployment", shifts, "must be rolling behind a load balancer that does not shift traffic")


class ContainerService(pulumi.ComponentResource):
    """The service with its cluster, security group and scaling. `pulumi up` waits until it is steady."""

    url: pulumi.Output[str]
    """The URL for clients, without a trailing slash."""
    cluster_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """The group of the tasks, for the ingress rules of others."""

    def __init__(self, name: str, args: ContainerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:ContainerService", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        # Unique in its cluster, which belongs to this environment alone.
        self._physical = f"{args.naming.project}-{args.task.resource_name}-service"
        self._dependencies: list[pulumi.Resource] = [
            *args.task.role_policies,
            args.load_balancer.listener,
            *args.depends_on,
        ]

        self._create_cluster()
        self._create_security_group()
        self._create_service(self._create_traffic_shifting())
        self._create_scaling()

        # Known once the service is steady: before that the load balancer returns 503.
        self.url = pulumi.Output.all(args.load_balancer.url, self._service.id).apply(lambda values: str(values[0]))
        self.cluster_name, self.service_name = self._cluster.name, self._service.name
        self.register_outputs({"url": self.url, "service_name": self.service_name})

    def _create_cluster(self) -> None:
        self._cluster = aws.ecs.Cluster(
            f"{self._name}-cluster",
            name=self._args.naming.physical("cluster"),
            settings=[aws.ecs.ClusterSettingArgs(name="containerInsights", value="enabled")],
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        args = self._args
        group, egress_rules = create_security_group(
            self._name,
            args.naming,
            args.task.resource_name,
            description=f"Network interfaces of the service {self._physical}",
            vpc_id=args.placement.vpc_id,
            egress=args.placement.egress,
            opts=self._child,
        )
        ingress_rule = allow_ingress(
            f"{self._name}-from-load-balancer",
            group.id,
            args.load_balancer.port,
            "Requests and health checks of the load balancer",
            caller_group_id=args.load_balancer.security_group_id,
            opts=self._child,
        )
        self.security_group_id = group.id
        self._dependencies += [*egress_rules, ingress_rule, args.load_balancer.allow_egress_to(self._name, group.id)]

    def _create_traffic_shifting(self) -> aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs | None:
        """Create the role that shifts traffic and return the configuration; None for rolling deployments."""
        args, balancer = self._args, self._args.load_balancer
        rule, alternate = balancer.production_rule, balancer.alternate_target_group_arn
        if args.deployment == "rolling" or rule is None or alternate is None:
            return None
        role = aws.iam.Role(
            f"{self._name}-deployment-role",
            name=args.naming.physical(f"{args.task.resource_name}-deployment-role"),
            description=f"How ECS moves the traffic of the service {self._physical}",
            # AWS documents no condition for this role, and names no reliable source ARN.
            assume_role_policy=pulumi.Output.json_dumps(policies.trust_policy("ecs.amazonaws.com")),
            opts=self._child,
        )
        statements = policies.shift_traffic(rule.arn, [balancer.target_group_arn, alternate])
        policy = aws.iam.RolePolicy(
            f"{self._name}-deployment-policy",
            name="own-rights",
            role=role.id,
            policy=pulumi.Output.json_dumps(policies.document(*statements)),
            opts=self._child,
        )
        self._dependencies.append(policy)
        return aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs(
            alternate_target_group_arn=alternate, production_listener_rule=rule.arn, role_arn=role.arn
        )

    def _create_service(self, shift: aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs | None) -> None:
        args = self._args
        waiting = 0 if shift is None else 2 * BAKE_MINUTES
        minutes = f"{DEPLOYMENT_MINUTES + waiting}m"
        self._service = aws.ecs.Service(
            f"{self._name}-service",
            name=self._physical,
            cluster=self._cluster.arn,
            task_definition=args.task.definition_arn,
            launch_type="FARGATE",
            platform_version="LATEST",
            desired_count=args.desired_count,
            # New tasks start before old ones stop, and tasks move when a zone has more than its share.
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            availability_zone_rebalancing="ENABLED",
            deployment_configuration=self._strategy(),
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            health_check_grace_period_seconds=HEALTH_GRACE_SECONDS,
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    container_name=args.task.resource_name,
                    container_port=args.task.port,
                    target_group_arn=args.load_balancer.target_group_arn,
                    advanced_configuration=shift,
                )
            ],
            network_configuration=aws.ecs.ServiceNetworkConfigurationArgs(
                subnets=args.placement.subnet_ids,
                security_groups=[self.security_group_id],
                assign_public_ip=False,
            ),
            enable_execute_command=False,
            enable_ecs_managed_tags=True,
            propagate_tags="SERVICE",
            # A deployment that ECS rolls back fails the update, and interrupting an update rolls it back.
            wait_for_steady_state=True,
            sigint_rollback=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=self._dependencies,
                # Scaling may have added tasks, which an update must not stop.
                ignore_changes=None if args.maximum_count is None else ["desired_count"],
                custom_timeouts=pulumi.CustomTimeouts(create=minutes, update=minutes),
            ),
        )

    def _strategy(self) -> aws.ecs.ServiceDeploymentConfigurationArgs:
        deployment, bake = self._args.deployment, str(BAKE_MINUTES)
        canary = aws.ecs.ServiceDeploymentConfigurationCanaryConfigurationArgs(
            canary_percent=CANARY_PERCENT, canary_bake_time_in_minutes=bake
        )
        return aws.ecs.ServiceDeploymentConfigurationArgs(
            strategy=deployment.upper(),
            bake_time_in_minutes=None if deployment == "rolling" else bake,
            canary_configuration=canary if deployment == "canary" else None,
        )

    def _create_scaling(self) -> None:
        args = self._args
        if args.maximum_count is None:
            return
        target = aws.appautoscaling.Target(
            f"{self._name}-scaling",
            service_namespace="ecs",
            scalable_dimension="ecs:service:DesiredCount",
            resource_id=pulumi.Output.concat("service/", self._cluster.name, "/", self._service.name),
            min_capacity=args.desired_count,
            max_capacity=args.maximum_count,
            opts=self._child,
        )
        aws.appautoscaling.Policy(
            f"{self._name}-scale-by-cpu",
            name=args.naming.physical(f"{args.task.resource_name}-by-cpu"),
            policy_type="TargetTrackingScaling",
            service_namespace=target.service_namespace,
            scalable_dimension=target.scalable_dimension,
            resource_id=target.resource_id,
            target_tracking_scaling_policy_configuration=(
                aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=TARGET_CPU_PERCENT,
                    predefined_metric_specification=(
                        aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                            predefined_metric_type="ECSServiceAverageCPUUtilization"
                        )
                    ),
                    # Scale out quickly, scale in slowly.
                    scale_out_cooldown=60,
                    scale_in_cooldown=300,
                )
            ),
            opts=self._child,
        )
