"""The network component with endpoints, read back from the emulator."""

import json

import pulumi
import pytest

from components.naming import Naming
from components.network import Network, NetworkArgs
from local.account import ACCOUNT_ID, LocalAccount
from local.engines.in_process import Deployment, deploy
from local.provider.provider import LocalProvider


def program() -> None:
    network = Network(
        "network",
        NetworkArgs(
            naming=Naming("kept", "dev"),
            region="us-east-1",
            cidr="10.8.0.0/16",
            availability_zones=("us-east-1a", "us-east-1b"),
            interface_endpoints=("secretsmanager", "cognito-idp"),
            flow_log_retention_days=30,
            log_key_arn=f"arn:aws:kms:us-east-1:{ACCOUNT_ID}:key/11111111-2222-3333-4444-555555555555",
        ),
    )
    pulumi.export("vpc", network.vpc_id)


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    return deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, {}))


class TestNetwork:
    def test_endpoint_policies_allow_the_account(self, deployment: Deployment, account: LocalAccount) -> None:
        assert {each.state for each in deployment.resources} == {"applied"}
        filters = [{"Name": "vpc-id", "Values": [deployment.outputs["vpc"]]}]
        endpoints = account.client("ec2").describe_vpc_endpoints(Filters=filters)["VpcEndpoints"]
        read = {each["ServiceName"].rpartition(".")[2]: each.get("PolicyDocument") for each in endpoints}
        assert read.keys() == {"s3", "secretsmanager", "cognito-idp"}
        (own,) = json.loads(read["secretsmanager"])["Statement"]
        assert own["Condition"] == {"StringEquals": {"aws:PrincipalAccount": ACCOUNT_ID}}
        own, layers = json.loads(read["s3"])["Statement"]
        assert own["Condition"]["StringEquals"]["aws:ResourceAccount"] == ACCOUNT_ID
        assert layers["Sid"] == "LayersOfImages"

    @pytest.mark.usefixtures("deployment")
    def test_flow_log_is_encrypted(self, account: LocalAccount) -> None:
        groups = account.client("logs").describe_log_groups(logGroupNamePrefix="/aws/vpc/kept-flow-log")["logGroups"]
        assert [group["kmsKeyId"].rpartition("/")[2] for group in groups] == ["11111111-2222-3333-4444-555555555555"]
