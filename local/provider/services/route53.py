"""Route 53: hosted zones and records. The emulator does not answer DNS queries."""

import uuid
from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


class _LastSegment(str):
    """A template for the part after the last slash: Route 53 returns paths but expects bare ids."""

    __slots__ = ()

    def format_map(self, fields: Mapping[str, object], /) -> str:  # type: ignore[override]  # KnownValues passes a dict
        return super().format_map(fields).rpartition("/")[2]


_ZONE_ID = _LastSegment("{Location}")


def _add_caller_reference(inputs: Inputs) -> Inputs:
    return {**inputs, "callerReference": str(uuid.uuid4())}


def _change(inputs: Inputs) -> Inputs:
    """Convert the record to a change batch with one change."""
    members = ("name", "type", "ttl", "setIdentifier", "healthCheckId")
    record: dict[str, Any] = {member: inputs[member] for member in members if member in inputs}
    if inputs.get("records"):
        record["resourceRecords"] = [{"value": value} for value in inputs["records"]]
    for alias in inputs.get("aliases") or ():
        record["aliasTarget"] = {
            "hostedZoneId": alias["zoneId"],
            "dnsName": alias["name"],
            "evaluateTargetHealth": alias["evaluateTargetHealth"],
        }
    action = "UPSERT" if inputs.get("allowOverwrite") else "CREATE"
    return {"zoneId": inputs["zoneId"], "changes": [{"action": action, "resourceRecordSet": record}]}


def _record_id(inputs: Inputs, _: KnownValues) -> Any:
    parts = [inputs["zoneId"], inputs["name"].rstrip("."), inputs["type"], inputs.get("setIdentifier")]
    return "_".join(part for part in parts if part)


TYPES = (
    ResourceType(
        "aws:route53/zone:Zone",
        "route53.create_hosted_zone",
        id=_ZONE_ID,
        ignore=("forceDestroy",),
        unsupported=("delegationSetId", "enableAcceleratedRecovery", "vpcs"),
        prepare=_add_caller_reference,
        then=(
            Call(
                operation="change_tags_for_resource",
                rename={"tags": "AddTags"},
                parameters={"ResourceType": "hostedzone", "ResourceId": _ZONE_ID},
            ),
        ),
        outputs={
            "arn": lambda _, known: f"arn:aws:route53:::hostedzone/{known.resolve(_ZONE_ID)}",
            "zoneId": _ZONE_ID,
            "nameServers": FromResponse("DelegationSet.NameServers"),
            "primaryNameServer": FromResponse("DelegationSet.NameServers[0]"),
        },
    ),
    ResourceType(
        "aws:route53/record:Record",
        "route53.change_resource_record_sets",
        {"zoneId": "HostedZoneId"},
        id=_record_id,
        unsupported=(
            "cidrRoutingPolicy",
            "failoverRoutingPolicies",
            "geolocationRoutingPolicies",
            "geoproximityRoutingPolicy",
            "latencyRoutingPolicies",
            "multivalueAnswerRoutingPolicy",
            "weightedRoutingPolicies",
        ),
        prepare=_change,
        prepared=("aliases", "allowOverwrite", "healthCheckId", "name", "records", "setIdentifier", "ttl", "type"),
        outputs={"fqdn": lambda inputs, _: inputs["name"].rstrip(".")},
    ),
)
