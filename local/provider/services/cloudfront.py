"""CloudFront distributions and what belongs to them. The runner serves a distribution on this machine.

CloudFront's requests contain each list as a structure of `Quantity` and `Items`, which the functions here create.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import FromResponse, Inputs, ResourceType

# The hosted zone of all distributions.
_ZONE_ID = "Z2FDTNDATAQYW2"
_ARN = "arn:aws:cloudfront::{Account}:"


def _quantity_and_items(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _quantity_and_items(item) for name, item in value.items()}
    if isinstance(value, list):
        return {"quantity": len(value), "items": [_quantity_and_items(item) for item in value]}
    return value


def _behavior(given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert a cache behavior: CloudFront nests cached in allowed methods and has a flag for trusted key groups."""
    behavior: dict[str, Any] = _quantity_and_items({name: item for name, item in given.items() if item is not None})
    if "cachedMethods" in behavior:
        behavior.setdefault("allowedMethods", {})["cachedMethods"] = behavior.pop("cachedMethods")
    for trusted in ("trustedKeyGroups", "trustedSigners"):
        if trusted in behavior:
            behavior[trusted]["enabled"] = bool(behavior[trusted]["items"])
    return behavior


def _origin(given: Mapping[str, Any]) -> dict[str, Any]:
    """Convert an origin: one without a custom or VPC configuration is a bucket and needs an S3OriginConfig."""
    origin = {name: _quantity_and_items(item) for name, item in given.items() if item is not None}
    origin["id"] = origin.pop("originId")
    if not origin.keys() & {"customOriginConfig", "vpcOriginConfig"}:
        origin.setdefault("s3OriginConfig", {"originAccessIdentity": ""})
    return origin


def _distribution(inputs: Inputs) -> Inputs:
    prepared = {**inputs, "callerReference": str(uuid.uuid4()), "tags": inputs.get("tags") or {}}
    prepared["origins"] = _quantity_and_items([_origin(origin) for origin in inputs.get("origins") or ()])
    if "defaultCacheBehavior" in inputs:
        prepared["defaultCacheBehavior"] = _behavior(inputs["defaultCacheBehavior"])
    if behaviors := prepared.pop("orderedCacheBehaviors", None):
        behaviors = [_behavior(each) for each in behaviors]
        prepared["cacheBehaviors"] = {"quantity": len(behaviors), "items": behaviors}
    for name in ("aliases", "customErrorResponses"):
        if name in inputs:
            prepared[name] = _quantity_and_items(inputs[name])
    restriction = dict((inputs.get("restrictions") or {}).get("geoRestriction") or {"restrictionType": "none"})
    countries = _quantity_and_items(restriction.pop("locations", None) or [])
    prepared["restrictions"] = {"geoRestriction": {**restriction, **countries}}
    return prepared


def _add_caller_reference(inputs: Inputs) -> Inputs:
    return {**inputs, "callerReference": str(uuid.uuid4())}


def _policy_id(inputs: Inputs, _: KnownValues) -> str:
    """Return a UUID, as AWS does, but derived from the name."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, inputs["name"]))


TYPES = (
    ResourceType(
        "aws:cloudfront/distribution:Distribution",
        "cloudfront.create_distribution_with_tags",
        {"tags": "DistributionConfigWithTags.Tags.Items"},
        id="{Id}",
        ignore=("retainOnDelete", "waitForDeployment"),
        unsupported=(
            "anycastIpListId",
            "cacheTagConfig",
            "connectionFunctionAssociation",
            "continuousDeploymentPolicyId",
            "loggingConfig",
            "originGroups",
            "staging",
            "viewerMtlsConfig",
        ),
        defaults={"comment": "", "httpVersion": "http2", "priceClass": "PriceClass_All"},
        prepare=_distribution,
        prepared=(
            "aliases",
            "customErrorResponses",
            "defaultCacheBehavior",
            "orderedCacheBehaviors",
            "origins",
            "restrictions",
        ),
        outputs={"hostedZoneId": _ZONE_ID, "etag": FromResponse("ETag")},
    ),
    ResourceType(
        "aws:cloudfront/originAccessControl:OriginAccessControl",
        "cloudfront.create_origin_access_control",
        id="{Id}",
        outputs={"arn": _ARN + "origin-access-control/{Id}", "etag": FromResponse("ETag")},
    ),
    ResourceType(
        "aws:cloudfront/function:Function",
        "cloudfront.create_function",
        {"tags": "Tags.Items"},
        id="{Name}",
        # The emulator has no stages, so there is nothing to publish, and it does not run functions.
        ignore=("publish",),
        unsupported=("keyValueStoreAssociations",),
        defaults={"comment": ""},
        outputs={"arn": _ARN + "function/{Name}", "etag": FromResponse("ETag"), "status": "UNASSOCIATED"},
    ),
    ResourceType(
        "aws:cloudfront/publicKey:PublicKey",
        "cloudfront.create_public_key",
        id="{Id}",
        prepare=_add_caller_reference,
        outputs={"etag": FromResponse("ETag")},
    ),
    ResourceType(
        "aws:cloudfront/keyGroup:KeyGroup",
        "cloudfront.create_key_group",
        id="{Id}",
        outputs={"etag": FromResponse("ETag")},
    ),
    ResourceType(
        "aws:cloudfront/cachePolicy:CachePolicy",
        None,
        id=_policy_id,
        recorded_only="the emulator has no cache policies: this one has no effect",
        outputs={"arn": _ARN + "cache-policy/{Id}"},
    ),
    ResourceType(
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        None,
        id=_policy_id,
        recorded_only="the emulator has no response headers policies: these headers are not added",
        outputs={"arn": _ARN + "response-headers-policy/{Id}"},
    ),
)
