"""The deploy identity component (GitHub's OIDC provider and roles), read back from the emulator."""

import json
from collections.abc import Callable

import pytest

from components.deploy_identity import DeployIdentity, DeployIdentityArgs
from components.deploy_permissions import DEPLOYMENT_POLICIES
from components.naming import Naming
from local.account import LocalAccount
from local.engines.in_process import Deployment, deploy
from local.errors import RegistrationError
from local.provider.provider import Created, LocalProvider
from tests.local.provider.programs.child_inputs import with_inputs

PROVIDER = "aws:iam/openIdConnectProvider:OpenIdConnectProvider"
ISSUER = "token.actions.githubusercontent.com"
ARN = f"arn:aws:iam::123456789012:oidc-provider/{ISSUER}"
BOUNDARY = "arn:aws:iam::123456789012:policy/limits"
TAGS = {"Project": "shipped"}
Create = Callable[..., Created]


@pytest.fixture(scope="module")
def deployment(account: LocalAccount) -> Deployment:
    def program() -> None:
        DeployIdentity(
            "ci",
            DeployIdentityArgs(
                naming=Naming("shipped", "dev"),
                repository="example/platform",
                github_environment="dev",
                region="us-east-1",
                account_id="123456789012",
                state_bucket_arn="arn:aws:s3:::shipped-state",
            ),
            with_inputs({"ci-deploy": {"permissions_boundary": BOUNDARY, "max_session_duration": 7_200}}),
        )

    return deploy(
        program,
        project="shipped",
        stack="dev",
        config={"aws:defaultTags": json.dumps({"tags": TAGS})},
        provider=LocalProvider(account, {}),
    )


class TestDeployIdentity:
    def test_all_resources_are_applied(self, deployment: Deployment) -> None:
        assert {each.state for each in deployment.resources} == {"applied"}
        (made,) = [each for each in deployment.resources if each.type == PROVIDER]
        assert (made.id, made.outputs["arn"]) == (ARN, ARN)

    def test_provider_is_github_for_aws(self, deployment: Deployment, account: LocalAccount) -> None:
        read = account.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
        assert (read["Url"], read["ClientIDList"]) == (ISSUER, ["sts.amazonaws.com"])
        assert {each["Key"]: each["Value"] for each in read["Tags"]} == TAGS

    def test_role_trusts_one_environment_of_one_repository(self, deployment: Deployment, account: LocalAccount) -> None:
        role = account.client("iam").get_role(RoleName="shipped-deploy-dev")["Role"]
        assert (role["Path"], role["MaxSessionDuration"]) == ("/deployment/", 7_200)
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"] == BOUNDARY
        (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
        assert trust["Principal"] == {"Federated": ARN}
        assert trust["Condition"]["StringEquals"] == {
            f"{ISSUER}:aud": "sts.amazonaws.com",
            f"{ISSUER}:sub": "repo:example/platform:environment:dev",
        }

    def test_role_has_its_policies(self, deployment: Deployment, account: LocalAccount) -> None:
        iam = account.client("iam")
        attached = {
            role: {each["PolicyName"] for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]}
            for role in ("shipped-deploy-dev", "shipped-preview-dev")
        }
        assert attached == {
            "shipped-deploy-dev": {f"shipped-deploy-{part}-dev" for part in (*DEPLOYMENT_POLICIES, "state")},
            "shipped-preview-dev": {"shipped-deploy-read-dev", "shipped-preview-state-dev"},
        }
        arn = "arn:aws:iam::123456789012:policy/deployment/shipped-deploy-roles-dev"
        read = iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]
        assert {each["Sid"] for each in read["Statement"]} >= {"PassRoles", "KeepOwnRights"}


class TestProvider:
    def test_url_without_https_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match="create_open_id_connect_provider"):
            create(PROVIDER, "plain", url="token.example.org", clientIdLists=["x"])

    def test_unmapped_input_is_rejected(self, create: Create) -> None:
        with pytest.raises(RegistrationError, match="no call accepts colour"):
            create(PROVIDER, "other", url="https://token.example.org", clientIdLists=["x"], colour="blue")
