"""A public hosted zone of one host name and its subdomains, with alias records to load balancers and distributions."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import HOST_NAME, check


@dataclass(frozen=True, kw_only=True)
class DnsZoneArgs:
    """A hosted zone."""

    host_name: str
    """The name of the zone, such as `api-staging.example.com`. The parent zone has to delegate it, once, to `name_servers`."""
    protected: bool = False
    """Refuse deletion: a new zone would have other name servers, and the delegation would be broken."""

    def __post_init__(self) -> None:
        shape = bool(HOST_NAME.fullmatch(self.host_name)) and len(self.host_name) <= 253
        check(self, "host_name", shape, f"must be a host name in lower case, not {self.host_name!r}")


class DnsZone(pulumi.ComponentResource):
    """The hosted zone.

    Its names are public, so queries are not logged. It is not signed: DNSSEC needs a key of its own and a second delegation.
    """

    zone_id: pulumi.Output[str]
    name_servers: pulumi.Output[list[str]]
    """The name servers to which the parent delegates the zone."""

    def __init__(self, name: str, args: DnsZoneArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:DnsZone", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_zone()

        self.register_outputs({"zone_id": self.zone_id, "name_servers": self.name_servers})

    def add_alias_records(
        self, target: str, *, host_name: str, target_domain_name: pulumi.Input[str], target_zone_id: pulumi.Input[str]
    ) -> list[aws.route53.Record]:
        """Create A and AAAA alias records of a name in the zone for a load balancer or a distribution.

        `target` is part of the records' resource names.

        Raises:
            ValueError: The host name is outside the zone.
        """
        zone = self._args.host_name
        if host_name != zone and not host_name.endswith(f".{zone}"):
            raise ValueError(f"{self._name}: {host_name} is not in the zone {zone}")
        return [
            aws.route53.Record(
                f"{self._name}-{target}-{kind.lower()}",
                zone_id=self.zone_id,
                name=host_name,
                type=kind,
                aliases=[
                    {
                        "name": target_domain_name,
                        "zone_id": target_zone_id,
                        # With a single target there is no healthier one to return.
                        "evaluate_target_health": False,
                    }
                ],
                opts=self._child,
            )
            for kind in ("A", "AAAA")
        ]

    def _create_zone(self) -> None:
        args = self._args
        zone = aws.route53.Zone(
            f"{self._name}-zone",
            name=args.host_name,
            comment=f"{args.host_name} and what is below it",
            force_destroy=False,
            opts=pulumi.ResourceOptions(parent=self, protect=args.protected, retain_on_delete=args.protected),
        )
        self.zone_id, self.name_servers = zone.zone_id, zone.name_servers.apply(list)
