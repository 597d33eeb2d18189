"""The films program, applied to the emulator and read back with boto3."""

import json
import runpy
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import pytest

from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.provider.protocol import Registration
from local.provider.provider import LocalProvider
from local.provider.services import TABLE

FILMS: Callable[[], None] = runpy.run_path(str(Path(__file__).parent / "programs" / "films.py"))["films"]
TAGS = {"Project": "films", "Environment": "development"}
CONFIG = {"aws:region": "us-east-1", "aws:defaultTags": json.dumps({"tags": TAGS})}


def invoke(registration: Registration) -> Mapping[str, Any]:
    return {"result": json.dumps({"ran": registration.inputs["functionName"]})}


def serve_database(registration: Registration) -> Mapping[str, Any]:
    assert registration.inputs["manageMasterUserPassword"] is True
    return {"address": "127.0.0.1", "port": 5999, "endpoint": "127.0.0.1:5999"}


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Iterator[Deployment]:
    runners = {"aws:lambda/invocation:Invocation": invoke, "aws:rds/instance:Instance": serve_database}
    yield deploy(FILMS, project="films", stack="dev", config=CONFIG, provider=LocalProvider(account, runners))


@pytest.fixture(scope="module")
def outputs(deployment: Deployment) -> dict[str, Any]:
    return deployment.outputs


class TestDeployment:
    @pytest.mark.requirement("P2-44")
    def test_every_resource_type_is_applied(self, deployment: Deployment) -> None:
        types = {resource.type for resource in deployment.resources}
        assert types <= set(TABLE)
        assert {resource.state for resource in deployment.resources} == {"applied"}

    def test_exports_are_plain_values(self, outputs: dict[str, Any]) -> None:
        assert outputs["tags"] == TAGS
        assert outputs["invoke_url"] == f"https://{outputs['api']}.execute-api.us-east-1.amazonaws.com/"
        assert json.loads(outputs["migrated"]) == {"ran": outputs["function"]}
        assert outputs["address"] == "127.0.0.1"

    def test_components_are_separate_with_their_children(self, deployment: Deployment) -> None:
        network = next(component for component in deployment.components if component.name == "network")
        assert network.urn == "urn:pulumi:dev::films::films:index:Network::network"
        vpc = next(resource for resource in deployment.resources if resource.name == "vpc")
        assert vpc.urn == "urn:pulumi:dev::films::films:index:Network$aws:ec2/vpc:Vpc::vpc"
        assert vpc.parent == network.urn
        subnet = next(resource for resource in deployment.resources if resource.name == "subnet-0")
        assert vpc.urn in subnet.dependencies


class TestNetwork:
    def test_vpc_dns_attributes_are_set(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        for attribute in ("enableDnsHostnames", "enableDnsSupport"):
            answer = account.client("ec2").describe_vpc_attribute(VpcId=outputs["vpc"], Attribute=attribute)
            assert answer[attribute[0].upper() + attribute[1:]] == {"Value": True}

    def test_default_security_group_is_emptied_and_tagged(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        (group,) = account.client("ec2").describe_security_groups(GroupIds=[outputs["default_group"]])["SecurityGroups"]
        assert (group["VpcId"], group["GroupName"]) == (outputs["vpc"], "default")
        assert (group["IpPermissions"], group["IpPermissionsEgress"]) == ([], [])
        assert {tag["Key"]: tag["Value"] for tag in group["Tags"]} == TAGS

    def test_database_ingress_matches_rules(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        (group,) = account.client("ec2").describe_security_groups(GroupIds=[outputs["database_group"]])[
            "SecurityGroups"
        ]
        bastion, functions = sorted(group["IpPermissions"], key=lambda permission: permission["FromPort"])
        assert bastion["IpRanges"] == [{"CidrIp": "10.7.9.0/24", "Description": "bastion"}]
        (pair,) = functions["UserIdGroupPairs"]
        assert (pair["GroupId"], pair["Description"]) == (outputs["function_group"], "from the functions")
        assert group["IpPermissionsEgress"] == []

    def test_routes_have_targets(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        filters = [{"Name": "vpc-id", "Values": [outputs["vpc"]]}]
        tables = account.client("ec2").describe_route_tables(Filters=filters)["RouteTables"]
        ways = {
            key
            for table in tables
            for route in table["Routes"]
            if route.get("DestinationCidrBlock") == "0.0.0.0/0"
            for key in ("GatewayId", "NatGatewayId")
            if route.get(key)
        }
        assert ways == {"GatewayId", "NatGatewayId"}

    def test_flow_log_is_for_the_vpc(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        filters = [{"Name": "resource-id", "Values": [outputs["vpc"]]}]
        (log,) = account.client("ec2").describe_flow_logs(Filters=filters)["FlowLogs"]
        assert log["TrafficType"] == "ALL"
        assert log["LogDestination"].endswith(f":log-group:{outputs['log_group']}")


class TestBucket:
    name = "films-storage-dev"

    def test_bucket_settings_are_stored(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        s3 = account.client("s3")
        assert s3.get_bucket_versioning(Bucket=self.name)["Status"] == "Enabled"
        (encryption,) = s3.get_bucket_encryption(Bucket=self.name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert encryption["BucketKeyEnabled"] is True
        assert encryption["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"].endswith(outputs["key"])
        blocked = s3.get_public_access_block(Bucket=self.name)["PublicAccessBlockConfiguration"]
        assert blocked["BlockPublicAcls"] is True
        (owner,) = s3.get_bucket_ownership_controls(Bucket=self.name)["OwnershipControls"]["Rules"]
        assert owner["ObjectOwnership"] == "BucketOwnerEnforced"
        assert s3.get_bucket_logging(Bucket=self.name)["LoggingEnabled"]["TargetPrefix"] == "access/"

    def test_bucket_rules_are_stored(self, account: LocalAccount) -> None:
        s3 = account.client("s3")
        (cors,) = s3.get_bucket_cors(Bucket=self.name)["CORSRules"]
        assert (cors["AllowedOrigins"], cors["MaxAgeSeconds"]) == (["http://localhost:3000"], 3000)
        (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=self.name)["Rules"]
        assert rule["Filter"] == {"Prefix": "raw/"}
        assert rule["Transitions"] == [{"Days": 30, "StorageClass": "STANDARD_IA"}]
        assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 7}

    def test_own_tags_override_default_tags(self, account: LocalAccount) -> None:
        tags = account.client("s3").get_bucket_tagging(Bucket=self.name)["TagSet"]
        assert {tag["Key"]: tag["Value"] for tag in tags} == {**TAGS, "Data": "photos"}

    def test_object_notification_reaches_the_queue(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        account.client("s3").put_object(Bucket=self.name, Key="other/1", Body=b"x")
        account.client("s3").put_object(Bucket=self.name, Key="raw/1", Body=b"x")
        keys: list[str] = []
        while not keys:
            answer = account.client("sqs").receive_message(QueueUrl=outputs["queue"], MaxNumberOfMessages=10)
            for message in answer.get("Messages", ()):
                records = json.loads(message["Body"]).get("Records", ())  # the first message is S3's test event
                keys += [unquote_plus(record["s3"]["object"]["key"]) for record in records]
        assert keys == ["raw/1"]


class TestQueuesAndFunctions:
    def test_queue_attributes(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        attributes = account.client("sqs").get_queue_attributes(QueueUrl=outputs["queue"], AttributeNames=["All"])
        values = attributes["Attributes"]
        assert (values["VisibilityTimeout"], values["ReceiveMessageWaitTimeSeconds"]) == ("180", "20")
        redrive = json.loads(values["RedrivePolicy"])
        assert redrive == {"deadLetterTargetArn": outputs["dead_arn"], "maxReceiveCount": 3}

    def test_queue_policy(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        # Read from a queue of its own: the emulator forgets a queue's policy when another attribute is set.
        attributes = account.client("sqs").get_queue_attributes(QueueUrl=outputs["guarded"], AttributeNames=["Policy"])
        assert json.loads(attributes["Attributes"]["Policy"])["Statement"][0]["Action"] == "sqs:SendMessage"

    def test_role_has_its_policies(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        iam = account.client("iam")
        assert len(iam.list_role_policies(RoleName=outputs["role"])["PolicyNames"]) == 1
        (attached,) = iam.list_attached_role_policies(RoleName=outputs["role"])["AttachedPolicies"]
        assert attached["PolicyName"].startswith("shared-")

    def test_function_is_stored_as_registered(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        answer = account.client("lambda").get_function(FunctionName=outputs["function"])
        function = answer["Configuration"]
        assert (function["Handler"], function["MemorySize"], function["Timeout"]) == ("worker.handler", 1024, 60)
        assert function["Environment"]["Variables"] == {"BUCKET": "films-storage-dev"}
        assert function["VpcConfig"]["SecurityGroupIds"] == [outputs["function_group"]]
        assert answer["Concurrency"]["ReservedConcurrentExecutions"] == 5

    def test_event_source_mapping_is_disabled_in_emulator(self, account: LocalAccount, deployment: Deployment) -> None:
        mapping_resource = next(
            resource for resource in deployment.resources if resource.type.endswith(":EventSourceMapping")
        )
        mapping = account.client("lambda").get_event_source_mapping(UUID=mapping_resource.id)
        assert (mapping["State"], mapping["BatchSize"]) == ("Disabled", 10)
        assert (mapping_resource.outputs["enabled"], mapping_resource.outputs["state"]) == (True, "Enabled")


class TestIdentityAndData:
    def test_pool_client_and_groups(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        cognito = account.client("cognito-idp")
        pool = cognito.describe_user_pool(UserPoolId=outputs["pool"])["UserPool"]
        assert pool["Policies"]["PasswordPolicy"]["MinimumLength"] == 12
        client = cognito.describe_user_pool_client(UserPoolId=outputs["pool"], ClientId=outputs["client"])
        assert client["UserPoolClient"]["ExplicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
        groups = cognito.list_groups(UserPoolId=outputs["pool"])["Groups"]
        assert {group["GroupName"] for group in groups} == {"admin", "editor", "viewer"}

    def test_database_and_its_parameters(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        rds = account.client("rds")
        (database,) = rds.describe_db_instances(DBInstanceIdentifier=outputs["database"])["DBInstances"]
        assert (database["DBName"], database["Engine"]) == ("films", "postgres")
        (group,) = database["DBParameterGroups"]
        (parameter,) = rds.describe_db_parameters(DBParameterGroupName=group["DBParameterGroupName"])["Parameters"]
        assert (parameter["ParameterName"], parameter["ParameterValue"]) == ("rds.force_ssl", "1")

    def test_api_integration_is_the_function(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        gateway = account.client("apigatewayv2")
        (route,) = gateway.get_routes(ApiId=outputs["api"])["Items"]
        (integration,) = gateway.get_integrations(ApiId=outputs["api"])["Items"]
        assert route["Target"] == f"integrations/{integration['IntegrationId']}"
        assert outputs["function"] in integration["IntegrationUri"]
        (stage,) = gateway.get_stages(ApiId=outputs["api"])["Items"]
        assert stage["StageName"] == "$default"

    def test_secret_is_stored_and_hidden(self, account: LocalAccount, deployment: Deployment) -> None:
        value = account.client("secretsmanager").get_secret_value(SecretId="films/api")
        assert value["SecretString"] == "hunter2hunter2"
        assert "hunter2" not in repr(deployment)

    def test_keys_rotate_and_logs_expire(self, account: LocalAccount, outputs: dict[str, Any]) -> None:
        assert account.client("kms").get_key_rotation_status(KeyId=outputs["key"])["KeyRotationEnabled"] is True
        (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix=outputs["log_group"])["logGroups"]
        assert group["retentionInDays"] == 14
