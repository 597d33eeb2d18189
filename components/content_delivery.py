"""A CloudFront distribution of a private bucket: only named prefixes are served, over HTTPS, some of them by signed URL only."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import pulumi
import pulumi_aws as aws

from components import bucket_policies, policies
from components.arguments import HOST_NAME, check, check_choice, check_unique, is_plain
from components.choices import EDGE_REGION, PriceClass
from components.delivery_rules import (
    CACHE_KEY,
    ONE_YEAR,
    SECURITY_HEADERS,
    cors_config,
    create_default_response,
    create_log_delivery,
)
from components.naming import Naming

GeoRestriction = Literal["none", "whitelist", "blacklist"]

ORIGIN_ID = "bucket"
# No path segment may begin with a dot: clients and CloudFront resolve `..`, S3 does not.
PREFIX = re.compile(r"([A-Za-z0-9_-][A-Za-z0-9_.-]*/)+")
WEB_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")
KEY_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
PUBLIC_KEY = re.compile(r"-----BEGIN PUBLIC KEY-----\n([A-Za-z0-9+/=]{1,76}\n)+-----END PUBLIC KEY-----")
MAX_KEYS_PER_GROUP = 5
# For objects without Cache-Control; with it, an object is cached as it says, up to a year.
DEFAULT_CACHE_SECONDS = 86_400


@dataclass(frozen=True, kw_only=True)
class ContentDeliveryArgs:
    """A distribution and the prefixes of its bucket that it serves. A prefix is like `thumbnails/`; none may contain another."""

    naming: Naming
    resource_name: str
    """`media` names the distribution and its policies `{project}-media-{environment}`."""
    bucket_arn: pulumi.Input[str]
    bucket_regional_domain_name: pulumi.Input[str]
    public_prefixes: Sequence[str] = ()
    """Served to everybody."""
    private_prefixes: Sequence[str] = ()
    """Served to URLs that one of the signing keys has signed."""
    signing_public_keys: Mapping[str, str] = field(default_factory=dict)
    """By name, as PEM. To rotate a key, add the new one, sign with it, then remove the old one."""
    aliases: Sequence[str] = ()
    certificate_arn: pulumi.Input[str] | None = None
    """A certificate for the aliases, in us-east-1."""
    cors_origins: Sequence[str] = ()
    """Origins whose scripts may read responses; pages may show images without it."""
    price_class: PriceClass = "PriceClass_100"
    geo_restriction: GeoRestriction = "none"
    geo_locations: Sequence[str] = ()
    """Two-letter country codes: the only countries that are served (whitelist), or those that are not (blacklist)."""
    access_log_bucket_arn: pulumi.Input[str] | None = None
    """A bucket whose policy has `bucket_policies.accept_distribution_logs`; None for no access logs."""

    def __post_init__(self) -> None:
        check(self, "resource_name", bool(self.resource_name), "must not be empty")
        self._check_prefixes()
        self._check_keys()
        self._check_addresses()
        check_choice(self, "price_class", get_args(PriceClass))
        check_choice(self, "geo_restriction", get_args(GeoRestriction))
        check_unique(self, "geo_locations", self.geo_locations)
        for country in self.geo_locations:
            shape = bool(re.fullmatch(r"[A-Z]{2}", country))
            check(self, "geo_locations", shape, f"must be country codes such as DE, not {country!r}")
        restricted = self.geo_restriction != "none"
        problem = "must be given with a geo_restriction, and only with one"
        check(self, "geo_locations", restricted == bool(self.geo_locations), problem)

    def _check_prefixes(self) -> None:
        every = [*self.public_prefixes, *self.private_prefixes]
        check(self, "public_prefixes", bool(every), "must not be empty if private_prefixes is")
        for name in ("public_prefixes", "private_prefixes"):
            for prefix in getattr(self, name):
                check(self, name, bool(PREFIX.fullmatch(prefix)), f"must be like thumbnails/, not {prefix!r}")
                # CloudFront selects a cache behavior before it decodes `%2F`, and S3 decodes it: a private prefix inside a
                # public one could be reached without a signature.
                inside = [other for other in every if prefix.startswith(other)]
                check(self, name, inside == [prefix], f"must not overlap: {prefix} is in another prefix")

    def _check_keys(self) -> None:
        keys = self.signing_public_keys
        signed = bool(keys) or not self.private_prefixes
        check(self, "signing_public_keys", signed, "must have a key: private prefixes could not be reached")
        check(self, "signing_public_keys", len(keys) <= MAX_KEYS_PER_GROUP, f"must be at most {MAX_KEYS_PER_GROUP}")
        for name, pem in keys.items():
            named = bool(KEY_NAME.fullmatch(name))
            check(self, "signing_public_keys", named, f"must be named with lower-case words and hyphens, not {name!r}")
            public = bool(PUBLIC_KEY.fullmatch(pem.strip()))
            check(self, "signing_public_keys", public, f"must be public keys in PEM, which {name} is not")

    def _check_addresses(self) -> None:
        check_unique(self, "aliases", self.aliases)
        for alias in self.aliases:
            check(self, "aliases", bool(HOST_NAME.fullmatch(alias)), f"must be host names, not {alias!r}")
        paired = bool(self.aliases) == (self.certificate_arn is not None)
        check(self, "certificate_arn", paired, "must be given with aliases, and only with them")
        if is_plain(self.certificate_arn):
            is_edge = f":acm:{EDGE_REGION}:" in str(self.certificate_arn)
            check(self, "certificate_arn", is_edge, f"must be in {EDGE_REGION}, not {self.certificate_arn!r}")
        for origin in self.cors_origins:
            check(self, "cors_origins", bool(WEB_ORIGIN.fullmatch(origin)), f"must be exact origins, not {origin!r}")


class ContentDelivery(pulumi.ComponentResource):
    """The distribution with its cache, response header and origin access policies.

    The bucket's policy must include `bucket_statements`. Missing objects return 403, as forbidden ones do, because the
    distribution cannot list the bucket. It only needs the bucket's name, so that the bucket's policy may name the distribution.
    """

    domain_name: pulumi.Output[str]
    """The distribution's own domain name, the target of alias records."""
    url: pulumi.Output[str]
    """The URL for clients, without a trailing slash: the first alias, or the domain name."""
    distribution_id: pulumi.Output[str]
    arn: pulumi.Output[str]
    hosted_zone_id: pulumi.Output[str]
    """The hosted zone id of `domain_name`, for alias records."""
    key_group_id: pulumi.Output[str] | None
    public_key_ids: Mapping[str, pulumi.Output[str]]
    """`Key-Pair-Id` of signed URLs, by the names of the keys."""

    def __init__(self, name: str, args: ContentDeliveryArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:ContentDelivery", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)
        self._physical = args.naming.physical(args.resource_name)

        self._create_key_group()
        self._create_policies()
        self._forbidden = create_default_response(
            name, args.naming.physical(f"{args.resource_name}-refusal"), child=self._child
        )
        self._create_distribution()
        self._create_log_delivery()

        distribution = self._distribution
        self.domain_name = distribution.domain_name
        self.url = pulumi.Output.all(
            distribution.domain_name,
            distribution.aliases,
            distribution.default_cache_behavior.viewer_protocol_policy,
        ).apply(_url)
        self.distribution_id = distribution.id
        self.arn = distribution.arn
        self.hosted_zone_id = distribution.hosted_zone_id
        self.register_outputs({"url": self.url, "distribution_id": self.distribution_id})

    def bucket_statements(self) -> list[policies.Statement]:
        """Return the bucket policy statements that let this distribution, and no other, read the prefixes."""
        prefixes = [*self._args.public_prefixes, *self._args.private_prefixes]
        return [bucket_policies.allow_distribution_read(self._args.bucket_arn, prefixes, self.arn)]

    def _create_key_group(self) -> None:
        args = self._args
        keys = {
            # CloudFront stores a trailing newline; without it every deployment would find a difference.
            name: aws.cloudfront.PublicKey(
                f"{self._name}-key-{name}",
                name=args.naming.replaceable(f"{args.resource_name}-key-{name}", pem.strip()),
                comment=f"Signs URLs of {self._physical}",
                encoded_key=f"{pem.strip()}\n",
                opts=self._child,
            )
            for name, pem in args.signing_public_keys.items()
        }
        self.public_key_ids = {name: key.id for name, key in keys.items()}
        self.key_group_id = None
        if keys:
            group = aws.cloudfront.KeyGroup(
                f"{self._name}-key-group",
                name=self._physical,
                comment=f"Whose signatures {self._physical} accepts",
                items=list(self.public_key_ids.values()),
                opts=self._child,
            )
            self.key_group_id = group.id

    def _create_policies(self) -> None:
        self._access = aws.cloudfront.OriginAccessControl(
            f"{self._name}-origin-access",
            name=self._physical,
            description=f"How {self._physical} signs its requests to the bucket",
            origin_access_control_origin_type="s3",
            signing_behavior="always",
            signing_protocol="sigv4",
            opts=self._child,
        )
        self._cache = aws.cloudfront.CachePolicy(
            f"{self._name}-cache-policy",
            name=self._physical,
            comment=f"What {self._physical} keeps, and for how long",
            min_ttl=0,
            default_ttl=DEFAULT_CACHE_SECONDS,
            max_ttl=ONE_YEAR,
            parameters_in_cache_key_and_forwarded_to_origin=CACHE_KEY,
            opts=self._child,
        )
        self._headers = aws.cloudfront.ResponseHeadersPolicy(
            f"{self._name}-headers-policy",
            name=self._physical,
            comment=f"What {self._physical} adds to its answers",
            security_headers_config=SECURITY_HEADERS,
            cors_config=cors_config(self._args.cors_origins),
            opts=self._child,
        )

    def _create_distribution(self) -> None:
        args = self._args
        behavior: dict[str, Any] = {
            "target_origin_id": ORIGIN_ID,
            "viewer_protocol_policy": "redirect-to-https",
            "allowed_methods": ["GET", "HEAD"],
            "cached_methods": ["GET", "HEAD"],
            "cache_policy_id": self._cache.id,
            "response_headers_policy_id": self._headers.id,
            "compress": True,
        }
        forbid = aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
            event_type="viewer-request", function_arn=self._forbidden.arn
        )
        # No default root object: "/" is denied as well. No origin failover: there is one bucket, and cached objects outlast its
        # outages. Access logs are delivered by resources of their own.
        self._distribution = aws.cloudfront.Distribution(
            f"{self._name}-distribution",
            comment=self._physical,
            enabled=True,
            is_ipv6_enabled=True,
            http_version="http2and3",
            price_class=args.price_class,
            aliases=list(args.aliases),
            origins=[
                aws.cloudfront.DistributionOriginArgs(
                    origin_id=ORIGIN_ID,
                    domain_name=args.bucket_regional_domain_name,
                    origin_access_control_id=self._access.id,
                )
            ],
            default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
                **behavior, function_associations=[forbid]
            ),
            ordered_cache_behaviors=[
                aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                    **behavior,
                    path_pattern=f"/{prefix}*",
                    trusted_key_groups=[self.key_group_id] if private and self.key_group_id is not None else None,
                )
                for prefixes, private in ((args.public_prefixes, False), (args.private_prefixes, True))
                for prefix in prefixes
            ],
            viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True)
            if args.certificate_arn is None
            else aws.cloudfront.DistributionViewerCertificateArgs(
                acm_certificate_arn=args.certificate_arn,
                minimum_protocol_version="TLSv1.2_2021",
                ssl_support_method="sni-only",
            ),
            restrictions=aws.cloudfront.DistributionRestrictionsArgs(
                geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(
                    restriction_type=args.geo_restriction, locations=list(args.geo_locations)
                )
            ),
            opts=self._child,
        )

    def _create_log_delivery(self) -> None:
        if self._args.access_log_bucket_arn is None:
            return
        create_log_delivery(
            self._name,
            self._args.naming.physical(f"{self._args.resource_name}-access"),
            distribution_arn=self._distribution.arn,
            bucket_arn=self._args.access_log_bucket_arn,
            child=self._child,
        )


def _url(known: Sequence[Any]) -> str:
    domain_name, aliases, protocol_policy = known
    # The applied policy decides, not the requested one: a local distribution that enforces no HTTPS need not serve any.
    scheme = "http" if protocol_policy == "allow-all" else "https"
    return f"{scheme}://{aliases[0] if aliases else domain_name}"
