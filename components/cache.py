"""A Valkey cache on ElastiCache: encrypted, private, TLS only, open to named security groups."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import check, check_range, is_plain
from components.naming import Naming
from components.security_groups import allow_ingress, create_security_group

PORT = 6379
# The limit of ElastiCache for the id of a replication group.
MAX_NAME_LENGTH = 40
NODE_TYPE = re.compile(r"cache\.[a-z][a-z0-9]*\.[a-z0-9]+")
MOMENT = r"(mon|tue|wed|thu|fri|sat|sun):([01]\d|2[0-3]):[0-5]\d"
WINDOW = re.compile(f"{MOMENT}-{MOMENT}")


@dataclass(frozen=True, kw_only=True)
class CacheArgs:
    """A cache. Its content may be lost at any time, so it must only hold data that can be computed again."""

    naming: Naming
    resource_name: str = "cache"
    """`cache` names it `{project}-cache-{environment}`."""
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets in at least two zones."""
    node_type: pulumi.Input[str] = "cache.t4g.micro"
    nodes: int = 1
    """The primary, and with more than one its replicas, which take over in another zone when it fails."""
    engine_version: str = "8.0"
    maintenance_window: str = "sun:05:00-sun:06:00"
    """UTC, at least an hour."""
    key_arn: pulumi.Input[str] | None = None
    """A KMS key for the stored data; None for the AWS managed key."""

    def __post_init__(self) -> None:
        subnets = list(self.subnet_ids)
        check(self, "subnet_ids", len(subnets) >= 2, f"must be at least two subnets, not {len(subnets)}")
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        name = self.naming.physical(self.resource_name)
        problem = f"must make {name!r} at most {MAX_NAME_LENGTH} characters long, not {len(name)}"
        check(self, "resource_name", len(name) <= MAX_NAME_LENGTH, problem)
        check_range(self, "nodes", 1, 6)
        if is_plain(self.node_type):
            shape = bool(NODE_TYPE.fullmatch(str(self.node_type)))
            check(self, "node_type", shape, f"must be a type such as cache.t4g.micro, not {self.node_type!r}")
        version = bool(re.fullmatch(r"\d+\.\d+", self.engine_version))
        check(self, "engine_version", version, f"must be a version such as 8.0, not {self.engine_version!r}")
        window = bool(WINDOW.fullmatch(self.maintenance_window))
        problem = f"must be like sun:05:00-sun:06:00, not {self.maintenance_window!r}"
        check(self, "maintenance_window", window, problem)


class Cache(pulumi.ComponentResource):
    """The replication group and its security group, which is closed until `allow_from` opens it."""

    endpoint: pulumi.Output[str]
    """Host of the primary. It only accepts TLS."""
    port: pulumi.Output[int]
    arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: CacheArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:Cache", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_security_group()
        self._create_group()

        self.endpoint = self._group.primary_endpoint_address
        self.port = self._group.port.apply(lambda port: port or PORT)
        self.arn = self._group.arn
        self.register_outputs({"endpoint": self.endpoint, "arn": self.arn})

    def allow_from(self, caller: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Let a security group connect."""
        return allow_ingress(
            f"{self._name}-from-{caller}",
            self.security_group_id,
            PORT,
            f"Valkey for {caller}",
            caller_group_id=security_group_id,
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        args = self._args
        # It initiates no connection, so it has no egress rules.
        group, _ = create_security_group(
            self._name,
            args.naming,
            args.resource_name,
            description="Valkey, for the callers that its rules name",
            vpc_id=args.vpc_id,
            opts=self._child,
        )
        self.security_group_id = group.id

    def _create_group(self) -> None:
        args = self._args
        physical = args.naming.physical(args.resource_name)
        subnets = aws.elasticache.SubnetGroup(
            f"{self._name}-subnets",
            name=args.naming.physical(f"{args.resource_name}-subnet-group"),
            description="Private subnets of the cache",
            subnet_ids=args.subnet_ids,
            opts=self._child,
        )
        spare = args.nodes > 1
        self._group = aws.elasticache.ReplicationGroup(
            f"{self._name}-group",
            replication_group_id=physical,
            description=f"Cache of {args.naming.project} {args.naming.environment}",
            engine="valkey",
            engine_version=args.engine_version,
            node_type=args.node_type,
            num_cache_clusters=args.nodes,
            port=PORT,
            automatic_failover_enabled=spare,
            multi_az_enabled=spare,
            subnet_group_name=subnets.name,
            security_group_ids=[self.security_group_id],
            at_rest_encryption_enabled=True,
            kms_key_id=args.key_arn,
            # Access is controlled by the network alone: a token would be stored in the program's state.
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            auto_minor_version_upgrade=True,
            maintenance_window=args.maintenance_window,
            # A cache is filled again, not restored.
            snapshot_retention_limit=0,
            apply_immediately=True,
            opts=self._child,
        )
