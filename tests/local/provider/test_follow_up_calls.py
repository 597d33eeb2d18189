"""Calls that follow a creation under a condition that the films program does not have."""

from collections.abc import Callable

import pytest

from local.account import LocalAccount
from local.provider.provider import Created

ROLE, POOL = "aws:iam/role:Role", "aws:cognito/userPool:UserPool"
TRUST = '{"Version": "2012-10-17", "Statement": []}'
Create = Callable[..., Created]


class TestFollowUpCalls:
    """Conditional calls that the films program does not make."""

    def test_role_with_inline_policies(self, create: Create, account: LocalAccount) -> None:
        document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
        managed = create("aws:iam/policy:Policy", "managed", policy=document).id
        role = create(
            ROLE,
            "full",
            assumeRolePolicy=TRUST,
            managedPolicyArns=[managed],
            inlinePolicies=[{"name": "inside", "policy": document}],
        )
        iam = account.client("iam")
        assert iam.list_role_policies(RoleName=role.id)["PolicyNames"] == ["inside"]
        (attached,) = iam.list_attached_role_policies(RoleName=role.id)["AttachedPolicies"]
        assert attached["PolicyArn"] == managed

    def test_user_pool_with_mfa(self, create: Create, account: LocalAccount) -> None:
        pool = create(POOL, "strict", mfaConfiguration="ON", softwareTokenMfaConfiguration={"enabled": True})
        answer = account.client("cognito-idp").get_user_pool_mfa_config(UserPoolId=pool.id)
        assert (answer["MfaConfiguration"], answer["SoftwareTokenMfaConfiguration"]) == ("ON", {"Enabled": True})

    def test_secret_with_policy(self, create: Create, account: LocalAccount) -> None:
        secret = create("aws:secretsmanager/secret:Secret", "guarded", policy=TRUST)
        assert account.client("secretsmanager").get_resource_policy(SecretId=secret.id)["ResourcePolicy"] == TRUST

    @pytest.mark.parametrize(
        ("backup", "maintenance"), [("03:00-04:00", "sun:04:00-sun:05:00"), ("05:00-06:00", "sun:04:00-sun:05:00")]
    )
    def test_adjacent_windows_do_not_overlap(self, create: Create, backup: str, maintenance: str) -> None:
        database = create(
            "aws:rds/instance:Instance",
            "data",
            engine="postgres",
            instanceClass="db.t4g.micro",
            allocatedStorage=20,
            username="master",
            password="long-enough",
            backupWindow=backup,
            maintenanceWindow=maintenance,
        )
        assert (database.outputs["backupWindow"], database.outputs["maintenanceWindow"]) == (backup, maintenance)

    def test_alarm_on_expression(self, create: Create, account: LocalAccount) -> None:
        metric = {"namespace": "AWS/SQS", "metricName": "NumberOfMessagesSent", "period": 60, "stat": "Sum"}
        alarm = create(
            "aws:cloudwatch/metricAlarm:MetricAlarm",
            "rate",
            comparisonOperator="GreaterThanThreshold",
            evaluationPeriods=1,
            threshold=5,
            metricQueries=[
                {"id": "sent", "metric": {**metric, "dimensions": {"QueueName": "q"}}},
                {"id": "rate", "expression": "sent / 60", "returnData": True},
            ],
        )
        (read,) = account.client("cloudwatch").describe_alarms(AlarmNames=[alarm.id])["MetricAlarms"]
        first = read["Metrics"][0]["MetricStat"]
        assert first["Metric"]["Dimensions"] == [{"Name": "QueueName", "Value": "q"}]
