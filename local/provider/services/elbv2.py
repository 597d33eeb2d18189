"""Load balancers, their target groups, listeners and rules. What listens on this machine is the runner's.

Attributes are a list of keys and values that the models do not list, so they stand here. Pulumi keeps them flat, or in objects.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Call, Inputs, ResourceType

_LOGS = {"bucket": "bucket", "enabled": "enabled", "prefix": "prefix"}
_OF_LOAD_BALANCER = {
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
_OF_TARGET_GROUP = {
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


_OF_LISTENER = {
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
_FIELDS = {
    "hostHeader": "host-header",
    "httpHeader": "http-header",
    "httpRequestMethod": "http-request-method",
    "pathPattern": "path-pattern",
    "queryStrings": "query-string",
    "sourceIp": "source-ip",
}


def _with_attributes(inputs: Inputs, keys: Mapping[str, str]) -> Inputs:
    """The inputs with those that are attributes to AWS as its list of them, as text, in the order of their names."""
    names = {name.partition(".")[0] for name in keys}
    flat = {
        f"{name}.{member}" if isinstance(value, Mapping) else name: item
        for name, value in sorted(inputs.items())
        if name in names and value is not None
        for member, item in (value.items() if isinstance(value, Mapping) else (("", value),))
    }
    strange = sorted(flat.keys() - keys.keys())
    if strange:
        raise ProblemError(f"{', '.join(strange)}: AWS has no such attribute")
    attributes = [{"key": keys[name], "value": _text(value)} for name, value in flat.items() if value is not None]
    kept = {name: value for name, value in inputs.items() if name not in names}
    return {**kept, "attributes": attributes} if attributes else kept


def _text(value: Any) -> str:
    """An attribute's value: Pulumi's numbers come with a point, AWS's booleans are lower case."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.0f}" if isinstance(value, float) else str(value)


def _load_balancer(inputs: Inputs) -> Inputs:
    kept = {name: value for name, value in inputs.items() if name != "internal"}
    scheme = "internal" if inputs.get("internal") else "internet-facing"
    return _with_attributes({**kept, "scheme": scheme}, _OF_LOAD_BALANCER)


def _target_group(inputs: Inputs) -> Inputs:
    """A health check's members are the group's own to AWS, and which codes are healthy is a structure."""
    kept = {name: value for name, value in inputs.items() if name != "healthCheck"}
    check = {_HEALTH_CHECK[name]: value for name, value in (inputs.get("healthCheck") or {}).items()}
    if check.get("matcher") is not None:
        check["matcher"] = {"grpcCode" if kept.get("protocolVersion") == "GRPC" else "httpCode": check["matcher"]}
    return _with_attributes({**kept, **check}, _OF_TARGET_GROUP)


def _listener(inputs: Inputs) -> Inputs:
    return _with_attributes(inputs, _OF_LISTENER)


def _conditions(inputs: Inputs) -> Inputs:
    """AWS wants to be told which kind a condition is, though only one kind is ever given."""
    conditions = []
    for condition in inputs.get("conditions") or []:
        given = {name: value for name, value in condition.items() if value}
        if len(given) != 1 or not given.keys() <= _FIELDS.keys():
            raise ProblemError(f"conditions: each must be exactly one of {', '.join(_FIELDS)}")
        ((name, value),) = given.items()
        member = ("queryStringConfig", {"values": value}) if name == "queryStrings" else (name, value)
        conditions.append({"field": _FIELDS[name], member[0]: member[1]})
    return {**inputs, "conditions": conditions}


def _suffix(member: str, kind: str) -> Callable[[Inputs, Facts], str]:
    """What CloudWatch calls the thing: the end of its ARN, from `kind` on."""

    def cut(_: Inputs, facts: Facts) -> str:
        return str(facts.resolve(f"{{{member}}}")).rpartition(kind)[2]

    return cut


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
        prepared=("internal", *sorted({name.partition(".")[0] for name in _OF_LOAD_BALANCER})),
        then=(Call(operation="modify_load_balancer_attributes"),),
        outputs={
            "arn": "{LoadBalancerArn}",
            "arnSuffix": _suffix("LoadBalancerArn", ":loadbalancer/"),
            "dnsName": "{DNSName}",
            "zoneId": "{CanonicalHostedZoneId}",
        },
    ),
    ResourceType(
        "aws:lb/targetGroup:TargetGroup",
        "elbv2.create_target_group",
        id="{TargetGroupArn}",
        # Structures of attributes, most of them for network load balancers.
        unsupported=("stickiness", "targetFailovers", "targetGroupHealth", "targetHealthStates"),
        prepare=_target_group,
        prepared=("healthCheck", *_OF_TARGET_GROUP),
        then=(Call(operation="modify_target_group_attributes"),),
        outputs={"arn": "{TargetGroupArn}", "arnSuffix": _suffix("TargetGroupArn", ":")},
    ),
    ResourceType(
        "aws:lb/listener:Listener",
        "elbv2.create_listener",
        {"certificateArn": "Certificates.CertificateArn", **_actions("defaultActions")},
        id="{ListenerArn}",
        prepare=_listener,
        prepared=tuple(_OF_LISTENER),
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
