"""A distribution as it was registered: its behaviors in their order, and the policies and keys that they name."""

import posixpath
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa

from local.compute.cloudfront.bucket_rights import like

READING = frozenset({"GET", "HEAD"})
BUCKET_DOMAIN = re.compile(
    r"(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.s3[.-](?P<region>[a-z0-9-]+)\.amazonaws\.com"
)
ENCODED = re.compile(r"%([0-9A-Fa-f]{2})")
UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class UnservedError(Exception):
    """A part of a registration that is not served on this machine, in a sentence that begins with the input's name."""


@dataclass(frozen=True, kw_only=True)
class CachePolicy:
    """How long an answer is kept, in seconds, and which query parameters and headers tell answers apart."""

    minimum: float = 0
    default: float = 86_400
    maximum: float = 31_536_000
    queries: str = "none"
    query_names: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()
    gzip: bool = False

    @classmethod
    def read(cls, inputs: Mapping[str, Any]) -> "CachePolicy":
        """From the resource's inputs. Raises UnservedError."""
        parameters = inputs.get("parametersInCacheKeyAndForwardedToOrigin") or {}
        if _chosen(parameters, "cookiesConfig", "cookieBehavior") != "none":
            raise UnservedError("cookiesConfig: cookies are no part of the cache key on this machine")
        queries = parameters.get("queryStringsConfig") or {}
        headers = parameters.get("headersConfig") or {}
        return cls(
            minimum=float(inputs.get("minTtl") or 0),
            default=float(cls.default if inputs.get("defaultTtl") is None else inputs["defaultTtl"]),
            maximum=float(cls.maximum if inputs.get("maxTtl") is None else inputs["maxTtl"]),
            queries=_chosen(parameters, "queryStringsConfig", "queryStringBehavior"),
            query_names=_items(queries.get("queryStrings")),
            headers=tuple(name.lower() for name in _items(headers.get("headers"))),
            gzip=bool(parameters.get("enableAcceptEncodingGzip")),
        )

    def key(self, path: str, query: str, header: Callable[[str], str | None]) -> tuple[str, ...]:
        """What tells one answer from another."""
        segments = [segment for segment in query.split("&") if segment]
        named = [segment for segment in segments if segment.partition("=")[0] in self.query_names]
        others = [segment for segment in segments if segment not in named]
        kept = {"none": [], "all": segments, "whitelist": named, "allExcept": others}[self.queries]
        return (path, "&".join(kept), *(header(name) or "" for name in self.headers))


@dataclass(frozen=True, kw_only=True)
class Behavior:
    """What happens to the paths of one pattern. `keys` are the public keys, by id, one of which must have signed the URL."""

    pattern: str
    cache: CachePolicy
    headers: Mapping[str, Any] = field(default_factory=dict)
    allowed_methods: frozenset[str] = READING
    compress: bool = False
    signed: bool = False
    keys: Mapping[str, rsa.RSAPublicKey] = field(default_factory=dict)
    decided_by_function: bool = False

    def covers(self, path: str) -> bool:
        """Whether a path, in its normal form, is of the pattern. The slash at the beginning may be left out of a pattern."""
        return like(self.pattern if self.pattern.startswith(("/", "*")) else f"/{self.pattern}", path)


@dataclass(frozen=True, kw_only=True)
class Definition:
    """A distribution. The last behavior is the default one."""

    id: str
    arn: str
    domain_name: str
    aliases: tuple[str, ...]
    enabled: bool
    bucket: str
    bucket_region: str
    origin_path: str
    behaviors: tuple[Behavior, ...]

    def behavior(self, raw_path: str) -> Behavior:
        """The first whose pattern covers the path."""
        path = normal(raw_path)
        return next(behavior for behavior in self.behaviors if behavior.covers(path))


@dataclass(kw_only=True)
class Parts:
    """What distributions may name, by id."""

    cache_policies: dict[str, CachePolicy] = field(default_factory=dict)
    headers_policies: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    public_keys: dict[str, rsa.RSAPublicKey] = field(default_factory=dict)
    key_groups: dict[str, Mapping[str, rsa.RSAPublicKey]] = field(default_factory=dict)
    access_controls: set[str] = field(default_factory=set)

    def define(self, id: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> Definition:  # noqa: A002
        """The distribution that these inputs describe. Raises UnservedError."""
        if inputs.get("originGroups"):
            raise UnservedError("originGroups: there is no failover on this machine")
        origins: Sequence[Mapping[str, Any]] = inputs.get("origins") or []
        if len(origins) != 1:
            raise UnservedError("origins: one bucket is served on this machine")
        origin = origins[0]
        domain = BUCKET_DOMAIN.fullmatch(str(origin.get("domainName")))
        if domain is None or origin.get("customOriginConfig") or origin.get("vpcOriginConfig"):
            raise UnservedError("origins: only buckets, by their regional names, are served on this machine")
        if origin.get("originAccessControlId") not in self.access_controls:
            raise UnservedError("origins: without an origin access control S3 would refuse every request")
        ordered = [self._behavior(each) for each in inputs.get("orderedCacheBehaviors") or ()]
        return Definition(
            id=id,
            arn=str(outputs["arn"]),
            domain_name=str(outputs["domainName"]),
            aliases=tuple(inputs.get("aliases") or ()),
            enabled=bool(inputs.get("enabled")),
            bucket=domain["bucket"],
            bucket_region=domain["region"],
            origin_path=str(origin.get("originPath") or ""),
            behaviors=(*ordered, self._behavior({**inputs["defaultCacheBehavior"], "pathPattern": "*"})),
        )

    def _behavior(self, given: Mapping[str, Any]) -> Behavior:
        for name in ("forwardedValues", "lambdaFunctionAssociations", "originRequestPolicyId", "trustedSigners"):
            if given.get(name):
                raise UnservedError(f"{name}: this is not served on this machine")
        methods = frozenset(given.get("allowedMethods") or READING)
        if methods - READING:
            raise UnservedError("allowedMethods: only GET and HEAD are served on this machine")
        groups = given.get("trustedKeyGroups") or ()
        headers = given.get("responseHeadersPolicyId")
        return Behavior(
            pattern=str(given["pathPattern"]),
            cache=_known(self.cache_policies, "cachePolicyId", given.get("cachePolicyId")),
            headers=_known(self.headers_policies, "responseHeadersPolicyId", headers) if headers else {},
            allowed_methods=methods,
            compress=bool(given.get("compress")),
            signed=bool(groups),
            keys={
                key_id: key
                for group in groups
                for key_id, key in _known(self.key_groups, "trustedKeyGroups", group).items()
            },
            decided_by_function=bool(given.get("functionAssociations")),
        )


def normal(raw_path: str) -> str:
    """A path as CloudFront compares it: no needless percent-encoding, no repeated slash, no step that is a dot."""

    def decoded(found: re.Match[str]) -> str:
        character = chr(int(found[1], 16))
        return character if UNRESERVED.fullmatch(character) else found[0].upper()

    path = re.sub(r"/+", "/", ENCODED.sub(decoded, raw_path)) or "/"
    return posixpath.normpath(path) + ("/" if path.endswith("/") and path != "/" else "")


def _known(parts: Mapping[str, Any], name: str, part_id: Any) -> Any:
    if part_id not in parts:
        raise UnservedError(f"{name}: nothing is registered here as {part_id!r}")
    return parts[part_id]


def _chosen(parameters: Mapping[str, Any], section: str, name: str) -> str:
    return str((parameters.get(section) or {}).get(name) or "none")


def _items(listed: Mapping[str, Sequence[str]] | None) -> tuple[str, ...]:
    return tuple((listed or {}).get("items") or ())
