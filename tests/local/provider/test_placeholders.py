"""Placeholder ids and outputs of recorded programs have the formats that AWS's service models require."""

import re
from collections.abc import Iterator
from typing import Any

import pulumi
import pytest
from botocore.model import ListShape, Shape, StructureShape

from local.account import ACCOUNT_ID, LocalAccount
from local.engines.registrations import RegisteredResource
from local.provider.placeholder_formats import RESPONSE_MEMBERS
from local.provider.placeholders import placeholder_resource
from local.provider.requests.api import Api
from local.provider.requests.calls import map_requests
from local.provider.requests.input_mapper import InputMapper
from local.provider.requests.validation import find_problems
from local.provider.resource_types.inputs import automatic_name, prepare_inputs
from local.provider.resource_types.known_values import normalize_name
from local.provider.resource_types.pulumi_classes import declared_outputs
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE
from operations.graph.recorder import record_graph

NAME = "photo-store"
# API Gateway's ARN for invoking a function has `lambda` in place of an account.
ARN = re.compile(rf"arn:aws:[a-z0-9-]+:(us-east-1)?:({ACCOUNT_ID}|lambda)?:\S+")
# The inputs without which a placeholder cannot be computed.
INPUTS: dict[str, dict[str, Any]] = {
    "aws:acm/certificateValidation:CertificateValidation": {
        "certificateArn": f"arn:aws:acm:us-east-1:{ACCOUNT_ID}:certificate/one"
    },
    "aws:apigatewayv2/domainName:DomainName": {"domainName": "films.example.com", "domainNameConfiguration": {}},
    "aws:apigatewayv2/stage:Stage": {"apiId": "0123456789"},
    "aws:appautoscaling/policy:Policy": {"serviceNamespace": "ecs", "resourceId": "service/films/api"},
    "aws:ecs/taskDefinition:TaskDefinition": {"family": "films"},
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": {"url": "https://token.actions.githubusercontent.com"},
    "aws:iam/serviceLinkedRole:ServiceLinkedRole": {"awsServiceName": "opensearchservice.amazonaws.com"},
    "aws:lambda/alias:Alias": {"functionName": "films-worker", "name": "live", "functionVersion": "1"},
    "aws:lambda/eventSourceMapping:EventSourceMapping": {
        "functionName": f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:films-worker:live"
    },
    "aws:lb/listener:Listener": {
        "loadBalancerArn": f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT_ID}:loadbalancer/app/films/0123456789abcdef"
    },
    "aws:lb/listenerRule:ListenerRule": {
        "listenerArn": (
            f"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT_ID}:listener/app/films/0123456789abcdef/0123456789abcdef"
        )
    },
    "aws:rds/proxyTarget:ProxyTarget": {
        "dbProxyName": "films", "targetGroupName": "default", "dbInstanceIdentifier": "films"
    },
    "aws:secretsmanager/secretVersion:SecretVersion": {
        "secretId": f"arn:aws:secretsmanager:us-east-1:{ACCOUNT_ID}:secret:films-AbCdEf"
    },
    "aws:sns/topicSubscription:TopicSubscription": {
        "topic": f"arn:aws:sns:us-east-1:{ACCOUNT_ID}:films", "protocol": "sqs"
    },
}  # fmt: skip
# Outputs whose response member has another structure than the output of that name.
OTHER_STRUCTURE = {
    "aws:acm/certificate:Certificate": {"domainValidationOptions"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"dnsEntries"},
    "aws:rds/instance:Instance": {"endpoint"},
}
CALLED = [each.token for each in TABLE.values() if each.operation]


@pytest.fixture(scope="module")
def api() -> Api:
    nowhere = "http://127.0.0.1:1"
    return Api(
        LocalAccount(
            endpoint=nowhere, s3_endpoint=nowhere, region="us-east-1", access_key_id="a", secret_access_key="b"
        )
    )


def placeholder(token: str) -> tuple[str, dict[str, Any]]:
    urn = f"urn:pulumi:dev::films::{token}::{NAME}"
    return placeholder_resource(token, NAME, urn, INPUTS.get(token, {}), region="us-east-1", default_tags={})


def response_shapes(resource_type: ResourceType, api: Api) -> dict[str, Shape]:
    """Return the shapes of the calls' response members, also of those in their only structure or list of structures."""
    found: dict[str, Shape] = {}
    for call in (resource_type.first_call, *resource_type.then):
        output = api.operation(resource_type.service, call.operation).output_shape
        members = output.members if isinstance(output, StructureShape) else {}
        structures = [each for each in members.values() if isinstance(each, StructureShape)]
        lists = [each.member for each in members.values() if isinstance(each, ListShape)]
        items = [each for each in lists if isinstance(each, StructureShape)]
        inner = structures or items
        if len(inner) != 1:
            inner = []
        for shapes in (*(each.members for each in inner), members):
            for name, shape in shapes.items():
                found.setdefault(normalize_name(name), shape)
    return found


@pytest.mark.parametrize("token", CALLED)
def test_placeholders_match_the_response_shapes(token: str, api: Api) -> None:
    resource_type, shapes = TABLE[token], response_shapes(TABLE[token], api)
    resource_id, outputs = placeholder(token)
    noun = normalize_name(resource_type.noun)
    checked = {name: value for name, value in outputs.items() if name not in OTHER_STRUCTURE.get(token, ())}
    if isinstance(resource_type.id, str) and (member := re.fullmatch(r"\{(\w+)\}", resource_type.id)):
        checked[member[1]] = resource_id
    problems = []
    for name, value in checked.items():
        shape = shapes.get(normalize_name(name)) or shapes.get(noun + normalize_name(name))
        # An empty string is AWS's absent value in Pulumi's outputs.
        if shape is not None and value != "":
            problems += [(name, problem) for _, problem in find_problems(value, shape)]
    assert problems == []


@pytest.mark.parametrize("token", [*TABLE, "aws:index/unknown:Unknown"])
def test_every_arn_has_service_account_and_resource(token: str) -> None:
    _, outputs = placeholder(token)
    arns = {name: value for name, value in outputs.items() if name.lower().endswith("arn")}
    assert [name for name, value in arns.items() if not ARN.fullmatch(str(value))] == []


def test_arn_outputs_have_the_resource_part_of_their_type() -> None:
    arns = {token: placeholder(token)[1].get("arn") for token in TABLE if "arn" in declared_outputs(token)}
    generic = [token for token, arn in arns.items() if arn and arn.endswith(f":{NAME}-arn")]
    assert generic == []


@pytest.mark.parametrize(
    ("token", "pattern"),
    [
        ("aws:cognito/userPool:UserPool", r"us-east-1_[0-9a-zA-Z]+"),
        ("aws:cognito/userPoolClient:UserPoolClient", r"[0-9a-z]{26}"),
        ("aws:cloudfront/distribution:Distribution", r"E[0-9A-Z]{13}"),
        ("aws:ec2/vpc:Vpc", r"vpc-[0-9a-f]{17}"),
        ("aws:route53/zone:Zone", r"Z[A-Z0-9]+"),
        ("aws:sqs/queue:Queue", rf"https://sqs\.us-east-1\.amazonaws\.com/{ACCOUNT_ID}/{NAME}-[0-9a-f]{{7}}"),
    ],
)
def test_ids_have_the_documented_format(token: str, pattern: str) -> None:
    assert re.fullmatch(pattern, placeholder(token)[0])


@pytest.mark.parametrize(
    ("token", "resource"),
    [
        ("aws:iam/role:Role", rf"arn:aws:iam::{ACCOUNT_ID}:role/{NAME}-[0-9a-f]{{7}}"),
        ("aws:lambda/function:Function", rf"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{NAME}-[0-9a-f]{{7}}"),
        ("aws:lambda/alias:Alias", rf"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:films-worker:live"),
        ("aws:kms/key:Key", rf"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/[0-9a-f-]{{36}}"),
        (
            "aws:lb/listener:Listener",
            rf"arn:aws:elasticloadbalancing:us-east-1:{ACCOUNT_ID}:listener/app/films/0123456789abcdef/[0-9a-f]{{16}}",
        ),
        ("aws:opensearch/domain:Domain", rf"arn:aws:es:us-east-1:{ACCOUNT_ID}:domain/{NAME}-[0-9a-f]{{7}}"),
    ],
)
def test_arns_have_the_documented_format(token: str, resource: str) -> None:
    assert re.fullmatch(resource, placeholder(token)[1]["arn"])


def test_every_format_is_for_a_type_of_the_table() -> None:
    assert RESPONSE_MEMBERS.keys() <= TABLE.keys()


def requests(resource: RegisteredResource, api: Api) -> Iterator[tuple[dict[str, Any], StructureShape]]:
    """Yield the requests that would create a recorded resource, without the members that come from responses."""
    resource_type = TABLE[resource.type]
    inputs = {**resource_type.defaults, **resource.inputs}
    inputs |= automatic_name(resource_type, resource.name, resource.urn, inputs)
    # The files of a recorded program's archives do not exist.
    plain = {name: value for name, value in inputs.items() if not isinstance(value, pulumi.Archive)}
    prepared = prepare_inputs(resource_type, {**plain, "region": "us-east-1"})
    for number, call in enumerate((resource_type.first_call, *resource_type.then)):
        shape = api.operation(resource_type.service, call.operation).input_shape
        assert isinstance(shape, StructureShape)
        mapper = InputMapper(
            call.rename, resource_type.noun, resource_type.tag_type or resource_type.noun.replace("_", "-")
        )
        offered = {name: value for name, value in prepared.items() if number or name not in resource_type.deferred}
        for request in map_requests(call, offered, mapper, shape, first=number == 0):
            yield request.parameters, shape


@pytest.mark.parametrize("environment", ["dev", "staging", "production"])
def test_requests_with_placeholders_are_valid(environment: str, api: Api) -> None:
    problems = [
        (resource.name, path, problem)
        for resource in record_graph(environment).custom
        if TABLE[resource.type].operation
        for parameters, shape in requests(resource, api)
        for path, problem in find_problems(parameters, shape)
        if problem != "is required"
    ]
    assert problems == []
