"""A load balancer in front of one service: the world reaches it on 443 and 80 alone, and it reaches nothing but the service."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, check, check_range
from components.naming import Naming
from components.placement import Egress
from components.security_groups import create_security_group, create_way_in, create_way_out

HTTP, HTTPS = 80, 443
ANYWHERE = "0.0.0.0/0"
# TLS 1.3, and 1.2 for clients that have no more.
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"

# The service has to keep idle connections open for longer than this.
IDLE_TIMEOUT_SECONDS = 60
# How long a target that leaves may finish its requests.
DEREGISTRATION_DELAY_SECONDS = 30
# Of a load balancer and of a target group.
LONGEST_NAME = 32
SUFFIX = len("-0123ab")
PATH = re.compile(r"/[\w./~-]*")


def target_group_name(naming: Naming, *forces_replacement: str) -> str:
    """`{project}-tg-{environment}` with the suffix of what AWS must replace, in 32 characters.

    The suffix always stands whole; where both have no room, the end of the name gives way. What the name then no longer says
    is in the suffix too, so environments whose names begin alike do not meet.
    """
    name = naming.replaceable("tg", naming.physical("tg"), *forces_replacement)
    if len(name) <= LONGEST_NAME:
        return name
    return name[: LONGEST_NAME - SUFFIX].rstrip("-") + name[-SUFFIX:]


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """A load balancer and how it finds what stands behind it."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    """Public subnets in at least two zones."""
    port: int = 3000
    """Where the service listens."""
    health_path: str = "/health"
    """What answers 200 while a target may get requests."""
    certificate_arn: pulumi.Input[str] | None = None
    """The certificate of `host_name`: HTTPS serves, HTTP redirects to it. None: requests, and the tokens in them, cross the
    internet in the clear over HTTP, which is for environments without a domain and without real data."""
    host_name: str | None = None
    """The name that clients use; without a certificate they use the load balancer's own."""
    shifts_traffic: bool = False
    """Keep a second target group, so that a canary or blue/green deployment can move traffic between the two."""
    access_log_bucket: pulumi.Input[str] | None = None
    """A bucket whose policy lets load balancers log into it; None for no log."""
    protected: bool = False
    """Refuse deletion."""

    def __post_init__(self) -> None:
        subnets = list(self.public_subnet_ids)
        check(self, "public_subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        name = self.naming.physical("alb")
        fits = len(name) <= LONGEST_NAME
        check(self, "naming", fits, f"must make {name!r} at most {LONGEST_NAME} characters long, not {len(name)}")
        check_range(self, "port", 1, 65_535)
        check(self, "health_path", bool(PATH.fullmatch(self.health_path)), f"must be a path, not {self.health_path!r}")
        # A certificate is a name's: without the name no client could check it, and without it the name cannot serve HTTPS.
        both = self.has_certificate == (self.host_name is not None)
        check(self, "host_name", both, "must be given with certificate_arn, and only with it")
        if self.host_name is not None:
            named = bool(HOST_NAME.fullmatch(self.host_name))
            check(self, "host_name", named, f"must be a host name such as api.example.com, not {self.host_name!r}")

    @property
    def has_certificate(self) -> bool:
        """Whether clients come by HTTPS."""
        return self.certificate_arn is not None


class LoadBalancer(pulumi.ComponentResource):
    """The load balancer with its listeners and target groups. `reach` opens its one way out, to the service."""

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    """What CloudWatch's metrics call it."""
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    """The hosted zone of `dns_name`, for an alias record."""
    url: pulumi.Output[str]
    """Where clients find it, without a slash at the end."""
    security_group_id: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    target_group_arn_suffix: pulumi.Output[str]
    alternate_target_group_arn: pulumi.Output[str] | None
    production_rule: aws.lb.ListenerRule | None
    """The rule whose weights a deployment moves; like the group above, None where traffic is not shifted."""
    listener: aws.lb.Listener
    """ECS refuses a service whose target group no listener uses: the service is made after it."""
    port: int

    def __init__(self, name: str, args: LoadBalancerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:LoadBalancer", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self.port = args.port

        self._create_security_group()
        self._create_load_balancer()
        self._create_target_groups()
        self._create_listeners()
        self._create_production_rule()

        self.arn, self.arn_suffix = self._balancer.arn, self._balancer.arn_suffix
        self.dns_name, self.zone_id = self._balancer.dns_name, self._balancer.zone_id
        host = self.dns_name if args.host_name is None else args.host_name
        self.url = pulumi.Output.concat("https://" if args.has_certificate else "http://", host)
        self.register_outputs({"arn": self.arn, "dns_name": self.dns_name, "url": self.url})

    def reach(self, service: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupEgressRule:
        """Lets the load balancer connect to the service's group, which has to admit it as well."""
        way = Egress(
            description=f"Requests and health checks of {service}", port=self.port, security_group_id=security_group_id
        )
        return create_way_out(self._name, service, self.security_group_id, way, self._child)

    def _create_security_group(self) -> None:
        group, _ = create_security_group(
            self._name,
            self._args.naming,
            "alb",
            description="The load balancer: open to the world, and to one service behind it",
            vpc_id=self._args.vpc_id,
            opts=self._child,
        )
        self.security_group_id = group.id
        # Port 80 is open (CKV_AWS_260 asks why): whoever types no scheme is redirected, or there is no certificate.
        ways_in = {"http": HTTP, "https": HTTPS} if self._args.has_certificate else {"http": HTTP}
        for protocol, port in ways_in.items():
            create_way_in(
                f"{self._name}-{protocol}-from-anywhere",
                group.id,
                port,
                f"{protocol.upper()} from everywhere",
                cidr=ANYWHERE,
                opts=self._child,
            )

    def _create_load_balancer(self) -> None:
        args = self._args
        self._balancer = aws.lb.LoadBalancer(
            f"{self._name}-load-balancer",
            name=args.naming.physical("alb"),
            load_balancer_type="application",
            internal=False,
            security_groups=[self.security_group_id],
            subnets=args.public_subnet_ids,
            # What two servers could read differently, neither gets.
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            idle_timeout=IDLE_TIMEOUT_SECONDS,
            enable_deletion_protection=args.protected,
            # CKV_AWS_91 asks for a log: it is an argument, because the bucket is somebody else's.
            access_logs=None
            if args.access_log_bucket is None
            else aws.lb.LoadBalancerAccessLogsArgs(bucket=args.access_log_bucket, enabled=True),
            opts=self._child,
        )

    def _create_target_groups(self) -> None:
        group = self._target_group("target-group", "production")
        self.target_group_arn, self.target_group_arn_suffix = group.arn, group.arn_suffix
        self.alternate_target_group_arn = None
        if self._args.shifts_traffic:
            self.alternate_target_group_arn = self._target_group("alternate-target-group", "alternate").arn

    def _target_group(self, role: str, part: str) -> aws.lb.TargetGroup:
        args = self._args
        return aws.lb.TargetGroup(
            f"{self._name}-{role}",
            name=target_group_name(args.naming, str(args.port), part),
            vpc_id=args.vpc_id,
            target_type="ip",
            # Inside the VPC, between two security groups that admit nobody else (CKV_AWS_378 asks for HTTPS here too).
            protocol="HTTP",
            port=args.port,
            deregistration_delay=DEREGISTRATION_DELAY_SECONDS,
            health_check=aws.lb.TargetGroupHealthCheckArgs(
                enabled=True,
                protocol="HTTP",
                path=args.health_path,
                matcher="200",
                interval=15,
                timeout=5,
                healthy_threshold=2,
                unhealthy_threshold=3,
            ),
            tags={"Name": args.naming.physical("tg")},
            opts=self._child,
        )

    def _create_listeners(self) -> None:
        if not self._args.has_certificate:
            # What CKV_AWS_2, CKV_AWS_103 and CKV2_AWS_20 object to is what the argument says.
            self.listener = self._listener("http", HTTP, self._serve())
            return
        to_https = aws.lb.ListenerDefaultActionArgs(
            type="redirect",
            redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                protocol="HTTPS", port=str(HTTPS), status_code="HTTP_301"
            ),
        )
        self._listener("http", HTTP, to_https)
        self.listener = self._listener("https", HTTPS, self._serve())

    def _listener(self, protocol: str, port: int, action: aws.lb.ListenerDefaultActionArgs) -> aws.lb.Listener:
        secure = port == HTTPS
        return aws.lb.Listener(
            f"{self._name}-{protocol}",
            load_balancer_arn=self._balancer.arn,
            protocol=protocol.upper(),
            port=port,
            ssl_policy=TLS_POLICY if secure else None,
            certificate_arn=self._args.certificate_arn if secure else None,
            default_actions=[action],
            opts=self._child,
        )

    def _serve(self) -> aws.lb.ListenerDefaultActionArgs:
        if not self._args.shifts_traffic:
            return aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=self.target_group_arn)
        # Deployments move the weights of a rule; that rule takes every request, so this answers nobody.
        return aws.lb.ListenerDefaultActionArgs(
            type="fixed-response",
            fixed_response=aws.lb.ListenerDefaultActionFixedResponseArgs(
                content_type="text/plain", message_body="Not found", status_code="404"
            ),
        )

    def _create_production_rule(self) -> None:
        self.production_rule = None
        if self.alternate_target_group_arn is None:
            return
        weights = [(self.target_group_arn, 100), (self.alternate_target_group_arn, 0)]
        self.production_rule = aws.lb.ListenerRule(
            f"{self._name}-production-rule",
            listener_arn=self.listener.arn,
            priority=1,
            conditions=[
                aws.lb.ListenerRuleConditionArgs(
                    path_pattern=aws.lb.ListenerRuleConditionPathPatternArgs(values=["/*"])
                )
            ],
            actions=[
                aws.lb.ListenerRuleActionArgs(
                    type="forward",
                    forward=aws.lb.ListenerRuleActionForwardArgs(
                        target_groups=[
                            aws.lb.ListenerRuleActionForwardTargetGroupArgs(arn=arn, weight=weight)
                            for arn, weight in weights
                        ]
                    ),
                )
            ],
            # From the first deployment on the weights are ECS's: writing these back would send everybody to empty targets.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["actions"]),
        )
