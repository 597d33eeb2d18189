"""Answers the data sources that a program may ask for (`aws.get_region()` and friends)."""

import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from local.provider.policy_document import policy_document
from local.provider.requests.api import Api
from local.provider.resource_types.problem import ProblemError


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Who asks: the region, the account, the provider's default tags, and the emulator where there is one."""

    region: str
    account_id: str
    default_tags: Mapping[str, str]
    api: Api | None


def answer(
    token: str,
    args: Mapping[str, Any],
    *,
    region: str,
    account_id: str,
    default_tags: Mapping[str, str],
    api: Api | None = None,
) -> dict[str, Any]:
    """The data source's answer (camelCase). Without an `api` what only AWS knows is plausible instead of asked.

    Raises ProblemError for a data source that is not known here.
    """
    if token not in _SOURCES:
        known = ", ".join(sorted(name.rpartition(":")[2] for name in _SOURCES))
        raise ProblemError(f"this data source is not known here; known are {known}")
    setting = Setting(region=region, account_id=account_id, default_tags=default_tags, api=api)
    return _SOURCES[token](args, setting)


def _caller_identity(_: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    account = setting.account_id
    return {"id": account, "accountId": account, "userId": account, "arn": f"arn:aws:iam::{account}:root"}


def _region(args: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    region = args.get("region") or args.get("name") or setting.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "description": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
    }


def _partition(_: Mapping[str, Any], __: Setting) -> dict[str, Any]:
    return {"id": "aws", "partition": "aws", "dnsSuffix": "amazonaws.com", "reverseDnsPrefix": "com.amazonaws"}


def _availability_zones(args: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    zones = _zones(args, setting)
    zones = [
        zone
        for zone in zones
        if zone["ZoneName"] not in (args.get("excludeNames") or ())
        and zone["ZoneId"] not in (args.get("excludeZoneIds") or ())
        and zone["State"] == (args.get("state") or zone["State"])
    ]
    return {
        "id": setting.region,
        "region": setting.region,
        "names": [zone["ZoneName"] for zone in zones],
        "zoneIds": [zone["ZoneId"] for zone in zones],
        "groupNames": sorted({zone.get("GroupName") or setting.region for zone in zones}),
        **{key: args[key] for key in ("state", "filters", "excludeNames", "excludeZoneIds") if args.get(key)},
    }


def _zones(args: Mapping[str, Any], setting: Setting) -> list[dict[str, Any]]:
    if setting.api is None:
        return [
            {"ZoneName": f"{setting.region}{letter}", "ZoneId": f"{setting.region}-az{number}", "State": "available"}
            for number, letter in enumerate("abc", start=1)
        ]
    filters = [{"Name": each["name"], "Values": each["values"]} for each in args.get("filters") or ()]
    found = setting.api.call("ec2", "describe_availability_zones", {"Filters": filters} if filters else {})
    return list(found["AvailabilityZones"])


def _policy_document(args: Mapping[str, Any], _: Setting) -> dict[str, Any]:
    document = policy_document(args)
    text = json.dumps(document, indent=2)
    return {
        **args,
        "id": str(zlib.crc32(text.encode())),
        "json": text,
        "minifiedJson": json.dumps(document, separators=(",", ":")),
    }


def _default_tags(_: Mapping[str, Any], setting: Setting) -> dict[str, Any]:
    return {"id": setting.region, "tags": dict(setting.default_tags)}


_SOURCES: Mapping[str, Callable[[Mapping[str, Any], Setting], dict[str, Any]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getAvailabilityZones:getAvailabilityZones": _availability_zones,
    "aws:index/getDefaultTags:getDefaultTags": _default_tags,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
}
