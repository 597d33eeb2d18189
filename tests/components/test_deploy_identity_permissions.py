import json
from fnmatch import fnmatchcase
from typing import Any

import pytest

from components.deploy_identity import DeployIdentity
from components.deploy_permissions import DEPLOYMENT_POLICIES, READ, Scope, policy_json
from components.naming import Naming
from tests.components.examples.deploy_identity import ACCOUNT, KEY, PROVIDER, STATE, args


def statements(register: Any, *prefixes: Any, **changes: Any) -> Any:
    """The statements of the policies whose resources begin so."""
    graph = register(lambda: DeployIdentity("ci", args(**changes)))
    found = [each for each in graph.of("Policy") if each.name.startswith(prefixes)]
    return [statement for each in found for statement in json.loads(each.inputs["policy"])["Statement"]]


def covers(statement: Any, action: Any, resource: Any) -> Any:
    if "NotAction" in statement:
        acts = not any(fnmatchcase(action, pattern) for pattern in statement["NotAction"])
    else:
        acts = any(fnmatchcase(action, pattern) for pattern in statement["Action"])
    return acts and any(fnmatchcase(resource, pattern) for pattern in statement["Resource"])


def allowed(rights: Any, action: Any, resource: Any) -> Any:
    """Whether some statement allows it, whatever its condition, and none denies it without one."""
    matching = [each for each in rights if covers(each, action, resource)]
    denied = any(each["Effect"] == "Deny" and "Condition" not in each for each in matching)
    return not denied and any(each["Effect"] == "Allow" for each in matching)


@pytest.fixture(scope="module")
def deploy(register: Any) -> Any:
    return statements(register, "ci-deploy")


@pytest.fixture(scope="module")
def preview(register: Any) -> Any:
    return statements(register, "ci-preview", "ci-deploy-read", state_key_arn=KEY)


class TestRights:
    def test_nothing_may_everything(self, deploy: Any) -> None:
        for each in deploy:
            if each["Effect"] == "Allow":
                assert "*" not in each["Action"]
                whole_services = [action for action in each["Action"] if action.endswith(":*")]
                assert whole_services == [] or "*" not in each["Resource"], each["Sid"]

    def test_what_holds_for_everything_is_listed(self, deploy: Any) -> None:
        """What is allowed without naming a resource, beside descriptions: only where AWS has none to name."""
        loose = {
            action
            for each in deploy
            if each["Effect"] == "Allow" and "*" in each["Resource"] and each["Sid"] != "ReadDescriptions"
            if "Condition" not in each
            for action in each["Action"]
        }
        assert loose == {
            "backup-storage:MountCapsule",
            "cloudfront:*KeyGroup",
            "cloudfront:*PublicKey",
            "cloudfront:CreateOriginAccessControl",
            "cognito-idp:DescribeUserPoolDomain",
            "ecs:DeregisterTaskDefinition",
            "logs:CreateLogDelivery",
            "logs:DeleteLogDelivery",
            "logs:DeleteResourcePolicy",
            "logs:GetLogDelivery",
            "logs:PutResourcePolicy",
            "logs:UpdateLogDelivery",
            "route53:CreateHostedZone",
            "sns:GetSubscriptionAttributes",
            "sns:SetSubscriptionAttributes",
            "sns:Unsubscribe",
        }

    def test_what_is_read_everywhere_is_no_content(self, deploy: Any) -> None:
        (read,) = [each for each in deploy if each["Sid"] == "ReadDescriptions"]
        for action in read["Action"]:
            verb = action.partition(":")[2]
            assert verb.startswith(("Describe", "List", "Get", "View")) or verb == "GET", action
        for content in (
            "s3:GetObject",
            "s3:GetObjectVersion",
            "secretsmanager:GetSecretValue",
            "ssm:GetParameter",
            "logs:GetLogEvents",
            "sqs:ReceiveMessage",
            "kms:Decrypt",
            "lambda:GetFunction",
            "lambda:InvokeFunction",
            "iam:GetAccountAuthorizationDetails",
            "cognito-idp:ListUsers",
        ):
            assert not covers(read, content, "anything"), content

    def test_own_things_may_be_made(self, deploy: Any) -> None:
        for action, resource in (
            ("s3:CreateBucket", "arn:aws:s3:::episode-metadata-temp-staging"),
            ("s3:PutBucketPolicy", "arn:aws:s3:::episode-metadata-temp-staging-x7"),
            ("rds:CreateDBInstance", f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:episode-metadata-db-staging"),
            ("rds:CreateDBParameterGroup", f"arn:aws:rds:eu-west-1:{ACCOUNT}:pg:episode-metadata-db-parameters-staging-a1"),
            ("sqs:CreateQueue", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:episode-metadata-thumbnail-queue-staging"),
            ("lambda:CreateFunction", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:episode-metadata-api-staging"),
            ("iam:CreateRole", f"arn:aws:iam::{ACCOUNT}:role/episode-metadata-api-role-staging"),
            ("ec2:CreateVpc", f"arn:aws:ec2:eu-west-1:{ACCOUNT}:vpc/vpc-1"),
            ("es:CreateDomain", f"arn:aws:es:eu-west-1:{ACCOUNT}:domain/episode-search-staging"),
            ("logs:CreateLogGroup", f"arn:aws:logs:eu-west-1:{ACCOUNT}:log-group:/aws/lambda/episode-metadata-api-staging"),
            ("ssm:PutParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/episode-metadata/staging/colour"),
            ("cloudwatch:PutDashboard", f"arn:aws:cloudwatch::{ACCOUNT}:dashboard/episode-metadata-staging"),
            ("cloudwatch:PutMetricAlarm", f"arn:aws:cloudwatch:us-east-1:{ACCOUNT}:alarm:episode-metadata-cdn-staging"),
            ("secretsmanager:CreateSecret",
             f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:episode-metadata/database-staging-a1B2c3"),
        ):  # fmt: skip
            assert allowed(deploy, action, resource), (action, resource)

    def test_other_environments_things_are_out_of_reach(self, deploy: Any) -> None:
        for action, resource in (
            ("s3:DeleteBucket", "arn:aws:s3:::episode-metadata-storage-production"),
            ("rds:DeleteDBInstance", f"arn:aws:rds:eu-west-1:{ACCOUNT}:db:episode-metadata-db-production"),
            ("lambda:UpdateFunctionCode", f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:episode-metadata-api-production"),
            ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/episode-metadata-api-role-production"),
            ("sqs:DeleteQueue", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:episode-metadata-thumbnail-queue-dev"),
            ("secretsmanager:GetSecretValue",
             f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:episode-metadata/database-production-a1B2c3"),
            ("ssm:PutParameter", f"arn:aws:ssm:eu-west-1:{ACCOUNT}:parameter/episode-metadata/production/colour"),
            ("s3:PutObject", f"{STATE}/.pulumi/stacks/episode-metadata/production.json"),
            ("s3:GetObject", f"{STATE}/.pulumi/stacks/episode-metadata/production.json"),
        ):  # fmt: skip
            assert not allowed(deploy, action, resource), (action, resource)

    def test_nobody_gives_himself_more(self, deploy: Any) -> None:
        for action, resource in (
            ("iam:CreateUser", f"arn:aws:iam::{ACCOUNT}:user/x"),
            ("iam:CreateAccessKey", f"arn:aws:iam::{ACCOUNT}:user/x"),
            (
                "iam:CreatePolicyVersion",
                f"arn:aws:iam::{ACCOUNT}:policy/deployment/episode-metadata-deploy-data-staging",
            ),
            ("iam:PutRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/deployment/episode-metadata-deploy-staging"),
            ("iam:UpdateAssumeRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/deployment/episode-metadata-deploy-staging"),
            ("iam:AttachRolePolicy", f"arn:aws:iam::{ACCOUNT}:role/deployment/episode-metadata-deploy-staging"),
            ("iam:DeleteRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/episode-metadata-api-role-staging"),
            ("iam:PutRolePermissionsBoundary", f"arn:aws:iam::{ACCOUNT}:role/episode-metadata-api-role-staging"),
            ("iam:UpdateOpenIDConnectProviderThumbprint", PROVIDER),
            ("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/anything"),
            ("organizations:LeaveOrganization", "*"),
            ("s3:GetObject", "arn:aws:s3:::episode-metadata-storage-staging/photo.jpg"),
            ("s3:DeleteObject", "arn:aws:s3:::episode-metadata-temp-staging/uploads/1"),
            ("s3:DeleteObjectVersion", "arn:aws:s3:::episode-metadata-temp-staging/uploads/1"),
        ):
            assert not allowed(deploy, action, resource), (action, resource)

    def test_roles_go_to_known_services_and_take_known_policies(self, deploy: Any) -> None:
        by_sid = {each["Sid"]: each for each in deploy}
        passed = by_sid["PassRoles"]
        assert [each["Sid"] for each in deploy if each["Effect"] == "Allow" and "iam:PassRole" in each["Action"]] == [
            "PassRoles"
        ]
        assert passed["Resource"] == [f"arn:aws:iam::{ACCOUNT}:role/episode-metadata-*-staging"]
        services = passed["Condition"]["StringEquals"]["iam:PassedToService"]
        assert "lambda.amazonaws.com" in services
        assert not any("*" in service or service.startswith("ec2.") for service in services)
        attachable = by_sid["ManagedPolicies"]["Condition"]["ArnLike"]["iam:PolicyARN"]
        assert not any(fnmatchcase("arn:aws:iam::aws:policy/AdministratorAccess", pattern) for pattern in attachable)
        assert by_sid["ServiceRoles"]["Condition"]["StringEquals"]["iam:AWSServiceName"]

    def test_region_and_tags_are_fences(self, deploy: Any) -> None:
        denied = {each["Sid"]: each for each in deploy if each["Effect"] == "Deny"}
        assert denied.keys() == {"KeepOwnRights", "StayInRegion", "KeepOffOtherEnvironments", "KeepOffOtherProjects"}
        fence = denied["StayInRegion"]
        assert fence["Condition"] == {"StringNotEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}
        assert covers(fence, "rds:CreateDBInstance", "x")
        assert not covers(fence, "iam:GetRole", "x")
        assert denied["KeepOffOtherEnvironments"]["Condition"] == {
            "StringNotEquals": {"aws:ResourceTag/Environment": "staging"},
            "Null": {"aws:ResourceTag/Environment": "false"},
        }
        assert denied["KeepOffOtherProjects"]["Condition"] == {
            "StringNotEquals": {"aws:ResourceTag/Project": "episode-metadata"},
            "Null": {"aws:ResourceTag/Project": "false"},
        }
        assert covers(denied["KeepOffOtherProjects"], "ec2:DeleteVpc", "x")

    def test_environment_that_is_abbreviated_has_its_tag_spelt_out(self) -> None:
        scope = Scope(naming=Naming("episode-metadata", "dev"), region="eu-west-1", account_id=ACCOUNT)
        assert '"aws:ResourceTag/Environment":"development"' in policy_json(scope, *DEPLOYMENT_POLICIES["roles"])

    def test_state_is_this_stack_s_own(self, register: Any) -> None:
        rights = statements(register, "ci-deploy-state", state_key_arn=KEY)
        own = f"{STATE}/.pulumi/stacks/episode-metadata/staging.json"
        for action in ("s3:GetObject", "s3:PutObject", "s3:DeleteObject"):
            assert allowed(rights, action, own)
        assert allowed(rights, "s3:GetObject", f"{STATE}/.pulumi/meta.yaml")
        assert allowed(rights, "kms:Encrypt", KEY)
        for action in ("s3:PutBucketPolicy", "s3:DeleteBucket"):
            assert not allowed(rights, action, STATE)

    def test_preview_reads_and_changes_nothing(self, preview: Any) -> None:
        changing = ("Create", "Delete", "Put", "Update", "Modify", "Set", "Attach", "Pass", "Tag", "Add", "Encrypt")
        actions = [action for each in preview for action in each["Action"]]
        assert [each for each in actions if each.partition(":")[2].startswith(changing)] == []
        assert {each["Effect"] for each in preview} == {"Allow"}
        assert allowed(preview, "s3:GetObject", f"{STATE}/.pulumi/stacks/episode-metadata/staging.json")
        assert allowed(preview, "kms:Decrypt", KEY)
        assert not allowed(preview, "s3:GetObject", "arn:aws:s3:::episode-metadata-storage-staging/photo.jpg")
        assert not allowed(preview, "kms:Decrypt", f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/other")
        assert {each["Sid"] for each in preview} == {"ReadDescriptions", "FindState", "ReadState", "UseStateKey"}


def test_read_is_one_statement_for_both_roles() -> None:
    assert len(READ) == 1
