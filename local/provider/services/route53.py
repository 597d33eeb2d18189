"""Route 53: zones and their records. The emulator answers no DNS query."""

import uuid
from collections.abc import Mapping
from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


class _LastStep(str):
    """A template whose value is what stands behind its last slash: Route 53 answers paths and takes bare ids."""

    __slots__ = ()

    def format_map(self, fields: Mapping[str, object], /) -> str:  # type: ignore[override]  # what Facts fills it from
        return super().format_map(fields).rpartition("/")[2]


_ZONE_ID = _LastStep("{Location}")


def _called_once(inputs: Inputs) -> Inputs:
    return {**inputs, "callerReference": str(uuid.uuid4())}


def _change(inputs: Inputs) -> Inputs:
    """A record is a batch of one change."""
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


def _record_id(inputs: Inputs, _: Facts) -> Any:
    steps = [inputs["zoneId"], inputs["name"].rstrip("."), inputs["type"], inputs.get("setIdentifier")]
    return "_".join(step for step in steps if step)


TYPES = (
    ResourceType(
        "aws:route53/zone:Zone",
        "route53.create_hosted_zone",
        id=_ZONE_ID,
        ignore=("forceDestroy",),
        unsupported=("delegationSetId", "enableAcceleratedRecovery", "vpcs"),
        prepare=_called_once,
        then=(
            Call(
                operation="change_tags_for_resource",
                rename={"tags": "AddTags"},
                given={"ResourceType": "hostedzone", "ResourceId": _ZONE_ID},
            ),
        ),
        outputs={
            "arn": lambda _, facts: f"arn:aws:route53:::hostedzone/{facts.resolve(_ZONE_ID)}",
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
