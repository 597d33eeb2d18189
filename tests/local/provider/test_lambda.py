"""A function behind an alias with all its event sources, applied to the emulator and run locally."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pulumi
import pulumi_aws as aws
import pytest

from components.http_api import HttpApi, HttpApiArgs
from components.naming import Naming
from components.python_function import PythonFunction, PythonFunctionArgs
from components.queue_consumer import QueueConsumer, QueueConsumerArgs
from components.schedule import Schedule, ScheduleArgs
from components.work_queue import WorkQueue, WorkQueueArgs
from local.account import ACCOUNT_ID, LocalAccount
from local.compute.apigateway.http_apis import HttpApis
from local.compute.event_sources.event_sources import EventSources
from local.compute.lambda_.functions import Functions
from local.compute.scheduler.schedules import Schedules
from local.engines.in_process import Deployment, deploy
from local.provider.provider import LocalProvider
from local.supervisor import Supervisor
from tests.local.provider.programs.child_inputs import with_inputs

NAMING = Naming("kept", "dev")
WORKER = "kept-worker-dev"
ALIAS_ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{WORKER}:live"
# It returns its event, and writes queue messages to a file.
CODE = """
import json, os

def handle(event, context):
    for record in event.get("Records", ()):
        with open(os.environ["KEPT"], "a") as kept:
            kept.write(record["body"])
    return {"statusCode": 200, "body": json.dumps({"path": event.get("rawPath"), "asked": event.get("asked")})}
"""


def program(kept: Path) -> None:
    work = WorkQueue("work", WorkQueueArgs(naming=NAMING, resource_name="work", visibility_timeout_seconds=300))
    function = PythonFunction(
        "worker",
        PythonFunctionArgs(
            naming=NAMING,
            resource_name="worker",
            description="Answers",
            code=pulumi.AssetArchive({"worker.py": pulumi.StringAsset(CODE)}),
            handler="worker.handle",
            variables={"KEPT": str(kept)},
            timeout_seconds=30,
            alias="live",
        ),
        with_inputs(
            {
                "worker-function": {
                    "tracing_config": {"mode": "Active"},
                    "ephemeral_storage": {"size": 1024},
                    "kms_key_arn": f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/11111111-2222-3333-4444-555555555555",
                }
            }
        ),
    )
    api = HttpApi(
        "http",
        HttpApiArgs(
            naming=NAMING,
            description="Asks",
            function_name=function.name,
            function_qualifier=function.qualifier,
            function_invoke_arn=function.invoke_arn,
            host_name="api.example.com",
            certificate_arn=f"arn:aws:acm:us-east-1:{ACCOUNT_ID}:certificate/11111111-2222-3333-4444-555555555555",
        ),
    )
    QueueConsumer(
        "consumer",
        QueueConsumerArgs(
            queue_arn=work.arn,
            function_name=function.arn,
            queue_visibility_timeout_seconds=300,
            function_timeout_seconds=30,
        ),
    )
    Schedule(
        "daily",
        ScheduleArgs(
            naming=NAMING,
            resource_name="daily",
            description="Asks",
            expression="rate(1 day)",
            function_arn=function.arn,
            event={},
        ),
    )
    asked = aws.lambda_.Invocation(
        "asked", function_name=function.name, qualifier=function.qualifier, input=json.dumps({"asked": "at once"})
    )
    pulumi.export("asked", asked.result)
    pulumi.export("arn", function.arn)
    pulumi.export("invoke_arn", function.invoke_arn)
    pulumi.export("endpoint", api.endpoint)
    pulumi.export("url", api.url)
    pulumi.export("api", api.api_id)
    pulumi.export("target", api.alias_target)
    pulumi.export("work", work.url)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file to which the function writes."""
    return tmp_path_factory.mktemp("kept") / "bodies"


@pytest.fixture(scope="module")
def deployment(
    account: LocalAccount, supervisor: Supervisor, tmp_path_factory: pytest.TempPathFactory, kept: Path
) -> Iterator[Deployment]:
    folder = tmp_path_factory.mktemp("functions")
    functions = Functions(account, supervisor, folder)
    http_apis = HttpApis(account, functions, port=0)
    sources, schedules = EventSources(account, functions), Schedules(functions)
    runners = {
        "aws:lambda/function:Function": functions.register,
        "aws:lambda/invocation:Invocation": functions.run_invocation,
        "aws:lambda/eventSourceMapping:EventSourceMapping": sources.start,
        "aws:scheduler/schedule:Schedule": schedules.start,
        "aws:apigatewayv2/api:Api": http_apis.add_api,
        "aws:apigatewayv2/integration:Integration": http_apis.add_integration,
        "aws:apigatewayv2/route:Route": http_apis.add_route,
        "aws:apigatewayv2/stage:Stage": http_apis.serve_stage,
    }
    try:
        provider = LocalProvider(account, runners)
        yield deploy(lambda: program(kept), project="kept", stack="dev", config={}, provider=provider)
    finally:
        for each in (http_apis, sources, schedules, functions):
            each.close()


class TestAlias:
    def test_alias_points_to_published_version(self, deployment: Deployment, account: LocalAccount) -> None:
        assert {each.state for each in deployment.resources} == {"applied"}
        client = account.client("lambda")
        alias = client.get_alias(FunctionName=WORKER, Name="live")
        assert (alias["FunctionVersion"], alias["AliasArn"]) == ("1", ALIAS_ARN)
        assert deployment.outputs["arn"] == ALIAS_ARN
        assert deployment.outputs["invoke_arn"].endswith(f":function:{WORKER}:live/invocations")
        function = client.get_function(FunctionName=WORKER, Qualifier="live")["Configuration"]
        assert (function["EphemeralStorage"], function["TracingConfig"]) == ({"Size": 1024}, {"Mode": "Active"})

    @pytest.mark.usefixtures("deployment")
    def test_api_gateway_may_invoke_alias(self, account: LocalAccount) -> None:
        policy = json.loads(account.client("lambda").get_policy(FunctionName=WORKER, Qualifier="live")["Policy"])
        (statement,) = policy["Statement"]
        assert statement["Principal"] == {"Service": "apigateway.amazonaws.com"}
        assert statement["Resource"] == ALIAS_ARN

    def test_migration_invokes_alias(self, deployment: Deployment) -> None:
        answer = json.loads(deployment.outputs["asked"])
        assert json.loads(answer["body"])["asked"] == "at once"

    def test_http_request_invokes_alias(self, deployment: Deployment) -> None:
        answer = httpx.get(deployment.outputs["endpoint"] + "/somewhere", timeout=60)
        assert (answer.status_code, answer.json()["path"]) == (200, "/somewhere")

    def test_queue_message_invokes_alias(self, deployment: Deployment, account: LocalAccount, kept: Path) -> None:
        account.client("sqs").send_message(QueueUrl=deployment.outputs["work"], MessageBody="carried")
        deadline = time.monotonic() + 120
        while not kept.exists() or not kept.read_text():
            assert time.monotonic() < deadline, "the message did not arrive"
            time.sleep(0.05)
        assert kept.read_text() == "carried"

    @pytest.mark.usefixtures("deployment")
    def test_schedule_invokes_alias(self, account: LocalAccount) -> None:
        schedule = account.client("scheduler").get_schedule(GroupName="kept-daily-dev", Name="kept-daily-dev")
        assert schedule["Target"]["Arn"] == ALIAS_ARN


class TestHostName:
    def test_domain_name_is_mapped_to_api(self, deployment: Deployment, account: LocalAccount) -> None:
        gateway = account.client("apigatewayv2")
        domain = gateway.get_domain_name(DomainName="api.example.com")
        (configuration,) = domain["DomainNameConfigurations"]
        assert (configuration["EndpointType"], configuration["SecurityPolicy"]) == ("REGIONAL", "TLS_1_2")
        (mapping,) = gateway.get_api_mappings(DomainName="api.example.com")["Items"]
        assert (mapping["ApiId"], mapping["Stage"]) == (deployment.outputs["api"], "$default")
        assert gateway.get_api(ApiId=deployment.outputs["api"])["DisableExecuteApiEndpoint"] is True
        assert deployment.outputs["url"] == "https://api.example.com"
        assert deployment.outputs["target"] == "d-api.example.com.execute-api.us-east-1.amazonaws.com"
