"""An OpenSearch domain in a VPC: encrypted at rest and between nodes, TLS only, open to named roles and security groups."""

from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import LOG_RETENTION_DAYS, check, check_choice
from components.naming import Naming
from components.search_domain_rules import (
    check_domain_name,
    check_instance_types,
    check_nodes,
    shortened_name,
    zone_count,
)
from components.security_groups import allow_ingress, create_security_group

PORT = 443
RESOURCE_NAME = "search"
ENGINE_VERSION = "OpenSearch_3.5"
# With two, the loss of either would stop the cluster.
DEDICATED_MASTERS = 3
# The hour, in UTC, at which the ten-hour window for software updates begins.
OFF_PEAK_HOUR = 2
# The newest policy without FIPS: TLS 1.2 and 1.3 with forward secrecy.
TLS_POLICY = "Policy-Min-TLS-1-2-PFS-2023-10"
# Creation takes 45 to 60 minutes; a change of the cluster creates a second one and moves the data.
TIMEOUTS = pulumi.CustomTimeouts(create="90m", update="180m", delete="90m")

# The log types of AWS. The audit log also has to be enabled inside the domain.
LOGS = MappingProxyType(
    {
        "index-slow": "INDEX_SLOW_LOGS",
        "search-slow": "SEARCH_SLOW_LOGS",
        "application": "ES_APPLICATION_LOGS",
        "audit": "AUDIT_LOGS",
    }
)


@dataclass(frozen=True, kw_only=True)
class SearchDomainArgs:
    """A domain. A single node is in one zone; more nodes are spread evenly over two or three zones."""

    naming: Naming
    vpc_id: pulumi.Input[str]
    subnet_ids: Sequence[pulumi.Input[str]]
    """Private subnets, each in another zone. A single node uses the first."""
    administrator_role_arn: pulumi.Input[str]
    """The master user, who maps the other roles to permissions inside the domain. There is no password."""
    instance_type: pulumi.Input[str] = "t3.small.search"
    instance_count: int = 1
    volume_gb: int = 100
    """The volume size of each node."""
    dedicated_master_type: pulumi.Input[str] | None = None
    """The instance type of three dedicated master nodes; None for none."""
    key_arn: pulumi.Input[str] | None = None
    """A KMS key for encryption at rest; None for the AWS owned key."""
    log_retention_days: int = 30
    create_service_role: bool = False
    """Create the account's service-linked role for OpenSearch, which must exist once before the first domain in a VPC."""
    protected: bool = False
    """Refuse deletion, and retain the domain when the program drops it."""

    def __post_init__(self) -> None:
        check(self, "subnet_ids", bool(self.subnet_ids), "must name at least one subnet")
        check_domain_name(self, self.domain_name)
        check_instance_types(self)
        check_nodes(self)
        check_choice(self, "log_retention_days", LOG_RETENTION_DAYS)

    @property
    def zones(self) -> int:
        """The number of zones of the nodes; 0 if they cannot be spread evenly."""
        return zone_count(self.instance_count, len(self.subnet_ids))

    @property
    def domain_name(self) -> str:
        """The physical name: `{project}-search-{environment}`, without the project's last words if it is too long."""
        return shortened_name(self.naming, RESOURCE_NAME)


class SearchDomain(pulumi.ComponentResource):
    """The domain. `allow_from` opens its security group, `grant_access` its access policy."""

    endpoint: pulumi.Output[str]
    """The host, without `https://`."""
    name: pulumi.Output[str]
    security_group_id: pulumi.Output[str]

    def __init__(self, name: str, args: SearchDomainArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:SearchDomain", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._has_access_policy = False

        self._create_security_group()
        self._create_logs()
        self._create_service_role()
        self._create_domain()

        self.endpoint, self.name = self._domain.endpoint, self._domain.domain_name
        self.register_outputs({"endpoint": self.endpoint, "name": self.name})

    def allow_from(self, caller: str, security_group_id: pulumi.Input[str]) -> aws.vpc.SecurityGroupIngressRule:
        """Let a security group connect."""
        return allow_ingress(
            f"{self._name}-from-{caller}",
            self.security_group_id,
            PORT,
            f"OpenSearch for {caller}",
            caller_group_id=security_group_id,
            opts=self._child,
        )

    def grant_access(self, writers: Sequence[pulumi.Input[str]]) -> aws.opensearch.DomainPolicy:
        """Let these roles, by ARN, and the administrator's send signed requests.

        It is no argument, because the functions with these roles depend on the endpoint. The administrator maps the roles to
        permissions inside the domain.

        Raises:
            ValueError: The domain has an access policy already.
        """
        if self._has_access_policy:
            raise ValueError(f"{self._name}: the domain already has an access policy")
        self._has_access_policy = True
        write = policies.allow(
            "Write",
            ["es:ESHttp*"],
            [pulumi.Output.concat(self._domain.arn, "/*")],
            principal={"AWS": [self._args.administrator_role_arn, *writers]},
        )
        return aws.opensearch.DomainPolicy(
            f"{self._name}-policy",
            domain_name=self._domain.domain_name,
            access_policies=pulumi.Output.json_dumps(policies.document(write)),
            opts=self._child,
        )

    def _create_security_group(self) -> None:
        # It initiates no connection, so it has no egress rules.
        group, _ = create_security_group(
            self._name,
            self._args.naming,
            f"{RESOURCE_NAME}-domain",
            description="OpenSearch, for the callers that its rules name",
            vpc_id=self._args.vpc_id,
            opts=self._child,
        )
        self.security_group_id = group.id

    def _create_logs(self) -> None:
        domain = self._args.domain_name
        self._log_groups = {
            log: aws.cloudwatch.LogGroup(
                f"{self._name}-log-{log}",
                name=f"/aws/OpenSearchService/domains/{domain}/{log}",
                retention_in_days=self._args.log_retention_days,
                opts=self._child,
            )
            for log in LOGS
        }
        arns = [group.arn for group in self._log_groups.values()]
        source = policies.sibling_arn(arns[0], "es", f"domain/{domain}")
        deliver = policies.allow(
            "DeliverDomainLogs",
            ["logs:PutLogEvents", "logs:PutLogEventsBatch", "logs:CreateLogStream"],
            [pulumi.Output.concat(arn, ":*") for arn in arns],
            principal={"Service": "es.amazonaws.com"},
            condition={
                "StringEquals": {"aws:SourceAccount": policies.account_id_of(arns[0])},
                "ArnEquals": {"aws:SourceArn": source},
            },
        )
        self._log_policy = aws.cloudwatch.LogResourcePolicy(
            f"{self._name}-log-policy",
            policy_name=f"{domain}-logs",
            policy_document=pulumi.Output.json_dumps(policies.document(deliver)),
            opts=self._child,
        )

    def _create_service_role(self) -> None:
        self._service_roles: list[pulumi.Resource] = []
        if self._args.create_service_role:
            role = aws.iam.ServiceLinkedRole(
                f"{self._name}-service-role",
                aws_service_name="opensearchservice.amazonaws.com",
                description="Attaches OpenSearch domains to their VPCs",
                # The role belongs to the account: domains of other programs need it.
                opts=pulumi.ResourceOptions(parent=self, retain_on_delete=True),
            )
            self._service_roles.append(role)

    def _create_domain(self) -> None:
        args = self._args
        self._domain = aws.opensearch.Domain(
            f"{self._name}-domain",
            domain_name=args.domain_name,
            engine_version=ENGINE_VERSION,
            cluster_config=self._cluster(),
            ebs_options=aws.opensearch.DomainEbsOptionsArgs(
                ebs_enabled=True, volume_type="gp3", volume_size=args.volume_gb
            ),
            vpc_options=aws.opensearch.DomainVpcOptionsArgs(
                subnet_ids=list(args.subnet_ids)[: args.zones], security_group_ids=[self.security_group_id]
            ),
            # CKV_AWS_247 asks for a customer managed key, which is an argument because it costs.
            encrypt_at_rest=aws.opensearch.DomainEncryptAtRestArgs(enabled=True, kms_key_id=args.key_arn),
            node_to_node_encryption=aws.opensearch.DomainNodeToNodeEncryptionArgs(enabled=True),
            domain_endpoint_options=aws.opensearch.DomainDomainEndpointOptionsArgs(
                enforce_https=True, tls_security_policy=TLS_POLICY
            ),
            advanced_security_options=aws.opensearch.DomainAdvancedSecurityOptionsArgs(
                enabled=True,
                internal_user_database_enabled=False,
                master_user_options=aws.opensearch.DomainAdvancedSecurityOptionsMasterUserOptionsArgs(
                    master_user_arn=args.administrator_role_arn
                ),
            ),
            log_publishing_options=[
                aws.opensearch.DomainLogPublishingOptionArgs(
                    log_type=LOGS[log], cloudwatch_log_group_arn=group.arn, enabled=True
                )
                for log, group in self._log_groups.items()
            ],
            software_update_options=aws.opensearch.DomainSoftwareUpdateOptionsArgs(auto_software_update_enabled=True),
            off_peak_window_options=_off_peak_window(),
            opts=pulumi.ResourceOptions(
                parent=self,
                # AWS validates at once that it can write the logs, and attaches to the VPC with the service-linked role.
                depends_on=[self._log_policy, *self._service_roles],
                protect=args.protected,
                retain_on_delete=args.protected,
                custom_timeouts=TIMEOUTS,
            ),
        )

    def _cluster(self) -> aws.opensearch.DomainClusterConfigArgs:
        # CKV2_AWS_59 and CKV_AWS_318 ask for three dedicated masters, an argument because they cost more than a single node.
        args = self._args
        masters, zones = args.dedicated_master_type is not None, args.zones
        return aws.opensearch.DomainClusterConfigArgs(
            instance_type=args.instance_type,
            instance_count=args.instance_count,
            dedicated_master_enabled=masters,
            dedicated_master_type=args.dedicated_master_type,
            dedicated_master_count=DEDICATED_MASTERS if masters else None,
            zone_awareness_enabled=zones > 1,
            zone_awareness_config=aws.opensearch.DomainClusterConfigZoneAwarenessConfigArgs(
                availability_zone_count=zones
            )
            if zones > 1
            else None,
        )


def _off_peak_window() -> aws.opensearch.DomainOffPeakWindowOptionsArgs:
    start = aws.opensearch.DomainOffPeakWindowOptionsOffPeakWindowWindowStartTimeArgs(hours=OFF_PEAK_HOUR, minutes=0)
    window = aws.opensearch.DomainOffPeakWindowOptionsOffPeakWindowArgs(window_start_time=start)
    return aws.opensearch.DomainOffPeakWindowOptionsArgs(enabled=True, off_peak_window=window)
