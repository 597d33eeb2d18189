"""The edge: domain name and certificate, the CDN of the thumbnails, the firewall in front of the API."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi

from components.certificate import Certificate, CertificateArgs
from components.choices import EDGE_REGION
from components.content_delivery import ContentDelivery, ContentDeliveryArgs
from components.dns_zone import DnsZone, DnsZoneArgs
from components.load_balancer import LoadBalancer
from components.private_bucket import PrivateBucketArgs
from components.web_firewall import CORE, WebFirewall, WebFirewallArgs
from runtime import object_keys
from stacks.deployment import Deployment
from stacks.foundation import Foundation

# Core rules that only count: they would block valid scripts and notes, whose size the API limits itself.
COUNTED_RULES: Mapping[str, tuple[str, ...]] = {CORE: ("SizeRestrictions_BODY",)}


@dataclass(frozen=True, kw_only=True)
class Address:
    """The platform's domain name. All fields are None where clients use the names that AWS assigns."""

    zone: DnsZone | None
    certificate_arn: pulumi.Input[str] | None

    @property
    def name_servers(self) -> pulumi.Output[str] | None:
        """Name servers to which the parent zone delegates the domain, separated by commas."""
        return self.zone.name_servers.apply(",".join) if self.zone else None


def create_address(deployment: Deployment) -> Address:
    """Create the DNS zone of the domain and a certificate in it, or use the given certificate."""
    settings, opts = deployment.settings, deployment.opts
    if not settings.edge.manages_zone:
        return Address(zone=None, certificate_arn=settings.edge.certificate_arn)
    zone = DnsZone("zone", DnsZoneArgs(host_name=settings.domain, protected=settings.protected), opts)
    certificate = Certificate("certificate", CertificateArgs(host_name=settings.domain, zone_id=zone.zone_id), opts)
    return Address(zone=zone, certificate_arn=certificate.arn)


def create_delivery(
    deployment: Deployment, bucket: PrivateBucketArgs, *, foundation: Foundation, address: Address
) -> ContentDelivery | None:
    """Create the CDN of a bucket that does not exist yet: the bucket policy names the distribution."""
    settings, opts = deployment.settings, deployment.opts
    section = settings.edge.delivery
    if section is None:
        return None
    certificate = None
    if section.host_name is not None and address.zone is not None:
        certificate = Certificate(
            "media-certificate",
            CertificateArgs(host_name=section.host_name, zone_id=address.zone.zone_id, region=EDGE_REGION),
            opts,
        )
    delivery = ContentDelivery(
        "media",
        ContentDeliveryArgs(
            naming=deployment.naming,
            resource_name="media",
            bucket_arn=bucket.bucket_arn,
            bucket_regional_domain_name=f"{bucket.bucket_name}.s3.{settings.region}.amazonaws.com",
            public_prefixes=object_keys.PUBLIC_PREFIXES,
            private_prefixes=object_keys.PRIVATE_PREFIXES if section.signing_public_keys else (),
            signing_public_keys=section.signing_public_keys,
            aliases=[section.host_name] if section.host_name is not None else (),
            certificate_arn=certificate.arn if certificate else None,
            cors_origins=settings.cors_origins,
            price_class=section.price_class,
            geo_restriction="blacklist" if section.blocked_countries else "none",
            geo_locations=section.blocked_countries,
            access_log_bucket_arn=foundation.access_logs_arn,
        ),
        opts,
    )
    if section.host_name is not None and address.zone is not None:
        address.zone.add_alias_records(
            "media",
            host_name=section.host_name,
            target_domain_name=delivery.domain_name,
            target_zone_id=delivery.hosted_zone_id,
        )
    return delivery


def create_front_door(deployment: Deployment, balancer: LoadBalancer, address: Address) -> WebFirewall | None:
    """Point the domain at the load balancer, and attach the firewall if there is one."""
    settings = deployment.settings
    if address.zone is not None:
        address.zone.add_alias_records(
            "api",
            host_name=settings.domain,
            target_domain_name=balancer.dns_name,
            target_zone_id=balancer.zone_id,
        )
    if settings.edge.requests_per_address is None:
        return None
    return WebFirewall(
        "firewall",
        WebFirewallArgs(
            naming=deployment.naming,
            resource_name="api",
            rate_per_five_minutes=settings.edge.requests_per_address,
            counted_rules=COUNTED_RULES,
            log_retention_days=settings.log_retention_days,
            resource_arns={"load-balancer": balancer.arn},
        ),
        deployment.opts,
    )
