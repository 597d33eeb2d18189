"""EC2: networks."""

from typing import Any

from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.table import Call, FromResponse, Inputs, ResourceType


def _arn(kind: str, id_member: str) -> str:
    return f"arn:aws:ec2:{{Region}}:{{Account}}:{kind}/{{{id_member}}}"


def _permission(rule: Inputs) -> list[dict[str, Any]]:
    """Return EC2's IpPermission for a rule. EC2 nests the peers and puts the description into each of them."""
    description = {"description": rule["description"]} if rule.get("description") else {}
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
        **{member: [{name: value, **description} for name, value in each] for member, each in peers.items() if each},
    }
    return [{name: value for name, value in permission.items() if value is not None}]


_PEERS = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
_RULE = ("ipProtocol", "fromPort", "toPort", "description", *_PEERS)


def _single_rule(inputs: Inputs) -> Inputs:
    rest = {name: value for name, value in inputs.items() if name not in _RULE}
    return {**rest, "ipPermissions": _permission(inputs)}


def _inline_rules(inputs: Inputs) -> Inputs:
    def items(direction: str) -> list[dict[str, Any]]:
        if any(rule.get("self") for rule in inputs[direction]):
            raise ResourceError(f"{direction}.self: not supported by the local account; use a separate rule resource")
        return [{"ipPermissions": _permission(rule)} for rule in inputs[direction]]

    return {**inputs, **{direction: items(direction) for direction in ("ingress", "egress") if inputs.get(direction)}}


def _default_group(inputs: Inputs) -> Inputs:
    """Look up the VPC's default group: it exists already; its rules are replaced by the program's."""
    filters = [("vpc-id", inputs.get("vpcId")), ("group-name", "default")]
    rest = {name: value for name, value in inputs.items() if name != "vpcId"}
    return {**_inline_rules(rest), "filters": [{"name": name, "values": [value]} for name, value in filters if value]}


def _route_id(inputs: Inputs, _: KnownValues) -> str:
    """Return route table and destination: EC2 has no ids for routes."""
    destinations = ("destinationCidrBlock", "destinationIpv6CidrBlock", "destinationPrefixListId")
    return f"{inputs['routeTableId']}_{next((inputs[name] for name in destinations if inputs.get(name)), '')}"


_TARGETS = {"vpcId": "VPC", "subnetId": "Subnet", "eniId": "NetworkInterface"}


def _flow_log(inputs: Inputs) -> Inputs:
    """Convert the target: EC2 expects a resource type and a list of ids, the resource has one input per type."""
    rest = {name: value for name, value in inputs.items() if name not in _TARGETS}
    for name, resource_type in _TARGETS.items():
        if inputs.get(name):
            return {**rest, "resourceIds": [inputs[name]], "resourceType": resource_type}
    raise ResourceError(f"one of {', '.join(_TARGETS)} is required")


_RULES = (
    Call(operation="authorize_security_group_ingress", for_each="ingress", parameters={"GroupId": "{GroupId}"}),
    Call(operation="authorize_security_group_egress", for_each="egress", parameters={"GroupId": "{GroupId}"}),
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
            Call(operation="modify_vpc_attribute", one_call_per_input=True),
            Call(
                operation="describe_security_groups",
                always=True,
                parameters={
                    "Filters": [
                        {"Name": "vpc-id", "Values": ["{VpcId}"]},
                        {"Name": "group-name", "Values": ["default"]},
                    ]
                },
            ),
            Call(
                operation="describe_route_tables",
                always=True,
                parameters={
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
        then=(Call(operation="modify_subnet_attribute", one_call_per_input=True),),
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
        # EC2 gives a new group a rule that allows all egress; Pulumi's resource has only the program's rules.
        then=(
            Call(
                operation="revoke_security_group_egress",
                always=True,
                parameters={"GroupId": "{GroupId}", "IpPermissions": _ALLOW_ALL},
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
                parameters={"GroupId": "{GroupId}", "IpPermissions": FromResponse("SecurityGroups[0].IpPermissions")},
            ),
            Call(
                operation="revoke_security_group_egress",
                always=True,
                parameters={
                    "GroupId": "{GroupId}",
                    "IpPermissions": FromResponse("SecurityGroups[0].IpPermissionsEgress"),
                },
            ),
            Call(operation="create_tags", parameters={"Resources": ["{GroupId}"]}),
            *_RULES,
        ),
        outputs={"arn": _arn("security-group", "GroupId"), "name": "default", "ownerId": "{Account}"},
    ),
    *(
        ResourceType(
            f"aws:vpc/securityGroup{direction}Rule:SecurityGroup{direction}Rule",
            f"ec2.authorize_security_group_{direction.lower()}",
            {"securityGroupId": "GroupId"},
            id="{SecurityGroupRuleId}",
            tag_type="security-group-rule",
            prepare=_single_rule,
            prepared=_RULE,
            outputs={"arn": _arn("security-group-rule", "SecurityGroupRuleId")},
        )
        for direction in ("Ingress", "Egress")
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
                parameters={"Filters": [{"Name": "prefix-list-name", "Values": ["{ServiceName}"]}]},
            ),
        ),
        # Only a gateway endpoint has a prefix list, which security group rules use as a peer.
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
