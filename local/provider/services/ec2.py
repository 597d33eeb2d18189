"""EC2: networks."""

from typing import Any

from local.provider.resource_types.facts import Facts
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def _arn(kind: str, id_member: str) -> str:
    return f"arn:aws:ec2:{{Region}}:{{Account}}:{kind}/{{{id_member}}}"


def _permission(rule: Inputs) -> list[dict[str, Any]]:
    """EC2's permission of a rule: Pulumi keeps flat what EC2 nests, with the description inside whichever peer the rule has."""
    described = {"description": rule["description"]} if rule.get("description") else {}
    peers = {
        "ipRanges": [("cidrIp", cidr) for cidr in (*rule.get("cidrBlocks", ()), rule.get("cidrIpv4")) if cidr],
        "ipv6Ranges": [("cidrIpv6", cidr) for cidr in (*rule.get("ipv6CidrBlocks", ()), rule.get("cidrIpv6")) if cidr],
        "prefixListIds": [
            ("prefixListId", each) for each in (*rule.get("prefixListIds", ()), rule.get("prefixListId")) if each
        ],
        "userIdGroupPairs": [
            ("groupId", group)
            for group in (*rule.get("securityGroups", ()), rule.get("referencedSecurityGroupId"))
            if group
        ],
    }
    permission = {
        "ipProtocol": rule.get("ipProtocol") or rule.get("protocol"),
        "fromPort": rule.get("fromPort"),
        "toPort": rule.get("toPort"),
        **{member: [{name: value, **described} for name, value in each] for member, each in peers.items() if each},
    }
    return [{name: value for name, value in permission.items() if value is not None}]


_PEERS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_RULE = ("ipProtocol", "fromPort", "toPort", "description", *_PEERS)


def _single_rule(inputs: Inputs) -> Inputs:
    rest = {name: value for name, value in inputs.items() if name not in _RULE}
    return {**rest, "ipPermissions": _permission(inputs)}


def _inline_rules(inputs: Inputs) -> Inputs:
    def items(way: str) -> list[dict[str, Any]]:
        if any(rule.get("self") for rule in inputs[way]):
            raise ProblemError(f"{way}.self: the local account does not support this; use a rule resource of its own")
        return [{"ipPermissions": _permission(rule)} for rule in inputs[way]]

    return {**inputs, **{way: items(way) for way in ("ingress", "egress") if inputs.get(way)}}


def _default_group(inputs: Inputs) -> Inputs:
    """The group is there with its network: it is looked up, emptied and then given the rules of the program."""
    wanted = [("vpc-id", inputs.get("vpcId")), ("group-name", "default")]
    rest = {name: value for name, value in inputs.items() if name != "vpcId"}
    return {**_inline_rules(rest), "filters": [{"name": name, "values": [value]} for name, value in wanted if value]}


def _route_id(inputs: Inputs, _: Facts) -> str:
    """A route has no id of its own: it is its table and where it leads."""
    destinations = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    return f"{inputs['routeTableId']}_{next((inputs[name] for name in destinations if inputs.get(name)), '')}"


_TARGETS = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}


def _flow_log(inputs: Inputs) -> Inputs:
    """EC2 takes a list of things of one kind, the resource one thing under the name of its kind."""
    kept = {name: value for name, value in inputs.items() if name not in _TARGETS}
    for name, kind in _TARGETS.items():
        if inputs.get(name):
            return {**kept, "resourceIds": [inputs[name]], "resourceType": kind}
    raise ProblemError(f"one of {', '.join(_TARGETS)} must say what is watched")


_RULES = (
    Call(operation="authorize_security_group_ingress", for_each="ingress", given={"GroupId": "{GroupId}"}),
    Call(operation="authorize_security_group_egress", for_each="egress", given={"GroupId": "{GroupId}"}),
)
_ALLOW_ALL = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
_MANAGED = {"description": "Managed by Pulumi"}

TYPES = (
    ResourceType(
        "aws:ec2/vpc:Vpc",
        "ec2.create_vpc",
        {"assignGeneratedIpv6CidrBlock": "AmazonProvidedIpv6CidrBlock"},
        id="{VpcId}",
        defaults={"enableDnsSupport": True},
        then=(
            Call(operation="modify_vpc_attribute", one_by_one=True),
            Call(
                operation="describe_security_groups",
                always=True,
                given={
                    "Filters": [
                        {"Name": "vpc-id", "Values": ["{VpcId}"]},
                        {"Name": "group-name", "Values": ["default"]},
                    ]
                },
            ),
            Call(
                operation="describe_route_tables",
                always=True,
                given={
                    "Filters": [
                        {"Name": "vpc-id", "Values": ["{VpcId}"]},
                        {"Name": "association.main", "Values": ["true"]},
                    ]
                },
            ),
        ),
        outputs={
            "arn": _arn("vpc", "VpcId"),
            "defaultSecurityGroupId": FromResponse("SecurityGroups[0].GroupId"),
            "mainRouteTableId": FromResponse("RouteTables[0].RouteTableId"),
            "defaultRouteTableId": FromResponse("RouteTables[0].RouteTableId"),
        },
    ),
    ResourceType(
        "aws:ec2/subnet:Subnet",
        "ec2.create_subnet",
        id="{SubnetId}",
        then=(Call(operation="modify_subnet_attribute", one_by_one=True),),
        outputs={"arn": _arn("subnet", "SubnetId")},
    ),
    ResourceType(
        "aws:ec2/internetGateway:InternetGateway",
        "ec2.create_internet_gateway",
        id="{InternetGatewayId}",
        then=(Call(operation="attach_internet_gateway"),),
        outputs={"arn": _arn("internet-gateway", "InternetGatewayId")},
    ),
    ResourceType(
        "aws:ec2/routeTable:RouteTable",
        "ec2.create_route_table",
        id="{RouteTableId}",
        unsupported=("propagatingVgws",),
        then=(
            Call(
                operation="create_route",
                for_each="routes",
                rename={
                    "cidrBlock": "DestinationCidrBlock",
                    "ipv6CidrBlock": "DestinationIpv6CidrBlock",
                    "egressOnlyGatewayId": "EgressOnlyInternetGatewayId",
                },
            ),
        ),
        outputs={"arn": _arn("route-table", "RouteTableId")},
    ),
    ResourceType(
        "aws:ec2/route:Route",
        "ec2.create_route",
        {"egressOnlyGatewayId": "EgressOnlyInternetGatewayId"},
        id=_route_id,
    ),
    ResourceType(
        "aws:ec2/routeTableAssociation:RouteTableAssociation", "ec2.associate_route_table", id="{AssociationId}"
    ),
    ResourceType(
        "aws:ec2/eip:Eip",
        "ec2.allocate_address",
        id="{AllocationId}",
        tag_type="elastic-ip",
        unsupported=("instance", "networkInterface", "associateWithPrivateIp"),
        outputs={"arn": _arn("elastic-ip", "AllocationId")},
    ),
    ResourceType(
        "aws:ec2/natGateway:NatGateway",
        "ec2.create_nat_gateway",
        {"privateIp": "PrivateIpAddress"},
        id="{NatGatewayId}",
        tag_type="natgateway",
        outputs={
            "publicIp": FromResponse("NatGateway.NatGatewayAddresses[0].PublicIp"),
            "privateIp": FromResponse("NatGateway.NatGatewayAddresses[0].PrivateIp"),
        },
    ),
    ResourceType(
        "aws:ec2/securityGroup:SecurityGroup",
        "ec2.create_security_group",
        {"name": "GroupName"},
        id="{GroupId}",
        ignore=("revokeRulesOnDelete",),
        defaults=_MANAGED,
        prepare=_inline_rules,
        # EC2 lets a new group reach everything; Pulumi's resource allows what it says.
        then=(
            Call(
                operation="revoke_security_group_egress",
                always=True,
                given={"GroupId": "{GroupId}", "IpPermissions": _ALLOW_ALL},
            ),
            *_RULES,
        ),
        outputs={"arn": _arn("security-group", "GroupId"), "name": "{GroupName}", "ownerId": "{Account}"},
    ),
    ResourceType(
        "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup",
        "ec2.describe_security_groups",
        id="{GroupId}",
        ignore=("revokeRulesOnDelete",),
        prepare=_default_group,
        prepared=("vpcId",),
        then=(
            Call(
                operation="revoke_security_group_ingress",
                always=True,
                given={"GroupId": "{GroupId}", "IpPermissions": FromResponse("SecurityGroups[0].IpPermissions")},
            ),
            Call(
                operation="revoke_security_group_egress",
                always=True,
                given={"GroupId": "{GroupId}", "IpPermissions": FromResponse("SecurityGroups[0].IpPermissionsEgress")},
            ),
            Call(operation="create_tags", given={"Resources": ["{GroupId}"]}),
            *_RULES,
        ),
        outputs={"arn": _arn("security-group", "GroupId"), "name": "default", "ownerId": "{Account}"},
    ),
    *(
        ResourceType(
            f"aws:vpc/securityGroup{way}Rule:SecurityGroup{way}Rule",
            f"ec2.authorize_security_group_{way.lower()}",
            {"securityGroupId": "GroupId"},
            id="{SecurityGroupRuleId}",
            tag_type="security-group-rule",
            prepare=_single_rule,
            prepared=_RULE,
            outputs={"arn": _arn("security-group-rule", "SecurityGroupRuleId")},
        )
        for way in ("Ingress", "Egress")
    ),
    ResourceType(
        "aws:ec2/vpcEndpoint:VpcEndpoint",
        "ec2.create_vpc_endpoint",
        id="{VpcEndpointId}",
        ignore=("autoAccept",),
        then=(
            Call(
                operation="describe_prefix_lists",
                always=True,
                given={"Filters": [{"Name": "prefix-list-name", "Values": ["{ServiceName}"]}]},
            ),
        ),
        # Only a gateway endpoint has one: security groups name it to admit traffic to the service.
        outputs={
            "arn": _arn("vpc-endpoint", "VpcEndpointId"),
            "prefixListId": FromResponse("PrefixLists[0].PrefixListId"),
        },
    ),
    ResourceType(
        "aws:ec2/flowLog:FlowLog",
        "ec2.create_flow_logs",
        {"iamRoleArn": "DeliverLogsPermissionArn"},
        id=FromResponse("FlowLogIds[0]"),
        tag_type="vpc-flow-log",
        prepare=_flow_log,
        prepared=tuple(_TARGETS),
        unsupported=("regionalNatGatewayId", "transitGatewayId", "transitGatewayAttachmentId"),
        outputs={"arn": _arn("vpc-flow-log", "Id")},
    ),
)
