"""The search domain, where the environment has one: search runs on Postgres beside it, and without it."""

import pulumi

from components.search_domain import SearchDomain, SearchDomainArgs
from stacks.deployment import Deployment
from stacks.foundation import Foundation


def create_search(
    deployment: Deployment, *, foundation: Foundation, administrator_role_arn: pulumi.Input[str]
) -> SearchDomain | None:
    """Makes the domain. It takes AWS up to an hour, so nothing waits for it."""
    settings = deployment.settings
    section = settings.search_domain
    if section is None:
        return None
    return SearchDomain(
        "search",
        SearchDomainArgs(
            naming=deployment.naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            administrator_role_arn=administrator_role_arn,
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
