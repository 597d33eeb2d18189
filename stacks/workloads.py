"""What everything that runs here has in common: its place in the network, its ways to the database and to AWS, its code."""

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

# Whoever calls a function calls it by this name, so that a release can be tried beside it and taken back.
LIVE = "live"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who calls others: its role, and the group of its network interfaces."""

    role_arn: pulumi.Output[str]
    security_group_id: pulumi.Output[str]

    @classmethod
    def of(cls, function: PythonFunction) -> Self:
        """A function in the VPC."""
        assert function.security_group_id is not None, "every function here has a place in the network"  # noqa: S101
        return cls(role_arn=function.role_arn, security_group_id=function.security_group_id)


@dataclass(frozen=True, kw_only=True)
class Workloads:
    """The platform as far as it stands when code is to run on it."""

    deployment: Deployment
    foundation: Foundation
    data: Data

    @property
    def settings(self) -> EnvironmentSettings:
        """The environment's."""
        return self.deployment.settings

    def rights(
        self, statements: Sequence[Statement], *, searches: bool = False, writes_secrets: bool = False
    ) -> list[Statement]:
        """What its own calls need, and what they need beside it: the search domain's address, the key of its secrets."""
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

    def admit(
        self, thing: str, security_group_id: pulumi.Input[str], *, uses_cache: bool = False
    ) -> list[pulumi.Resource]:
        """Lets a group into the database and the endpoints: the rules, for whoever must wait for them."""
        rules = [
            self.data.database.admit(thing, security_group_id),
            self.foundation.network.admit_to_endpoints(thing, security_group_id),
            self.data.proxy.admit(thing, security_group_id) if self.data.proxy else None,
            self.data.cache.admit(thing, security_group_id) if uses_cache and self.data.cache else None,
        ]
        return [rule for rule in rules if rule is not None]

    def function(
        self,
        thing: str,
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
            thing,
            PythonFunctionArgs(
                naming=self.deployment.naming,
                thing=thing,
                description=description,
                code=sources.bundle(bundle, sources.bundles(self.settings.architecture)),
                handler=handler,
                variables=variables,
                statements=self.rights(statements, searches=searches, writes_secrets=writes_secrets),
                placement=self.placement(internet=internet, uses_cache=uses_cache),
                memory_mb=section.memory_mb,
                timeout_seconds=section.timeout_seconds,
                reserved_concurrency=section.concurrency if isinstance(section, FunctionSection) else None,
                architecture=self.settings.architecture,
                alias=LIVE,
                log_retention_days=self.settings.log_retention_days,
                log_key_arn=self.foundation.log_key_arn,
                after=after,
            ),
            self.deployment.opts,
        )
        group = function.security_group_id
        return function, [] if group is None else self.admit(thing, group, uses_cache=uses_cache)
