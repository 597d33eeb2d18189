"""An application load balancer in front of one service: open to the internet on 443 and 80, without egress but to the service."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, check, check_range
from components.naming import Naming
from components.placement import Egress
from components.security_groups import allow_egress, allow_ingress, create_security_group

HTTP, HTTPS = 80, 443
ANYWHERE = "0.0.0.0/0"
# TLS 1.3, and 1.2 for clients without it.
TLS_POLICY = "ELBSecurityPolicy-TLS13-1-2-2021-06"

# The service's keep-alive timeout has to be longer than this.
IDLE_TIMEOUT_SECONDS = 60
# How long a deregistered target may complete its requests.
DEREGISTRATION_DELAY_SECONDS = 30
# The limit for load balancers and target groups.
MAX_NAME_LENGTH = 32
SUFFIX = len("-0123ab")
PATH = re.compile(r"/[\w./~-]*")


def target_group_name(naming: Naming, *forces_replacement: str) -> str:
    """Return `{project}-tg-{environment}` with a suffix of the properties that force a replacement, in 32 characters.

    The suffix is never cut, the end of the name is. The suffix also depends on the whole name, so that environments with the same
    beginning get different names.
    """
    name = naming.replaceable("tg", naming.physical("tg"), *forces_replacement)
    if len(name) <= MAX_NAME_LENGTH:
        return name
    return name[: MAX_NAME_LENGTH - SUFFIX].rstrip("-") + name[-SUFFIX:]


@dataclass(frozen=True, kw_only=True)
class LoadBalancerArgs:
    """A load balancer, and how it reaches its targets."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    public_subnet_ids: Sequence[pulumi.Input[str]]
    """Public subnets in at least two zones."""
    port: int = 3000
    """The port of the service."""
    health_path: str = "/health"
    """The path that returns 200 while a target may receive requests."""
    certificate_arn: pulumi.Input[str] | None = None
    """The certificate of `host_name`: HTTPS serves, HTTP redirects to it.

    None: requests, and the tokens in them, cross the internet unencrypted, which is for environments without a domain and without
    real data.
    """
    host_name: str | None = None
    """The name that clients use; without a certificate they use the load balancer's own DNS name."""
    shifts_traffic: bool = False
    """Create a second target group, so that canary and blue/green deployments can shift traffic between the two."""
    access_log_bucket: pulumi.Input[str] | None = None
    """A bucket whose policy accepts the logs of load balancers; None for no access logs."""
    protected: bool = False
    """Refuse deletion."""

    def __post_init__(self) -> None:
        subnets = list(self.public_subnet_ids)
        check(self, "public_subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        name = self.naming.physical("alb")
        fits = len(name) <= MAX_NAME_LENGTH
        check(self, "naming", fits, f"must make {name!r} at most {MAX_NAME_LENGTH} characters long, not {len(name)}")
        check_range(self, "port", 1, 65_535)
        check(self, "health_path", bool(PATH.fullmatch(self.health_path)), f"must be a path, not {self.health_path!r}")
        # A certificate is only valid for a name, and a name needs a certificate for HTTPS.
        both = self.has_certificate == (self.host_name is not None)
        check(self, "host_name", both, "must be given with certificate_arn, and only with it")
        if self.host_name is not None:
            named = bool(HOST_NAME.fullmatch(self.host_name))
            check(self, "host_name", named, f"must be a host name such as api.example.com, not {self.host_name!r}")

    @property
    def has_certificate(self) -> bool:
        """Whether clients use HTTPS."""
        return self.certificate_arn is not None


class LoadBalancer(pulumi.ComponentResource):
    """The load balancer with its listeners and target groups. `allow_egress_to` opens its only egress, to the service."""

    arn: pulumi.Output[str]
    arn_suffix: pulumi.Output[str]
    """The load balancer's dimension in CloudWatch metrics."""
    dns_name: pulumi.Output[str]
    zone_id: pulumi.Output[str]
    """The hosted zone id of `dns_name`, for alias records."""
    url: pulumi.Output[str]
    """The URL for clients, without a trailing slash."""
    security_group_id: pulumi.Output[str]
    target_group_arn: pulumi.Output[str]
    target_group_arn_suffix: pulumi.Output[str]
    alternate_target_group_arn: pulumi.Output[str] | None
    production_rule: aws.lb.ListenerRule | None
    """The rule whose weights a deployment changes; like the group above, None without traffic shifting."""
    listener: aws.lb.Listener
    """ECS rejects a service whose target group no listener uses, so the service depends on it."""
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

    def allow_egress_to(self, service: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupEgressRule:
        """Let the load balancer connect to the service's group, which needs an ingress rule as well."""
        rule = Egress(
            description=f"Requests and health checks of {service}", port=self.port, security_group_id=security_group_id
        )
        return allow_egress(self._name, service, self.security_group_id, rule, self._child)

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
        # Port 80 is open (CKV_AWS_260 asks why): it redirects clients to HTTPS, or serves where there is no certificate.
        ports = {"http": HTTP, "https": HTTPS} if self._args.has_certificate else {"http": HTTP}
        for protocol, port in ports.items():
            allow_ingress(
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
            # Requests that two servers could parse differently are dropped.
            drop_invalid_header_fields=True,
            desync_mitigation_mode="defensive",
            idle_timeout=IDLE_TIMEOUT_SECONDS,
            enable_deletion_protection=args.protected,
            # CKV_AWS_91 asks for a log, which is an argument: the bucket is not this component's.
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
            # Inside the VPC, between two security groups that are closed to others (CKV_AWS_378 asks for HTTPS here too).
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
            # CKV_AWS_2, CKV_AWS_103 and CKV2_AWS_20 object to what the argument asks for.
            self.listener = self._listener("http", HTTP, self._forward_action())
            return
        to_https = aws.lb.ListenerDefaultActionArgs(
            type="redirect",
            redirect=aws.lb.ListenerDefaultActionRedirectArgs(
                protocol="HTTPS", port=str(HTTPS), status_code="HTTP_301"
            ),
        )
        self._listener("http", HTTP, to_https)
        self.listener = self._listener("https", HTTPS, self._forward_action())

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

    def _forward_action(self) -> aws.lb.ListenerDefaultActionArgs:
        if not self._args.shifts_traffic:
            return aws.lb.ListenerDefaultActionArgs(type="forward", target_group_arn=self.target_group_arn)
        # Deployments change the weights of the production rule, which matches every request, so this action never applies.
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
            # ECS owns the weights from the first deployment on: resetting them would send all requests to an empty target group.
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=["actions"]),
        )
