"""Naming rules and policy limits of AWS, and deprecated inputs of its SDK, to validate registered resources."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache

from local.engines.recording import RegisteredResource
from local.provider.resource_types.pulumi_classes import resource_class

# The input that holds the physical name, and the names that AWS accepts.
NAMES: Mapping[str, tuple[str, str]] = {
    "aws:apigatewayv2/api:Api": ("name", r".{1,128}"),
    "aws:backup/plan:Plan": ("name", r"[\w.-]{1,50}"),
    "aws:backup/selection:Selection": ("name", r"[\w.-]{1,50}"),
    "aws:backup/vault:Vault": ("name", r"[\w-]{2,50}"),
    "aws:budgets/budget:Budget": ("name", r"[^:\\]{1,100}"),
    "aws:cloudfront/cachePolicy:CachePolicy": ("name", r"[\w-]{1,128}"),
    "aws:cloudfront/function:Function": ("name", r"[\w-]{1,64}"),
    "aws:cloudfront/originAccessControl:OriginAccessControl": ("name", r".{1,64}"),
    "aws:cloudfront/publicKey:PublicKey": ("name", r".{1,128}"),
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy": ("name", r"[\w-]{1,128}"),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName", r"[\w-]{1,255}"),
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": ("name", r"[\w-]{1,60}"),
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": ("name", r"[\w-]{1,60}"),
    "aws:cloudwatch/logGroup:LogGroup": ("name", r"[\w./#-]{1,512}"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name", r".{1,255}"),
    "aws:cognito/userGroup:UserGroup": ("name", r"\S{1,128}"),
    "aws:cognito/userPool:UserPool": ("name", r"[\w\s+=,.@-]{1,128}"),
    "aws:cognito/userPoolClient:UserPoolClient": ("name", r"[\w\s+=,.@-]{1,128}"),
    "aws:cognito/userPoolDomain:UserPoolDomain": ("domain", r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"),
    "aws:ec2/securityGroup:SecurityGroup": ("name", r"(?!sg-)[\w .:/()#,@+=&;{}!$*\[\]-]{1,255}"),
    "aws:ecr/repository:Repository": ("name", r"[a-z0-9._/-]{2,256}"),
    "aws:ecs/cluster:Cluster": ("name", r"[\w-]{1,255}"),
    "aws:ecs/service:Service": ("name", r"[\w-]{1,255}"),
    "aws:ecs/taskDefinition:TaskDefinition": ("family", r"[\w-]{1,255}"),
    "aws:elasticache/replicationGroup:ReplicationGroup": ("replicationGroupId", r"(?=.{1,40}$)[a-z](-?[a-z0-9])*"),
    "aws:elasticache/subnetGroup:SubnetGroup": ("name", r"[a-z0-9-]{1,255}"),
    "aws:iam/policy:Policy": ("name", r"[\w+=,.@-]{1,128}"),
    "aws:iam/role:Role": ("name", r"[\w+=,.@-]{1,64}"),
    "aws:iam/rolePolicy:RolePolicy": ("name", r"[\w+=,.@-]{1,128}"),
    "aws:kms/alias:Alias": ("name", r"alias/(?!aws/)[\w/-]{1,250}"),
    "aws:lambda/alias:Alias": ("name", r"(?!\d+$)[\w-]{1,128}"),
    "aws:lambda/function:Function": ("name", r"[\w-]{1,64}"),
    "aws:lb/loadBalancer:LoadBalancer": ("name", r"(?!internal-)(?=.{1,32}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*"),
    "aws:lb/targetGroup:TargetGroup": ("name", r"(?=.{1,32}$)[a-zA-Z0-9](-*[a-zA-Z0-9])*"),
    "aws:opensearch/domain:Domain": ("domainName", r"[a-z][a-z0-9-]{2,27}"),
    "aws:rds/instance:Instance": ("identifier", r"(?=.{1,63}$)[a-zA-Z](-?[a-zA-Z0-9])*"),
    "aws:rds/parameterGroup:ParameterGroup": ("name", r"(?=.{1,255}$)[a-z](-?[a-z0-9])*"),
    "aws:rds/proxy:Proxy": ("name", r"(?=.{1,63}$)[a-zA-Z](-?[a-zA-Z0-9])*"),
    "aws:rds/subnetGroup:SubnetGroup": ("name", r"[a-z0-9 ._-]{1,255}"),
    "aws:s3/bucket:Bucket": ("bucket", r"(?!xn--)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "aws:scheduler/schedule:Schedule": ("name", r"[\w.-]{1,64}"),
    "aws:scheduler/scheduleGroup:ScheduleGroup": ("name", r"[\w.-]{1,64}"),
    "aws:sns/topic:Topic": ("name", r"[\w-]{1,256}"),
    "aws:sqs/queue:Queue": ("name", r"[\w-]{1,80}"),
    "aws:ssm/parameter:Parameter": ("name", r"(?!/aws|/ssm)[\w./-]{1,1011}"),
    "aws:wafv2/webAcl:WebAcl": ("name", r"[\w-]{1,128}"),
}
# The maximum number of characters of a policy, without white space.
MAX_POLICY_LENGTHS: Mapping[str, tuple[str, int]] = {
    "aws:iam/policy:Policy": ("policy", 6_144),
    "aws:iam/role:Role": ("assumeRolePolicy", 2_048),
    "aws:iam/rolePolicy:RolePolicy": ("policy", 10_240),
    "aws:kms/key:Key": ("policy", 32_768),
    "aws:s3/bucketPolicy:BucketPolicy": ("policy", 20_480),
}


def violations(resource: RegisteredResource) -> Iterator[str]:
    """Yield what AWS would reject of a resource, as far as it is known here."""
    for name in deprecated_inputs(resource.type) & resource.inputs.keys():
        yield f"{resource.path}: {name} of {resource.type} is deprecated"
    if resource.type in NAMES:
        field, pattern = NAMES[resource.type]
        name = str(resource.inputs[field])
        if not re.fullmatch(pattern, name, re.ASCII):
            yield f"{resource.path}: {resource.type} cannot be named {name!r} ({len(name)} characters)"
    if resource.type in MAX_POLICY_LENGTHS:
        field, longest = MAX_POLICY_LENGTHS[resource.type]
        size = len(json.dumps(json.loads(resource.inputs[field]), separators=(",", ":")))
        if size > longest:
            yield f"{resource.path}: the {field} of {resource.type} has {size} of {longest} characters"


@cache
def deprecated_inputs(token: str) -> set[str]:
    """Return the deprecated inputs of a type. The SDK's constructors accept them without a warning."""
    kind = resource_class(token)
    getters = [value.fget.__dict__ for value in vars(kind).values() if isinstance(value, property)] if kind else []
    return {getter["_pulumi_name"] for getter in getters if "_pulumi_deprecated_callable" in getter}
