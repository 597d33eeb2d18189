"""CloudFront, and the delivery of its logs. What serves a distribution on this machine is the runner's.

CloudFront writes each list as its items and their number, which is what the functions here are for.
"""

import uuid
from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import FromResponse, Inputs, ResourceType

# Every distribution's, whoever owns it.
_ALIAS_ZONE = "Z2FDTNDATAQYW2"
_ARN = "arn:aws:cloudfront::{Account}:"


def _counted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _counted(item) for name, item in value.items()}
    if isinstance(value, list):
        return {"quantity": len(value), "items": [_counted(item) for item in value]}
    return value


def _behavior(given: Mapping[str, Any]) -> dict[str, Any]:
    """Methods that are cached belong to those that are allowed; key groups are switched on by being named."""
    behavior: dict[str, Any] = _counted({name: item for name, item in given.items() if item is not None})
    if "cachedMethods" in behavior:
        behavior.setdefault("allowedMethods", {})["cachedMethods"] = behavior.pop("cachedMethods")
    for trusted in ("trustedKeyGroups", "trustedSigners"):
        if trusted in behavior:
            behavior[trusted]["enabled"] = bool(behavior[trusted]["items"])
    return behavior


def _origin(given: Mapping[str, Any]) -> dict[str, Any]:
    """An origin that is nothing else is a bucket, and CloudFront wants to be told."""
    origin = {name: _counted(item) for name, item in given.items() if item is not None}
    origin["id"] = origin.pop("originId")
    if not origin.keys() & {"customOriginConfig", "vpcOriginConfig"}:
        origin.setdefault("s3OriginConfig", {"originAccessIdentity": ""})
    return origin


def _distribution(inputs: Inputs) -> Inputs:
    prepared = {**inputs, "callerReference": str(uuid.uuid4()), "tags": inputs.get("tags") or {}}
    prepared["origins"] = _counted([_origin(origin) for origin in inputs.get("origins") or ()])
    if "defaultCacheBehavior" in inputs:
        prepared["defaultCacheBehavior"] = _behavior(inputs["defaultCacheBehavior"])
    if behaviors := prepared.pop("orderedCacheBehaviors", None):
        behaviors = [_behavior(each) for each in behaviors]
        prepared["cacheBehaviors"] = {"quantity": len(behaviors), "items": behaviors}
    for name in ("aliases", "customErrorResponses"):
        if name in inputs:
            prepared[name] = _counted(inputs[name])
    restriction = dict((inputs.get("restrictions") or {}).get("geoRestriction") or {"restrictionType": "none"})
    countries = _counted(restriction.pop("locations", None) or [])
    prepared["restrictions"] = {"geoRestriction": {**restriction, **countries}}
    return prepared


def _called_once(inputs: Inputs) -> Inputs:
    return {**inputs, "callerReference": str(uuid.uuid4())}


def _id_of_policy(inputs: Inputs, _: Facts) -> str:
    """As AWS gives them, but the same for the same name."""
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
        outputs={"hostedZoneId": _ALIAS_ZONE, "etag": FromResponse("ETag")},
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
        # The emulator has no stages: what it holds is as good as published, and nothing runs it.
        ignore=("publish",),
        unsupported=("keyValueStoreAssociations",),
        defaults={"comment": ""},
        outputs={"arn": _ARN + "function/{Name}", "etag": FromResponse("ETag"), "status": "UNASSOCIATED"},
    ),
    ResourceType(
        "aws:cloudfront/publicKey:PublicKey",
        "cloudfront.create_public_key",
        id="{Id}",
        prepare=_called_once,
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
        id=_id_of_policy,
        recorded_only="the emulator has no cache policies, so nothing is cached by this one",
        outputs={"arn": _ARN + "cache-policy/{Id}"},
    ),
    ResourceType(
        "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
        None,
        id=_id_of_policy,
        recorded_only="the emulator has no response headers policies, so nothing adds these headers",
        outputs={"arn": _ARN + "response-headers-policy/{Id}"},
    ),
)
