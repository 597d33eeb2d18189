"""Malware protection: the plan is recorded with a reason, its role is applied."""

import json

from components.malware_protection import MalwareProtection, MalwareProtectionArgs
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import deploy
from local.provider.provider import LocalProvider


class TestMalwareProtection:
    def test_role_is_applied_and_plan_is_recorded_with_reason(
        self, provider: LocalProvider, account: LocalAccount
    ) -> None:
        def program() -> None:
            MalwareProtection(
                "scan",
                MalwareProtectionArgs(
                    naming=Naming("scanned", "dev"),
                    resource_name="temp",
                    bucket_name="scanned-temp-dev",
                    bucket_arn="arn:aws:s3:::scanned-temp-dev",
                    prefixes=["uploads/"],
                    region="us-east-1",
                    account_id="123456789012",
                ),
            )

        deployment = deploy(program, project="scanned", stack="dev", config={}, provider=provider)
        states = {each.name: each.state for each in deployment.resources}
        assert states == {"scan-role": "applied", "scan-policy": "applied", "scan-plan": "recorded-only"}
        role = account.client("iam").get_role(RoleName="scanned-temp-scan-role-dev")["Role"]
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Service": "malware-protection-plan.guardduty.amazonaws.com"}
        policy = account.client("iam").get_role_policy(RoleName=role["RoleName"], PolicyName="own-rights")
        rights = policy["PolicyDocument"]["Statement"]
        assert "AllowMalwareScan" in {each["Sid"] for each in rights}, json.dumps(rights)

    def test_reason_names_the_operation(self, provider: LocalProvider) -> None:
        type_ = "aws:guardduty/malwareProtectionPlan:MalwareProtectionPlan"
        made = provider.create(urn="scan", type=type_, name="scan", inputs={"role": "r"})
        assert "CreateMalwareProtectionPlan" in made.reason
