"""The OpenSearch domain, where the environment has one. Without it, Postgres serves every search."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.placement import Egress
from components.search_domain import SearchDomain, SearchDomainArgs
from components.security_groups import allow_egress
from stacks.compute import Compute
from stacks.deployment import Deployment
from stacks.foundation import Foundation
from stacks.workloads import Caller


@dataclass(frozen=True, kw_only=True)
class Search:
    """The domain, its callers, and what must exist before they can connect."""

    domain: SearchDomain
    callers: Mapping[str, Caller]
    ingress_rules: Sequence[pulumi.Resource]


def create_search(deployment: Deployment, *, foundation: Foundation, compute: Compute) -> Search | None:
    """Makes the domain, and lets in who searches and who keeps the index. It takes AWS up to an hour, so nothing waits for it."""
    settings = deployment.settings
    section = settings.search_domain
    if section is None:
        return None
    functions = compute.functions
    callers = {
        "api": compute.api.caller,
        "maintenance": Caller.of(functions["maintenance"]),
        "migrate": Caller.of(functions["migrate"]),
    }
    search = SearchDomain(
        "search",
        SearchDomainArgs(
            naming=deployment.naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            # The function that prepares the database prepares the domain as well.
            administrator_role_arn=callers["migrate"].role_arn,
            instance_type=section.instance_type,
            instance_count=section.instance_count,
            volume_gb=section.volume_gb,
            dedicated_master_type=section.instance_type if section.dedicated_masters else None,
            key_arn=foundation.data_key_arn,
            log_retention_days=settings.log_retention_days,
            create_service_role=section.create_service_role,
            protected=settings.protected,
        ),
        deployment.opts,
    )
    rules: list[pulumi.Resource] = [
        search.grant_access([callers["api"].role_arn, callers["maintenance"].role_arn]),
        *compute.endpoint_ingress_rules,
    ]
    for name, caller in callers.items():
        egress = Egress(description="OpenSearch", security_group_id=search.security_group_id)
        rules.append(search.allow_from(name, caller.security_group_id))
        rules.append(
            allow_egress(name, "search", caller.security_group_id, egress, pulumi.ResourceOptions(parent=search))
        )
    return Search(domain=search, callers=callers, ingress_rules=rules)


def prepare_search(
    deployment: Deployment, search: Search, compute: Compute, parameters: Mapping[str, pulumi.Output[str]]
) -> aws.lambda_.Invocation:
    """Configure the roles inside a domain whose endpoint is published."""
    callers, migrate = search.callers, compute.functions["migrate"]
    return aws.lambda_.Invocation(
        "search-preparation",
        function_name=migrate.name,
        qualifier=migrate.qualifier,
        input=pulumi.Output.json_dumps(
            {
                "action": "prepare_search",
                "writers": [callers["api"].role_arn],
                "index_managers": [callers["maintenance"].role_arn],
            }
        ),
        triggers={"endpoint": parameters["search_endpoint"]},
        opts=pulumi.ResourceOptions.merge(deployment.opts, pulumi.ResourceOptions(depends_on=search.ingress_rules)),
    )
