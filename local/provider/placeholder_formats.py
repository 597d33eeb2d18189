"""The formats of the ids and ARNs that AWS generates, by resource type, as members of the create call's response.

Templates are those of the table of types, resolved in order. `Hex`, `HexUpper` and `Uuid` are derived from the resource's URN
(`{Hex:.17}` is its first 17 digits). Formats follow the patterns in AWS's service models and the service authorization reference.
"""

from collections.abc import Mapping

from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import FromFunction, Inputs

# The id of a Route 53 hosted zone.
ZONE_ID = "Z{HexUpper:.20}"
# The service in an ARN, if Pulumi's module has another name.
SERVICES: Mapping[str, str] = {
    "appautoscaling": "application-autoscaling",
    "cognito": "cognito-idp",
    "costexplorer": "ce",
    "lb": "elasticloadbalancing",
    "opensearch": "es",
    "vpc": "ec2",
}


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{{Region}}:{{Account}}:{resource}"


def _global_arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}::{{Account}}:{resource}"


def _iam_arn(kind: str) -> FromFunction:
    def make(inputs: Inputs, known: KnownValues) -> str:
        return str(known.resolve(_global_arn("iam", kind + str(inputs.get("path") or "/") + "{Name}")))

    return make


def _oidc_provider_arn(inputs: Inputs, known: KnownValues) -> str:
    host = str(inputs["url"]).removeprefix("https://")
    return str(known.resolve(_global_arn("iam", f"oidc-provider/{host}")))


def _cluster_service_arn(inputs: Inputs, known: KnownValues) -> str:
    cluster = str(inputs.get("cluster") or "default").rpartition("/")[2]
    return str(known.resolve(_arn("ecs", f"service/{cluster}/{{Name}}")))


def _function_arn(inputs: Inputs, known: KnownValues) -> str:
    """Return the ARN of a function that is given by its name or by its ARN, without the qualifier."""
    name = str(inputs["functionName"])
    return (
        ":".join(name.split(":")[:7])
        if name.startswith("arn:")
        else str(known.resolve(_arn("lambda", f"function:{name}")))
    )


def _alias_arn(inputs: Inputs, known: KnownValues) -> str:
    return f"{_function_arn(inputs, known)}:{inputs['name']}"


def _version(inputs: Inputs, _: KnownValues) -> str:
    return "1" if inputs.get("publish") else "$LATEST"


def _sub_resource_arn(parent: str, kind: str) -> FromFunction:
    """Return the ARN of a listener or rule: that of its parent, with another kind and one more id."""

    def make(inputs: Inputs, known: KnownValues) -> str:
        prefix, _, path = str(inputs[parent]).rpartition(":")
        return str(known.resolve(f"{prefix}:{kind}/{path.partition('/')[2]}/{{Hex:.16}}"))

    return make


def _load_balancer_arn(inputs: Inputs, known: KnownValues) -> str:
    kind = "net" if inputs.get("loadBalancerType") == "network" else "app"
    return str(known.resolve(_arn("elasticloadbalancing", f"loadbalancer/{kind}/{{Name}}/{{Hex:.16}}")))


def _web_acl_arn(inputs: Inputs, known: KnownValues) -> str:
    scope = "global" if inputs.get("scope") == "CLOUDFRONT" else "regional"
    return str(known.resolve(_arn("wafv2", f"{scope}/webacl/{{Name}}/{{Uuid}}")))


# A value is a template or a function of the inputs and the KnownValues.
RESPONSE_MEMBERS: Mapping[str, Mapping[str, str | FromFunction]] = {
    "aws:acm/certificate:Certificate": {
        "CertificateArn": _arn("acm", "certificate/{Uuid}"),
        "RenewalEligibility": "INELIGIBLE",
        "Status": "PENDING_VALIDATION",
        "Type": "AMAZON_ISSUED",
    },
    "aws:apigatewayv2/api:Api": {
        "ApiId": "{Hex:.10}",
        "ApiEndpoint": "https://{ApiId}.execute-api.{Region}.amazonaws.com",
    },
    "aws:apigatewayv2/apiMapping:ApiMapping": {"ApiMappingId": "{Hex:.6}"},
    "aws:apigatewayv2/integration:Integration": {"IntegrationId": "{Hex:.7}"},
    "aws:apigatewayv2/route:Route": {"RouteId": "{Hex:.7}"},
    "aws:appautoscaling/policy:Policy": {
        "Arn": _arn(
            "autoscaling", "scalingPolicy:{Uuid}:resource/{ServiceNamespace}/{ResourceId}:policyName/{PolicyName}"
        ),
    },
    "aws:appautoscaling/target:Target": {
        "ScalableTargetARN": _arn("application-autoscaling", "scalable-target/{Hex:.36}")
    },
    "aws:backup/plan:Plan": {
        "BackupPlanId": "{Uuid}",
        "BackupPlanArn": _arn("backup", "backup-plan:{Uuid}"),
        "Arn": "{BackupPlanArn}",
        "VersionId": "{Hex:.48}",
    },
    "aws:backup/vault:Vault": {"Arn": _arn("backup", "backup-vault:{Name}")},
    "aws:cloudfront/distribution:Distribution": {
        "Id": "E{HexUpper:.13}",
        "ARN": _global_arn("cloudfront", "distribution/{Id}"),
        "DomainName": "d{Hex:.13}.cloudfront.net",
        "Etag": "E{HexUpper:.13}",
    },
    "aws:cloudfront/keyGroup:KeyGroup": {"Id": "{Uuid}", "Etag": "E{HexUpper:.13}"},
    "aws:cloudfront/originAccessControl:OriginAccessControl": {"Id": "E{HexUpper:.13}", "Etag": "E{HexUpper:.13}"},
    "aws:cloudfront/publicKey:PublicKey": {"Id": "K{HexUpper:.13}", "Etag": "E{HexUpper:.13}"},
    "aws:cloudwatch/logDelivery:LogDelivery": {"Id": "{Hex:.16}", "Arn": _arn("logs", "delivery:{Id}")},
    "aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination": {
        "Arn": _arn("logs", "delivery-destination:{Name}")
    },
    "aws:cloudwatch/logDeliverySource:LogDeliverySource": {"Arn": _arn("logs", "delivery-source:{Name}")},
    "aws:cloudwatch/logResourcePolicy:LogResourcePolicy": {"PolicyScope": "ACCOUNT", "RevisionId": "{Hex:.32}"},
    "aws:cognito/userPool:UserPool": {
        "Id": "{Region}_{Hex:.9}",
        "Arn": _arn("cognito-idp", "userpool/{Id}"),
        "CustomDomain": "",
        "Domain": "",
    },
    "aws:cognito/userPoolClient:UserPoolClient": {"ClientId": "{Hex:.26}", "ClientSecret": "{Hex:.51}"},
    "aws:cognito/userPoolDomain:UserPoolDomain": {"CloudfrontDistributionZoneId": "Z2FDTNDATAQYW2"},
    "aws:costexplorer/anomalyMonitor:AnomalyMonitor": {"Arn": _global_arn("ce", "anomalymonitor/{Uuid}")},
    "aws:costexplorer/anomalySubscription:AnomalySubscription": {
        "Arn": _global_arn("ce", "anomalysubscription/{Uuid}")
    },
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": {"GroupId": "sg-{Hex:.17}"},
    "aws:ec2/eip:Eip": {"AllocationId": "eipalloc-{Hex:.17}"},
    "aws:ec2/flowLog:FlowLog": {"Id": "fl-{Hex:.17}"},
    "aws:ec2/internetGateway:InternetGateway": {"InternetGatewayId": "igw-{Hex:.17}", "OwnerId": "{Account}"},
    "aws:ec2/natGateway:NatGateway": {
        "NatGatewayId": "nat-{Hex:.17}",
        "AutoProvisionZones": "disabled",
        "AutoScalingIps": "disabled",
        "NetworkInterfaceId": "eni-{Hex:.17}",
    },
    "aws:ec2/routeTable:RouteTable": {"RouteTableId": "rtb-{Hex:.17}", "OwnerId": "{Account}"},
    "aws:ec2/routeTableAssociation:RouteTableAssociation": {"AssociationId": "rtbassoc-{Hex:.17}"},
    "aws:ec2/securityGroup:SecurityGroup": {"GroupId": "sg-{Hex:.17}"},
    "aws:ec2/subnet:Subnet": {"SubnetId": "subnet-{Hex:.17}", "OwnerId": "{Account}"},
    "aws:ec2/vpc:Vpc": {
        "VpcId": "vpc-{Hex:.17}",
        "DefaultNetworkAclId": "acl-{Hex:.17}",
        "DefaultRouteTableId": "rtb-{Hex:.17}",
        "DefaultSecurityGroupId": "sg-{Hex:.17}",
        "DhcpOptionsId": "dopt-{Hex:.17}",
        "MainRouteTableId": "rtb-{Hex:.17}",
        "OwnerId": "{Account}",
    },
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "VpcEndpointId": "vpce-{Hex:.17}",
        "OwnerId": "{Account}",
        "PrefixListId": "pl-{Hex:.17}",
        "State": "Available",
    },
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": {"RegistryId": "{Account}"},
    "aws:ecr/repository:Repository": {
        "RegistryId": "{Account}",
        "RepositoryArn": _arn("ecr", "repository/{Name}"),
        "Arn": "{RepositoryArn}",
        "RepositoryUri": "{Account}.dkr.ecr.{Region}.amazonaws.com/{Name}",
    },
    "aws:ecr/repositoryPolicy:RepositoryPolicy": {"RegistryId": "{Account}"},
    "aws:ecs/cluster:Cluster": {"ClusterArn": _arn("ecs", "cluster/{Name}"), "Arn": "{ClusterArn}"},
    "aws:ecs/service:Service": {"ServiceArn": _cluster_service_arn},
    "aws:ecs/taskDefinition:TaskDefinition": {"TaskDefinitionArn": _arn("ecs", "task-definition/{Family}:1")},
    "aws:elasticache/replicationGroup:ReplicationGroup": {
        "Arn": _arn("elasticache", "replicationgroup:{ReplicationGroupId}")
    },
    "aws:elasticache/subnetGroup:SubnetGroup": {"Arn": _arn("elasticache", "subnetgroup:{Name}")},
    "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan": {
        "Arn": _arn("guardduty", "malware-protection-plan/{Hex:.20}"),
        "Status": "ACTIVE",
    },
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"OpenIDConnectProviderArn": _oidc_provider_arn},
    "aws:iam/policy:Policy": {"Arn": _iam_arn("policy"), "PolicyId": "ANPA{HexUpper:.17}"},
    "aws:iam/role:Role": {"Arn": _iam_arn("role"), "UniqueId": "AROA{HexUpper:.17}"},
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": {
        "RoleName": "AWSServiceRoleFor{Hex:.8}",
        "Path": "/aws-service-role/{AwsServiceName}/",
        "Arn": _global_arn("iam", "role/aws-service-role/{AwsServiceName}/{RoleName}"),
        "UniqueId": "AROA{HexUpper:.17}",
    },
    "aws:kms/key:Key": {"KeyId": "{Uuid}", "Arn": _arn("kms", "key/{KeyId}")},
    "aws:lambda/alias:Alias": {"AliasArn": _alias_arn},
    "aws:lambda/eventSourceMapping:EventSourceMapping": {
        "UUID": "{Uuid}",
        "EventSourceMappingArn": _arn("lambda", "event-source-mapping:{Uuid}"),
        "Arn": "{EventSourceMappingArn}",
        "FunctionArn": _function_arn,
    },
    "aws:lambda/function:Function": {
        "Version": _version,
        "FunctionArn": _arn("lambda", "function:{Name}"),
        "Arn": "{FunctionArn}",
        "ResponseStreamingInvokeArn": (
            "arn:aws:apigateway:{Region}:lambda:path/2021-11-15/functions/{FunctionArn}/response-streaming-invocations"
        ),
    },
    "aws:lb/listener:Listener": {"ListenerArn": _sub_resource_arn("loadBalancerArn", "listener")},
    "aws:lb/listenerRule:ListenerRule": {"RuleArn": _sub_resource_arn("listenerArn", "listener-rule")},
    "aws:lb/loadBalancer:LoadBalancer": {
        "LoadBalancerArn": _load_balancer_arn,
        "CanonicalHostedZoneId": ZONE_ID,
        "DNSName": "{Name}-{Hex:.8}.{Region}.elb.amazonaws.com",
    },
    "aws:lb/targetGroup:TargetGroup": {"TargetGroupArn": _arn("elasticloadbalancing", "targetgroup/{Name}/{Hex:.16}")},
    "aws:opensearch/domain:Domain": {"ARN": _arn("es", "domain/{DomainName}"), "DomainId": "{Account}/{DomainName}"},
    "aws:rds/instance:Instance": {
        "DbiResourceId": "db-{HexUpper:.26}",
        "DBInstanceArn": _arn("rds", "db:{Identifier}"),
        "Arn": "{DBInstanceArn}",
        "UpgradeRolloutOrder": "second",
    },
    "aws:rds/parameterGroup:ParameterGroup": {"Arn": _arn("rds", "pg:{Name}")},
    "aws:rds/proxy:Proxy": {"DBProxyArn": _arn("rds", "db-proxy:prx-{Hex:.17}")},
    "aws:rds/proxyDefaultTargetGroup:ProxyDefaultTargetGroup": {"Arn": _arn("rds", "target-group:prx-tg-{Hex:.17}")},
    "aws:rds/proxyTarget:ProxyTarget": {"Type": "RDS_INSTANCE"},
    "aws:rds/subnetGroup:SubnetGroup": {"Arn": _arn("rds", "subgrp:{Name}")},
    "aws:route53/zone:Zone": {"Location": f"https://route53.amazonaws.com/2013-04-01/hostedzone/{ZONE_ID}"},
    "aws:scheduler/schedule:Schedule": {"ScheduleArn": _arn("scheduler", "schedule/{GroupName}/{Name}")},
    "aws:scheduler/scheduleGroup:ScheduleGroup": {"ScheduleGroupArn": _arn("scheduler", "schedule-group/{Name}")},
    "aws:secretsmanager/secret:Secret": {"ARN": _arn("secretsmanager", "secret:{Name}-{Hex:.6}")},
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "ARN": "{SecretId}",
        "SecretArn": "{ARN}",
        "VersionId": "{Uuid}",
    },
    "aws:sns/topic:Topic": {"TopicArn": _arn("sns", "{Name}")},
    "aws:sns/topicSubscription:TopicSubscription": {"SubscriptionArn": "{Topic}:{Uuid}"},
    "aws:sqs/queue:Queue": {"QueueUrl": "https://sqs.{Region}.amazonaws.com/{Account}/{Name}"},
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": {"SecurityGroupRuleId": "sgr-{Hex:.17}"},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"SecurityGroupRuleId": "sgr-{Hex:.17}"},
    "aws:wafv2/webAcl:WebAcl": {"Id": "{Uuid}", "ARN": _web_acl_arn, "LockToken": "{Uuid}"},
}
