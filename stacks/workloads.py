"""What all workloads share: their place in the network, access to the database and to AWS, their code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import pulumi

from components import cache
from components.placement import Egress, Placement
from components.policies import Statement
from components.postgres_database import PORT
from components.python_function import PythonFunction, PythonFunctionArgs
from stacks import permissions, sources, wiring
from stacks.data import Data
from stacks.deployment import Deployment
from stacks.environment import EnvironmentSettings
from stacks.foundation import Foundation
from stacks.sections import FunctionSection, MigrateSection

# The alias that every caller uses, so that a release can be shifted to and rolled back.
LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """A workload that calls others: its role and its security group."""

    role_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]

    @classmethod
    def of(cls, function: PythonFunction) -> Self:
        """Return the caller that a function in the VPC is."""
        assert function.security_group_id is not None, "every function here has a place in the network"  # noqa: S101
        return cls(role_arn=function.role_arn, security_group_id=function.security_group_id)


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """The foundation on which functions and containers are created."""

    deployment: Deployment
    foundation: Foundation
    data: Data

    @property
    def settings(self) -> EnvironmentSettings:
        """Settings of the environment."""
        return self.deployment.settings

    def permissions_of(
        self, statements: Sequence[Statement], *, searches: bool = False, writes_secrets: bool = False
    ) -> list[Statement]:
        """Return a workload's own permissions, plus search endpoint lookup and use of the secrets' key."""
        search = permissions.find_search_domain(self.deployment, self.foundation.account_id) if searches else []
        key = permissions.use_secrets_key(self.foundation.data_key_arn, write=writes_secrets)
        return [*statements, *search, *key]

    def placement(self, *, internet: bool = False, uses_cache: bool = False) -> Placement:
        """Private subnets with ways to the database and to AWS; `internet` is for what calls services without an endpoint."""
        data = self.data
        egress = {
            "database": Egress(description="PostgreSQL", port=PORT, security_group_id=data.database.security_group_id)
        }
        if data.proxy is not None:
            egress["proxy"] = Egress(
                description="PostgreSQL through its proxy", port=PORT, security_group_id=data.proxy.security_group_id
            )
        if uses_cache and data.cache is not None:
            egress["cache"] = Egress(
                description="Valkey", port=cache.PORT, security_group_id=data.cache.security_group_id
            )
        return self.foundation.placement(egress, internet=internet)

    def allow_from(
        self, resource_name: str, security_group_id: pulumi.Input[str], *, uses_cache: bool = False
    ) -> list[pulumi.Resource]:
        """Allow a security group to reach the database and the endpoints.

        Returns:
            The ingress rules, for resources that must wait for them.
        """
        rules = [
            self.data.database.allow_from(resource_name, security_group_id),
            self.foundation.network.allow_endpoints_from(resource_name, security_group_id),
            self.data.proxy.allow_from(resource_name, security_group_id) if self.data.proxy else None,
            self.data.cache.allow_from(resource_name, security_group_id) if uses_cache and self.data.cache else None,
        ]
        return [rule for rule in rules if rule is not None]

    def function(
        self,
        resource_name: str,
        description: str,
        *,
        bundle: str,
        handler: str,
        section: FunctionSection | MigrateSection,
        variables: wiring.Variables,
        statements: Sequence[Statement],
        internet: bool = False,
        uses_cache: bool = False,
        searches: bool = False,
        writes_secrets: bool = False,
        after: Sequence[pulumi.Resource] = (),
    ) -> tuple[PythonFunction, list[pulumi.Resource]]:
        """A function that reaches the database and the endpoints, and the rules that let it in.

        Raises SourceError for a bundle that the release does not bring.
        """
        function = PythonFunction(
            resource_name,
            PythonFunctionArgs(
                naming=self.deployment.naming,
                resource_name=resource_name,
                description=description,
                code=sources.bundle(bundle, sources.bundles(self.settings.architecture)),
                handler=handler,
                variables=variables,
                statements=self.permissions_of(statements, searches=searches, writes_secrets=writes_secrets),
                placement=self.placement(internet=internet, uses_cache=uses_cache),
                memory_mb=section.memory_mb,
                timeout_seconds=section.timeout_seconds,
                reserved_concurrency=section.concurrency if isinstance(section, FunctionSection) else None,
                architecture=self.settings.architecture,
                alias=LIVE,
                log_retention_days=self.settings.log_retention_days,
                log_key_arn=self.foundation.log_key_arn,
                depends_on=after,
            ),
            self.deployment.opts,
        )
        group = function.security_group_id
        return function, [] if group is None else self.allow_from(resource_name, group, uses_cache=uses_cache)
