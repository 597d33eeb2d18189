"""The database and proxy components with all options, read back from the emulator."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components.database_proxy import DatabaseProxy, DatabaseProxyArgs
from components.encryption_key import EncryptionKey, EncryptionKeyArgs
from components.naming import Naming
from components.postgres_database import PostgresDatabase, PostgresDatabaseArgs
from local.account import ACCOUNT_ID, LocalAccount
from local.engines.in_process import Deployment, deploy
from local.provider.protocol import Registration
from local.provider.provider import LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

NAMING = Naming("kept", "dev")
DATABASE, PROXY = "kept-db-dev", "kept-db-proxy-dev"
MASTER = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT_ID}:secret:rds!db-kept"


def program() -> None:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.9.0.0/16")
    subnets = [
        aws.ec2.Subnet(zone, vpc_id=vpc.id, cidr_block=f"10.9.{number}.0/24", availability_zone=zone).id
        for number, zone in enumerate(("us-east-1a", "us-east-1b"))
    ]
    secret = aws.secretsmanager.Secret("database", name="kept/database-dev")
    key = EncryptionKey(
        "key",
        EncryptionKeyArgs(
            naming=NAMING,
            resource_name="database",
            description="The database",
            account_id=ACCOUNT_ID,
            region="us-east-1",
            services=["rds", "secretsmanager"],
        ),
    )
    database = PostgresDatabase(
        "database",
        PostgresDatabaseArgs(
            naming=NAMING,
            vpc_id=vpc.id,
            subnet_ids=subnets,
            database_name="kept",
            instance_class="db.t3.small",
            storage_gb=20,
            key_arn=key.arn,
            log_key_arn=key.arn,
            log_exports=("postgresql",),
            monitoring_interval_seconds=60,
            insights="advanced",
        ),
        with_inputs(
            {"database-instance": {"iam_database_authentication_enabled": True, "allow_major_version_upgrade": True}}
        ),
    )
    aws.secretsmanager.SecretRotation(
        "rotation",
        secret_id=database.master_secret_arn,
        rotate_immediately=False,
        rotation_rules={"automatically_after_days": 30},
    )
    proxy = DatabaseProxy(
        "proxy",
        DatabaseProxyArgs(
            naming=NAMING,
            vpc_id=vpc.id,
            subnet_ids=subnets,
            database_identifier=database.identifier,
            database_security_group_id=database.security_group_id,
            secret_arn=secret.arn,
            connections_percent=80,
        ),
    )
    pulumi.export("key", key.arn)
    pulumi.export("host", proxy.host)
    pulumi.export("secret", secret.arn)
    pulumi.export("database_group", database.security_group_id)
    pulumi.export("proxy_group", proxy.security_group_id)


def serve(_: Registration) -> Mapping[str, Any]:
    return {"address": "127.0.0.1", "port": 5432, "masterUserSecrets": [{"secretArn": MASTER}]}


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    runners = {"aws:rds/instance:Instance": serve}
    return deploy(program, project="kept", stack="dev", config={}, provider=LocalProvider(account, runners))


class TestPostgresDatabase:
    def test_only_rotation_is_not_applied(self, deployment: Deployment) -> None:
        recorded = {each.type for each in deployment.resources if each.state != "applied"}
        assert recorded == {"aws:secretsmanager/secretRotation:SecretRotation"}

    def test_instance_is_stored_as_registered(self, deployment: Deployment, account: LocalAccount) -> None:
        (read,) = account.client("rds").describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"]
        assert read["MonitoringInterval"] == 60
        assert read["MonitoringRoleArn"] == f"arn:aws:iam::{ACCOUNT_ID}:role/kept-db-monitoring-role-dev"
        assert (read["IAMDatabaseAuthenticationEnabled"], read["CACertificateIdentifier"]) == (
            True,
            "rds-ca-rsa2048-g1",
        )
        assert read["KmsKeyId"] == deployment.outputs["key"]
        assert read["MasterUserSecret"]["KmsKeyId"] == deployment.outputs["key"]

    @pytest.mark.usefixtures("deployment")
    def test_parameter_group_sets_engine_parameters(self, account: LocalAccount) -> None:
        rds = account.client("rds")
        (read,) = rds.describe_db_instances(DBInstanceIdentifier=DATABASE)["DBInstances"]
        group = read["DBParameterGroups"][0]["DBParameterGroupName"]
        parameters = rds.describe_db_parameters(DBParameterGroupName=group)["Parameters"]
        values = {each["ParameterName"]: each["ParameterValue"] for each in parameters}
        assert (values["log_parameter_max_length"], values["log_statement"]) == ("0", "ddl")

    def test_log_is_encrypted(self, deployment: Deployment, account: LocalAccount) -> None:
        (group,) = account.client("logs").describe_log_groups(logGroupNamePrefix="/aws/rds/instance/kept")["logGroups"]
        assert group["kmsKeyId"] == deployment.outputs["key"]


class TestDatabaseProxy:
    def test_proxy_is_stored_as_registered(self, deployment: Deployment, account: LocalAccount) -> None:
        (read,) = account.client("rds").describe_db_proxies(DBProxyName=PROXY)["DBProxies"]
        assert (read["RequireTLS"], read["EngineFamily"]) == (True, "POSTGRESQL")
        assert read["Endpoint"] == deployment.outputs["host"]
        assert read["VpcSecurityGroupIds"] == [deployment.outputs["proxy_group"]]
        (auth,) = read["Auth"]
        assert (auth["SecretArn"], auth["IAMAuth"]) == (deployment.outputs["secret"], "DISABLED")

    @pytest.mark.usefixtures("deployment")
    def test_proxy_target_is_the_database(self, account: LocalAccount) -> None:
        rds = account.client("rds")
        (group,) = rds.describe_db_proxy_target_groups(DBProxyName=PROXY)["TargetGroups"]
        pool = group["ConnectionPoolConfig"]
        assert (pool["MaxConnectionsPercent"], pool["ConnectionBorrowTimeout"]) == (80, 10)
        (target,) = rds.describe_db_proxy_targets(DBProxyName=PROXY)["Targets"]
        assert (target["RdsResourceId"], target["Type"]) == (DATABASE, "RDS_INSTANCE")

    def test_ids_match_pulumi_provider(self, deployment: Deployment) -> None:
        ids = {each.type.rpartition(":")[2]: each.id for each in deployment.resources}
        assert ids["ProxyTarget"] == f"{PROXY}/default/RDS_INSTANCE/{DATABASE}"
        assert (ids["Proxy"], ids["ProxyDefaultTargetGroup"]) == (PROXY, PROXY)

    def test_database_allows_proxy(self, deployment: Deployment, account: LocalAccount) -> None:
        (group,) = account.client("ec2").describe_security_groups(GroupIds=[deployment.outputs["database_group"]])[
            "SecurityGroups"
        ]
        (permission,) = group["IpPermissions"]
        assert [pair["GroupId"] for pair in permission["UserIdGroupPairs"]] == [deployment.outputs["proxy_group"]]

    def test_proxy_role_reads_secret(self, deployment: Deployment, account: LocalAccount) -> None:
        policy = account.client("iam").get_role_policy(RoleName="kept-db-proxy-role-dev", PolicyName="read-secret")
        document = policy["PolicyDocument"]
        document = json.loads(document) if isinstance(document, str) else document
        assert [each["Resource"] for each in document["Statement"]] == [[deployment.outputs["secret"]]]
