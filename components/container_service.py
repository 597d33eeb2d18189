"""Containers on Fargate behind a load balancer: private, as many as asked, and back to what ran before when a deployment fails."""

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
from components.security_groups import create_security_group, create_way_in

# How long Pulumi waits for a deployment, beside the time that the deployment waits on purpose.
DEPLOYMENT_MINUTES = 30
# How long failed health checks of a new task do not count.
HEALTH_GRACE_SECONDS = 60
# Tasks are added above this, and taken away well below it.
TARGET_CPU_PERCENT = 60
# The share of requests that a canary gets first.
CANARY_PERCENT = 10
# How long a canary is watched, and how long the old tasks stay after the last request has moved.
BAKE_MINUTES = 10


@dataclass(frozen=True, kw_only=True)
class ContainerServiceArgs:
    """A service: which container, behind what, how many, and how one version follows the other."""

    naming: Naming
    task: ContainerTask
    load_balancer: LoadBalancer
    placement: Placement
    """Private subnets, and the ways out."""
    desired_count: int = 1
    """How many tasks run; where the number scales, the least."""
    maximum_count: int | None = None
    """Up to how many run under load, by their use of the CPU; None for no scaling."""
    deployment: Deployment = "rolling"
    """Rolling replaces tasks; canary and blue/green run both versions and move the traffic, for which the load balancer has
    to shift it."""
    after: Sequence[pulumi.Resource] = ()
    """What must exist before this code may run, such as the schema it reads."""

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
    """The service with its cluster, its security group and its scaling. `pulumi up` waits until it is steady."""

    url: pulumi.Output[str]
    """Where clients find it, without a slash at the end."""
    cluster_name: pulumi.Output[str]
    service_name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]
    """The group that others admit."""

    def __init__(self, name: str, args: ContainerServiceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:ContainerService", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        # Unique in its cluster, which is the environment's own.
        self._physical = f"{args.naming.project}-{args.task.thing}-service"
        self._before: list[pulumi.Resource] = [*args.task.rights, args.load_balancer.listener, *args.after]

        self._create_cluster()
        self._create_security_group()
        self._create_service(self._create_shift())
        self._create_scaling()

        # Known once the service is steady: before that the load balancer answers 503.
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
        group, ways_out = create_security_group(
            self._name,
            args.naming,
            args.task.thing,
            description=f"Network interfaces of the service {self._physical}",
            vpc_id=args.placement.vpc_id,
            egress=args.placement.egress,
            opts=self._child,
        )
        way_in = create_way_in(
            f"{self._name}-from-load-balancer",
            group.id,
            args.load_balancer.port,
            "Requests and health checks of the load balancer",
            caller_group_id=args.load_balancer.security_group_id,
            opts=self._child,
        )
        self.security_group_id = group.id
        self._before += [*ways_out, way_in, args.load_balancer.reach(self._name, group.id)]

    def _create_shift(self) -> aws.ecs.ServiceLoadBalancerAdvancedConfigurationArgs | None:
        """What a deployment that moves traffic needs beside the first target group; None for one that does not."""
        args, balancer = self._args, self._args.load_balancer
        rule, alternate = balancer.production_rule, balancer.alternate_target_group_arn
        if args.deployment == "rolling" or rule is None or alternate is None:
            return None
        role = aws.iam.Role(
            f"{self._name}-deployment-role",
            name=args.naming.physical(f"{args.task.thing}-deployment-role"),
            description=f"How ECS moves the traffic of the service {self._physical}",
            # AWS documents no condition for this role, and names no source that one could rely on.
            assume_role_policy=pulumi.Output.json_dumps(policies.trust("ecs.amazonaws.com")),
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
        self._before.append(policy)
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
            # New tasks come before old ones go, and tasks move when a zone has more than its share.
            deployment_minimum_healthy_percent=100,
            deployment_maximum_percent=200,
            availability_zone_rebalancing="ENABLED",
            deployment_configuration=self._strategy(),
            deployment_circuit_breaker=aws.ecs.ServiceDeploymentCircuitBreakerArgs(enable=True, rollback=True),
            health_check_grace_period_seconds=HEALTH_GRACE_SECONDS,
            load_balancers=[
                aws.ecs.ServiceLoadBalancerArgs(
                    container_name=args.task.thing,
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
            # A deployment that ECS takes back fails the update, and an update that is interrupted takes it back.
            wait_for_steady_state=True,
            sigint_rollback=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=self._before,
                # Under load there are more than asked for, and an update must not send them away.
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
        scaled = aws.appautoscaling.Target(
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
            name=args.naming.physical(f"{args.task.thing}-by-cpu"),
            policy_type="TargetTrackingScaling",
            service_namespace=scaled.service_namespace,
            scalable_dimension=scaled.scalable_dimension,
            resource_id=scaled.resource_id,
            target_tracking_scaling_policy_configuration=(
                aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
                    target_value=TARGET_CPU_PERCENT,
                    predefined_metric_specification=(
                        aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
                            predefined_metric_type="ECSServiceAverageCPUUtilization"
                        )
                    ),
                    # Quick to help, slow to leave.
                    scale_out_cooldown=60,
                    scale_in_cooldown=300,
                )
            ),
            opts=self._child,
        )
