"""Definitions of distributions: cache behaviors in their order, with their policies and keys."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from local.compute.cloudfront.bucket_policy import matches_wildcard

READ_METHODS = frozenset({"GET", "HEAD"})
BUCKET_DOMAIN = re.compile(r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-][a-z0-9-]+\.amazonaws\.com")
ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class UnsupportedInputError(Exception):
    """An input is not supported on this machine. The message begins with the input's name."""


@dataclass(frozen=True, kw_only=True)
class CachePolicy:
    """A cache policy: TTLs in seconds, and the query parameters and headers in the cache key."""

    min_ttl: float = 0
    default_ttl: float = 86_400
    max_ttl: float = 31_536_000
    queries: str = "none"
    query_names: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    enables_gzip: bool = False

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> "CachePolicy":
        """Read a resource's inputs.

        Raises:
            UnsupportedInputError: The policy uses cookies.
        """
        parameters = inputs.get("parametersInCacheKeyAndForwardedToOrigin") or {}
        if _option(parameters, "cookiesConfig", "cookieBehavior") != "none":
            raise UnsupportedInputError("cookiesConfig: not supported on this machine")
        queries = parameters.get("queryStringsConfig") or {}
        headers = parameters.get("headersConfig") or {}
        return cls(
            min_ttl=float(inputs.get("minTtl") or 0),
            default_ttl=float(cls.default_ttl if inputs.get("defaultTtl") is None else inputs["defaultTtl"]),
            max_ttl=float(cls.max_ttl if inputs.get("maxTtl") is None else inputs["maxTtl"]),
            queries=_option(parameters, "queryStringsConfig", "queryStringBehavior"),
            query_names=_items(queries.get("queryStrings")),
            headers=tuple(name.lower() for name in _items(headers.get("headers"))),
            enables_gzip=bool(parameters.get("enableAcceptEncodingGzip")),
        )

    def key(self, path: str, query: str, header: Callable[[str], str | None]) -> tuple[str, ...]:
        """Return the cache key of a request."""
        segments = [segment for segment in query.split("&") if segment]
        named = [segment for segment in segments if segment.partition("=")[0] in self.query_names]
        others = [segment for segment in segments if segment not in named]
        included = {"none": [], "all": segments, "whitelist": named, "allExcept": others}[self.queries]
        return (path, "&".join(included), *(header(name) or "" for name in self.headers))


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """A cache behavior. `keys` are the public keys, by id, that are accepted for signed URLs."""

    pattern: str
    cache: CachePolicy
    headers: Mapping[str, Any] = field(default_factory=dict)
    allowed_methods: frozenset[str] = READ_METHODS
    compresses: bool = False
    requires_signature: bool = False
    keys: Mapping[str, rsa.RSAPublicKey] = field(default_factory=dict)
    has_function: bool = False

    def matches(self, path: str) -> bool:
        """Whether a normalised path matches the pattern, whose leading slash is optional."""
        return matches_wildcard(self.pattern if self.pattern.startswith(("/", "*")) else f"/{self.pattern}", path)


@dataclass(frozen=True, kw_only=True)
class DistributionDefinition:
    """A distribution. The last behavior is the default."""

    id: str
    arn: str
    domain_name: str
    aliases: tuple[str, ...]
    enabled: bool
    bucket: str
    origin_path: str
    behaviors: tuple[Behavior, ...]

    def behavior(self, raw_path: str) -> Behavior:
        """Return the first behavior that matches the path."""
        path = normalise_path(raw_path)
        return next(behavior for behavior in self.behaviors if behavior.matches(path))


@dataclass(kw_only=True)
class ReferencedResources:
    """The registered resources that distributions refer to, by id."""

    cache_policies: dict[str, CachePolicy] = field(default_factory=dict)
    headers_policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    public_keys: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)
    key_groups: dict[str, Mapping[str, rsa.RSAPublicKey]] = field(default_factory=dict)
    access_controls: set[str] = field(default_factory=set)

    def define(self, id: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> DistributionDefinition:  # noqa: A002
        """Read a distribution's inputs and outputs.

        Raises:
            UnsupportedInputError: An input is not supported on this machine, or names a resource that is not registered.
        """
        if inputs.get("originGroups"):
            raise UnsupportedInputError("originGroups: not supported on this machine")
        origins: Sequence[Mapping[str, Any]] = inputs.get("origins") or []
        if len(origins) != 1:
            raise UnsupportedInputError("origins: exactly one is supported on this machine")
        origin = origins[0]
        domain = BUCKET_DOMAIN.fullmatch(str(origin.get("domainName")))
        if domain is None or origin.get("customOriginConfig") or origin.get("vpcOriginConfig"):
            raise UnsupportedInputError(
                "origins: only buckets, by their regional domain names, are supported on this machine"
            )
        if origin.get("originAccessControlId") not in self.access_controls:
            raise UnsupportedInputError("originAccessControlId: required, because S3 would reject unsigned requests")
        ordered = [self._behavior(each) for each in inputs.get("orderedCacheBehaviors") or ()]
        return DistributionDefinition(
            id=id,
            arn=str(outputs["arn"]),
            domain_name=str(outputs["domainName"]),
            aliases=tuple(inputs.get("aliases") or ()),
            enabled=bool(inputs.get("enabled")),
            bucket=domain["bucket"],
            origin_path=str(origin.get("originPath") or ""),
            behaviors=(*ordered, self._behavior({**inputs["defaultCacheBehavior"], "pathPattern": "*"})),
        )

    def _behavior(self, given: Mapping[str, Any]) -> Behavior:
        for name in ("forwardedValues", "lambdaFunctionAssociations", "originRequestPolicyId", "trustedSigners"):
            if given.get(name):
                raise UnsupportedInputError(f"{name}: not supported on this machine")
        methods = frozenset(given.get("allowedMethods") or READ_METHODS)
        if methods - READ_METHODS:
            raise UnsupportedInputError("allowedMethods: only GET and HEAD are supported on this machine")
        groups = given.get("trustedKeyGroups") or ()
        headers = given.get("responseHeadersPolicyId")
        return Behavior(
            pattern=str(given["pathPattern"]),
            cache=_find(self.cache_policies, "cachePolicyId", given.get("cachePolicyId")),
            headers=_find(self.headers_policies, "responseHeadersPolicyId", headers) if headers else {},
            allowed_methods=methods,
            compresses=bool(given.get("compress")),
            requires_signature=bool(groups),
            keys={
                key_id: key
                for group in groups
                for key_id, key in _find(self.key_groups, "trustedKeyGroups", group).items()
            },
            has_function=bool(given.get("functionAssociations")),
        )


def normalise_path(raw_path: str) -> str:
    """Normalise a path as CloudFront does for matching: percent-encoding, repeated slashes and dot segments."""

    def decoded(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if UNRESERVED.fullmatch(character) else found[0].upper()

    path = re.sub(r"/+", "/", ENCODED.sub(decoded, raw_path)) or "/"
    return posixpath.normpath(path) + ("/" if path.endswith("/") and path != "/" else "")


def _find(resources: Mapping[str, Any], name: str, resource_id: Any) -> Any:
    if resource_id not in resources:
        raise UnsupportedInputError(f"{name}: no resource is registered as {resource_id!r}")
    return resources[resource_id]


def _option(parameters: Mapping[str, Any], section: str, name: str) -> str:
    return str((parameters.get(section) or {}).get(name) or "none")


def _items(listed: Mapping[str, Sequence[str]] | None) -> tuple[str, ...]:
    return tuple((listed or {}).get("items") or ())
