from typing import Any

import pytest

from components.arguments import ArgumentError
from components.deploy_identity import DeployIdentity
from components.deploy_permissions import DEPLOYMENT_POLICIES, Scope, policy_json
from components.naming import Naming
from tests.components.examples.deploy_identity import ACCOUNT, KEY, PROVIDER, args


class TestTrust:
    @pytest.mark.requirement("C-41", "P2-09")
    def test_only_jobs_of_this_repository_s_environment_deploy(self, register: Any) -> None:
        graph = register(lambda: DeployIdentity("ci", args()))
        assert graph.statements("ci-deploy", "assumeRolePolicy") == {
            "GitHubJob": {
                "Sid": "GitHubJob",
                "Effect": "Allow",
                "Principal": {
                    "Federated": graph.statements("ci-deploy", "assumeRolePolicy")["GitHubJob"]["Principal"][
                        "Federated"
                    ]
                },
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": {
                    "StringEquals": {
                        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                        "token.actions.githubusercontent.com:sub": "repo:example/platform:environment:staging",
                    }
                },
            }
        }
        role = graph.named("ci-deploy")
        assert role.property_dependencies["assumeRolePolicy"] == (graph.one("OpenIdConnectProvider").urn,)
        assert graph.one("OpenIdConnectProvider").inputs == {
            "url": "https://token.actions.githubusercontent.com",
            "clientIdLists": ["sts.amazonaws.com"],
        }

    def test_pull_requests_only_preview(self, register: Any) -> None:
        graph = register(lambda: DeployIdentity("ci", args()))
        condition = graph.statements("ci-preview", "assumeRolePolicy")["GitHubJob"]["Condition"]
        assert condition == {
            "StringEquals": {
                "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
                "token.actions.githubusercontent.com:sub": "repo:example/platform:pull_request",
            }
        }

    def test_account_has_one_provider(self, register: Any) -> None:
        graph = register(lambda: DeployIdentity("ci", args(provider_arn=PROVIDER)))
        assert "OpenIdConnectProvider" not in graph.counts
        for role in ("ci-deploy", "ci-preview"):
            statement = graph.statements(role, "assumeRolePolicy")["GitHubJob"]
            assert statement["Principal"] == {"Federated": PROVIDER}

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("repository", {"repository": "*/*"}),
            ("repository", {"repository": "example/*"}),
            ("repository", {"repository": "exam*/platform"}),
            ("repository", {"repository": "example/plat?orm"}),
            ("repository", {"repository": "example"}),
            ("repository", {"repository": "example/"}),
            ("repository", {"repository": "/platform"}),
            ("repository", {"repository": "example/platform:ref:refs/heads/main"}),
            ("repository", {"repository": "example/platform/fork"}),
            ("repository", {"repository": "https://github.com/example/platform"}),
            ("repository", {"repository": "example/platform\n"}),
            ("github_environment", {"github_environment": "*"}),
            ("github_environment", {"github_environment": "stag*"}),
            ("github_environment", {"github_environment": ""}),
            ("github_environment", {"github_environment": "staging:ref"}),
            ("github_environment", {"github_environment": "${token}"}),
            ("provider_arn", {"provider_arn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/evil.example"}),
            ("provider_arn", {"provider_arn": f"{PROVIDER}.evil.example"}),
            ("provider_arn", {"provider_arn": PROVIDER.replace(ACCOUNT, "*")}),
        ],
    )
    def test_trust_in_more_than_one_is_refused_by_field(self, field: Any, changes: Any) -> None:
        with pytest.raises(ArgumentError, match=rf"DeployIdentityArgs\.{field}: must"):
            args(**changes)


class TestRoles:
    def test_counts_names_and_limits(self, register: Any) -> None:
        graph = register(lambda: DeployIdentity("ci", args()))
        assert graph.counts == {
            "OpenIdConnectProvider": 1,
            "Role": 2,
            "Policy": len(DEPLOYMENT_POLICIES) + 2,
            "RolePolicyAttachment": len(DEPLOYMENT_POLICIES) + 1 + 2,
        }
        deploy = graph.named("ci-deploy").inputs
        assert (deploy["name"], deploy["path"]) == ("episode-metadata-deploy-staging", "/deployment/")
        for role in graph.of("Role"):
            assert role.inputs["maxSessionDuration"] == 3_600
        assert {each.inputs["path"] for each in graph.of("Policy")} == {"/deployment/"}

    def test_policies_fit_what_aws_takes_of_one_and_of_a_role(self, register: Any) -> None:
        graph = register(lambda: DeployIdentity("ci", args(state_key_arn=KEY)))
        lengths = {each.name: len(each.inputs["policy"]) for each in graph.of("Policy")}
        assert max(lengths.values()) <= 6_144, lengths
        attached = [each.inputs["role"] for each in graph.of("RolePolicyAttachment")]
        assert max(attached.count(role) for role in attached) <= 10

    @pytest.mark.parametrize("part", DEPLOYMENT_POLICIES)
    def test_policies_fit_with_the_longest_names_that_aws_takes(self, part: Any) -> None:
        naming = Naming("p" * 50, "production")
        assert len(naming.physical("*")) == 63
        scope = Scope(naming=naming, region="ap-southeast-2", account_id=ACCOUNT)
        assert len(policy_json(scope, *DEPLOYMENT_POLICIES[part])) <= 6_144
