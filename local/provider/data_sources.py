"""The data sources that a program may read, such as `aws.get_region()`."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.provider.policy_document import make_policy_document
from local.provider.requests.api import Api
from local.provider.resource_types.errors import ResourceError


@dataclass(frozen=True, kw_only=True)
class Context:
    """The context of a read: region, account, the provider's default tags, and the emulator's API if one is running."""

    region: str
    account_id: str
    default_tags: Mapping[str, str]
    api: Api | None


def read_data_source(
    token: str,
    args: Mapping[str, Any],
    *,
    region: str,
    account_id: str,
    default_tags: Mapping[str, str],
    api: Api | None = None,
) -> dict[str, Any]:
    """Return the data source's result (camelCase). Without an `api`, values that only AWS knows are placeholders.

    Raises:
        ResourceError: The data source is not supported.
    """
    if token not in _SOURCES:
        supported = ", ".join(sorted(name.rpartition(":")[2] for name in _SOURCES))
        raise ResourceError(f"unsupported data source; supported are {supported}")
    context = Context(region=region, account_id=account_id, default_tags=default_tags, api=api)
    return _SOURCES[token](args, context)


def _caller_identity(_: Mapping[str, Any], context: Context) -> dict[str, Any]:
    account = context.account_id
    return {"id": account, "accountId": account, "userId": account, "arn": f"arn:aws:iam::{account}:root"}


def _region(args: Mapping[str, Any], context: Context) -> dict[str, Any]:
    region = args.get("region") or args.get("name") or context.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _partition(_: Mapping[str, Any], __: Context) -> dict[str, Any]:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _availability_zones(args: Mapping[str, Any], context: Context) -> dict[str, Any]:
    zones = _zones(args, context)
    zones = [
        zone
        for zone in zones
        if zone["ZoneName"] not in (args.get("excludeNames") or ())
        and zone["ZoneId"] not in (args.get("excludeZoneIds") or ())
        and zone["State"] == (args.get("state") or zone["State"])
    ]
    return {
        "id": context.region,
        "region": context.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or context.region for zone in zones}),
        **{key: args[key] for key in ("state", "filters", "excludeNames", "excludeZoneIds") if args.get(key)},
    }


def _zones(args: Mapping[str, Any], context: Context) -> list[dict[str, Any]]:
    if context.api is None:
        return [
            {"ZoneName": f"{context.region}{letter}", "ZoneId": f"{context.region}-az{number}", "State": "available"}
            for number, letter in enumerate("abc", start=1)
        ]
    filters = [{"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or ()]
    found = context.api.call("ec2", "describe_availability_zones", {"Filters": filters} if filters else {})
    return list(found["AvailabilityZones"])


def _policy_document(args: Mapping[str, Any], _: Context) -> dict[str, Any]:
    document = make_policy_document(args)
    text = json.dumps(document, indent=2)
    return {
        **args,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _default_tags(_: Mapping[str, Any], context: Context) -> dict[str, Any]:
    return {"id": context.region, "tags": dict(context.default_tags)}


_SOURCES: Mapping[str, Callable[[Mapping[str, Any], Context], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
