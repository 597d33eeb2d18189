"""Load balancers, target groups, listeners and rules. The runner listens on this machine.

Attributes are a list of keys and values; the keys are not in the service models, so they are listed here. In Pulumi they are
flat inputs, or members of objects.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, Inputs, ResourceType

_LOGS = {"bucket": "bucket", "enabled": "enabled", "prefix": "prefix"}
_LOAD_BALANCER_ATTRIBUTES = {
    **{f"accessLogs.{name}": f"access_logs.s3.{key}" for name, key in _LOGS.items()},
    **{f"connectionLogs.{name}": f"connection_logs.s3.{key}" for name, key in _LOGS.items()},
    **{f"healthCheckLogs.{name}": f"health_check_logs.s3.{key}" for name, key in _LOGS.items()},
    "clientKeepAlive": "client_keep_alive.seconds",
    "desyncMitigationMode": "routing.http.desync_mitigation_mode",
    "dnsRecordClientRoutingPolicy": "dns_record.client_routing_policy",
    "dropInvalidHeaderFields": "routing.http.drop_invalid_header_fields.enabled",
    "enableCrossZoneLoadBalancing": "load_balancing.cross_zone.enabled",
    "enableDeletionProtection": "deletion_protection.enabled",
    "enableHttp2": "routing.http2.enabled",
    "enableTlsVersionAndCipherSuiteHeaders": "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
    "enableWafFailOpen": "waf.fail_open.enabled",
    "enableXffClientPort": "routing.http.xff_client_port.enabled",
    "enableZonalShift": "zonal_shift.config.enabled",
    "idleTimeout": "idle_timeout.timeout_seconds",
    "preserveHostHeader": "routing.http.preserve_host_header.enabled",
    "secondaryIpsAutoAssignedPerSubnet": "secondary_ips.auto_assigned.per_subnet",
    "xffHeaderProcessingMode": "routing.http.xff_header_processing.mode",
}
_TARGET_GROUP_ATTRIBUTES = {
    "connectionTermination": "deregistration_delay.connection_termination.enabled",
    "deregistrationDelay": "deregistration_delay.timeout_seconds",
    "lambdaMultiValueHeadersEnabled": "lambda.multi_value_headers.enabled",
    "loadBalancingAlgorithmType": "load_balancing.algorithm.type",
    "loadBalancingAnomalyMitigation": "load_balancing.algorithm.anomaly_mitigation",
    "loadBalancingCrossZoneEnabled": "load_balancing.cross_zone.enabled",
    "preserveClientIp": "preserve_client_ip.enabled",
    "proxyProtocolV2": "proxy_protocol_v2.enabled",
    "slowStart": "slow_start.duration_seconds",
}
_REQUEST_HEADERS = (
    *(f"XAmznMtlsClientcert{part}" for part in ("", "Issuer", "Leaf", "SerialNumber", "Subject", "Validity")),
    "XAmznTlsCipherSuite",
    "XAmznTlsVersion",
)
_RESPONSE_HEADERS = (
    *(f"AccessControlAllow{part}" for part in ("Credentials", "Headers", "Methods", "Origin")),
    "AccessControlExposeHeaders",
    "AccessControlMaxAge",
    "ContentSecurityPolicy",
    "StrictTransportSecurity",
    "XContentTypeOptions",
    "XFrameOptions",
)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower()


_LISTENER_ATTRIBUTES = {
    **{
        f"routingHttpRequest{header}HeaderName": f"routing.http.request.{_snake(header)}.header_name"
        for header in _REQUEST_HEADERS
    },
    **{
        f"routingHttpResponse{header}HeaderValue": f"routing.http.response.{_snake(header)}.header_value"
        for header in _RESPONSE_HEADERS
    },
    "routingHttpResponseServerEnabled": "routing.http.response.server.enabled",
    "tcpIdleTimeoutSeconds": "tcp.idle_timeout.seconds",
}
_HEALTH_CHECK = {
    "enabled": "healthCheckEnabled",
    "healthyThreshold": "healthyThresholdCount",
    "interval": "healthCheckIntervalSeconds",
    "matcher": "matcher",
    "path": "healthCheckPath",
    "port": "healthCheckPort",
    "protocol": "healthCheckProtocol",
    "timeout": "healthCheckTimeoutSeconds",
    "unhealthyThreshold": "unhealthyThresholdCount",
}
_CONDITION_FIELDS = {
    "hostHeader": "host-header",
    "httpHeader": "http-header",
    "httpRequestMethod": "http-request-method",
    "pathPattern": "path-pattern",
    "queryStrings": "query-string",
    "sourceIp": "source-ip",
}


def _with_attributes(inputs: Inputs, keys: Mapping[str, str]) -> Inputs:
    """Move the inputs that are attributes in AWS to the list of attributes, as strings, sorted by name."""
    names = {name.partition(".")[0] for name in keys}
    flat = {
        f"{name}.{member}" if isinstance(value, Mapping) else name: item
        for name, value in sorted(inputs.items())
        if name in names and value is not None
        for member, item in (value.items() if isinstance(value, Mapping) else (("", value),))
    }
    unknown = sorted(flat.keys() - keys.keys())
    if unknown:
        raise ResourceError(f"{', '.join(unknown)}: AWS has no such attribute")
    attributes = [{"key": keys[name], "value": _text(value)} for name, value in flat.items() if value is not None]
    rest = {name: value for name, value in inputs.items() if name not in names}
    return {**rest, "attributes": attributes} if attributes else rest


def _text(value: Any) -> str:
    """Return an attribute's value as a string: Pulumi's numbers are floats, AWS's booleans are lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _load_balancer(inputs: Inputs) -> Inputs:
    rest = {name: value for name, value in inputs.items() if name != "internal"}
    scheme = "internal" if inputs.get("internal") else "internet-facing"
    return _with_attributes({**rest, "scheme": scheme}, _LOAD_BALANCER_ATTRIBUTES)


def _target_group(inputs: Inputs) -> Inputs:
    """Convert the health check: its members belong to the group in AWS, and the matcher is a structure."""
    rest = {name: value for name, value in inputs.items() if name != "healthCheck"}
    check = {_HEALTH_CHECK[name]: value for name, value in (inputs.get("healthCheck") or {}).items()}
    if check.get("matcher") is not None:
        check["matcher"] = {"grpcCode" if rest.get("protocolVersion") == "GRPC" else "httpCode": check["matcher"]}
    return _with_attributes({**rest, **check}, _TARGET_GROUP_ATTRIBUTES)


def _listener(inputs: Inputs) -> Inputs:
    return _with_attributes(inputs, _LISTENER_ATTRIBUTES)


def _conditions(inputs: Inputs) -> Inputs:
    """Add each condition's field, which AWS requires although a condition has only one."""
    conditions = []
    for condition in inputs.get("conditions") or []:
        given = {name: value for name, value in condition.items() if value}
        if len(given) != 1 or not given.keys() <= _CONDITION_FIELDS.keys():
            raise ResourceError(f"conditions: each must be exactly one of {', '.join(_CONDITION_FIELDS)}")
        ((name, value),) = given.items()
        member = ("queryStringConfig", {"values": value}) if name == "queryStrings" else (name, value)
        conditions.append({"field": _CONDITION_FIELDS[name], member[0]: member[1]})
    return {**inputs, "conditions": conditions}


def _arn_suffix(member: str, separator: str) -> Callable[[Inputs, KnownValues], str]:
    """Return the part of the ARN that is the resource's name in CloudWatch's dimensions."""

    def make(_: Inputs, known: KnownValues) -> str:
        return str(known.resolve(f"{{{member}}}")).rpartition(separator)[2]

    return make


def _actions(name: str) -> dict[str, str]:
    return {
        f"{name}.forward": "ForwardConfig",
        f"{name}.forward.targetGroups.arn": "TargetGroupArn",
        f"{name}.forward.stickiness": "TargetGroupStickinessConfig",
        f"{name}.forward.stickiness.duration": "DurationSeconds",
    }


TYPES = (
    ResourceType(
        "aws:lb/loadBalancer:LoadBalancer",
        "elbv2.create_load_balancer",
        {"loadBalancerType": "Type"},
        id="{LoadBalancerArn}",
        unsupported=(
            "enforceSecurityGroupInboundRulesOnPrivateLinkTraffic",
            "minimumLoadBalancerCapacity",
            "subnetMappings",
        ),
        defaults={"loadBalancerType": "application"},
        prepare=_load_balancer,
        prepared=("internal", *sorted({name.partition(".")[0] for name in _LOAD_BALANCER_ATTRIBUTES})),
        then=(Call(operation="modify_load_balancer_attributes"),),
        outputs={
            "arn": "{LoadBalancerArn}",
            "arnSuffix": _arn_suffix("LoadBalancerArn", ":loadbalancer/"),
            "dnsName": "{DNSName}",
            "zoneId": "{CanonicalHostedZoneId}",
        },
    ),
    ResourceType(
        "aws:lb/targetGroup:TargetGroup",
        "elbv2.create_target_group",
        id="{TargetGroupArn}",
        # Nested attributes, most of them for network load balancers.
        unsupported=("stickiness", "targetFailovers", "targetGroupHealth", "targetHealthStates"),
        prepare=_target_group,
        prepared=("healthCheck", *_TARGET_GROUP_ATTRIBUTES),
        then=(Call(operation="modify_target_group_attributes"),),
        outputs={"arn": "{TargetGroupArn}", "arnSuffix": _arn_suffix("TargetGroupArn", ":")},
    ),
    ResourceType(
        "aws:lb/listener:Listener",
        "elbv2.create_listener",
        {"certificateArn": "Certificates.CertificateArn", **_actions("defaultActions")},
        id="{ListenerArn}",
        prepare=_listener,
        prepared=tuple(_LISTENER_ATTRIBUTES),
        then=(Call(operation="modify_listener_attributes"),),
        outputs={"arn": "{ListenerArn}"},
    ),
    ResourceType(
        "aws:lb/listenerRule:ListenerRule",
        "elbv2.create_rule",
        _actions("actions"),
        id="{RuleArn}",
        prepare=_conditions,
        prepared=("conditions",),
        outputs={"arn": "{RuleArn}"},
    ),
)
