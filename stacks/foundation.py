"""The foundation: account, encryption keys, network, and the bucket of access logs."""

from dataclasses import dataclass, replace

import pulumi
import pulumi_aws as aws

from components import bucket_policies
from components.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.network import ANYWHERE, Network, NetworkArgs
from components.placement import Egress, Placement
from components.private_bucket import LifecycleRule, PrivateBucket, PrivateBucketArgs
from stacks.deployment import Deployment


@dataclass(frozen=True, kw_only=True)
class Foundation:
    """The network, the keys and the log bucket. None for what this environment does not have."""

    account_id: pulumi.Output[str]
    network: Network
    reaches_internet: bool
    access_logs: PrivateBucket | None
    data_key_arn: pulumi.Output[str] | None
    """Of what is stored: the database, secrets, the search domain, archives. Buckets have S3's own keys, which cost nothing."""
    log_key_arn: pulumi.Output[str] | None

    @property
    def access_logs_arn(self) -> pulumi.Output[str] | None:
        """ARN of the bucket of access logs, known once its policy allows log delivery."""
        return None if self.access_logs is None else pulumi.Output.concat("arn:aws:s3:::", self.access_logs.name)

    def placement(self, egress: dict[str, Egress], *, internet: bool = False) -> Placement:
        """Private subnets with ways out to S3, to the interface endpoints and to what is asked for.

        `internet` is for a function that calls what has no endpoint here. Without a NAT gateway there is no such way, and
        the settings then demand the endpoint.
        """
        network = self.network
        ways = {"s3": Egress(description="S3 through its gateway endpoint", prefix_list_id=network.s3_prefix_list_id)}
        if network.endpoints_security_group_id is not None:
            ways["endpoints"] = Egress(
                description="AWS services through interface endpoints",
                security_group_id=network.endpoints_security_group_id,
            )
        if internet and self.reaches_internet:
            ways["internet"] = Egress(description="HTTPS through the NAT gateway", cidr=ANYWHERE)
        return Placement(vpc_id=network.vpc_id, subnet_ids=network.private_subnet_ids, egress=ways | egress)


def create_foundation(deployment: Deployment) -> Foundation:
    """Create the keys, the network and the bucket of access logs."""
    settings, naming, opts = deployment.settings, deployment.naming, deployment.opts
    account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=opts.provider)).account_id
    data_key = log_key = None
    if settings.customer_managed_keys:
        data_key, log_key = _create_keys(deployment, account_id)
    section = settings.network
    network = Network(
        "network",
        NetworkArgs(
            naming=naming,
            region=settings.region,
            cidr=section.cidr,
            availability_zones=section.availability_zones,
            nat=section.nat,
            interface_endpoints=section.interface_endpoints,
            flow_log_retention_days=section.flow_log_retention_days,
            log_key_arn=log_key.arn if log_key else None,
        ),
        opts,
    )
    return Foundation(
        account_id=account_id,
        network=network,
        reaches_internet=section.nat != "none",
        access_logs=_create_access_logs(deployment, account_id),
        data_key_arn=data_key.arn if data_key else None,
        log_key_arn=log_key.arn if log_key else None,
    )


def _create_keys(deployment: Deployment, account_id: pulumi.Output[str]) -> tuple[EncryptionKey, EncryptionKey]:
    settings, naming, opts = deployment.settings, deployment.naming, deployment.opts
    data = EncryptionKeyArgs(
        naming=naming,
        resource_name="data",
        description="The database, secrets, the search domain and archives",
        account_id=account_id,
        region=settings.region,
        services=["rds", "secretsmanager", "es", "backup"],
        protected=settings.protected,
    )
    logs = EncryptionKeyArgs(
        naming=naming,
        resource_name="logs",
        description="What is logged",
        account_id=account_id,
        region=settings.region,
        # Every log group has the project and the environment in its name.
        log_groups=[f"*{naming.project}*{naming.environment}*"],
        protected=settings.protected,
    )
    return EncryptionKey("data-key", data, opts), EncryptionKey("log-key", logs, opts)


def _create_access_logs(deployment: Deployment, account_id: pulumi.Output[str]) -> PrivateBucket | None:
    settings = deployment.settings
    days = settings.buckets.access_log_days
    if days is None:
        return None
    args = PrivateBucketArgs(
        naming=deployment.naming,
        resource_name="access-logs",
        name_suffix=settings.buckets.name_suffix,
        noncurrent_version_days=1,
        lifecycle_rules=[LifecycleRule(name="expire", expire_after_days=days)],
        log_sources=["buckets", "load_balancers"],
        account_id=account_id,
        protected=settings.protected,
    )
    distributions = bucket_policies.accept_distribution_logs(args.bucket_arn, account_id)
    return PrivateBucket("access-logs", replace(args, statements=[distributions]), deployment.opts)
