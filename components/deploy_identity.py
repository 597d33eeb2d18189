"""A deployment role for one environment that only GitHub's jobs for that environment can assume, without stored keys."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, is_plain
from components.deploy_permissions import DEPLOYMENT_POLICIES, NEW_ROLES, PATH, Scope, policy_json, state_statements
from components.deploy_service_permissions import StatementTemplate
from components.naming import Naming

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
OWNER = re.compile(r"[A-Za-z0-9](-?[A-Za-z0-9])*")
REPOSITORY = re.compile(r"[A-Za-z0-9_.-]{1,100}")
GITHUB_ENVIRONMENT = re.compile(r"[A-Za-z0-9_.-]{1,255}")
REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")
PROVIDER = re.compile(rf"arn:aws[a-z-]*:iam::\d{{12}}:oidc-provider/{re.escape(ISSUER)}")
BUCKET = re.compile(r"arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{2,62}")
SESSION_SECONDS = 3_600
# Builds the statements of a policy from the ARNs that they name.
StatementTemplates = Callable[[Mapping[str, str | None]], Sequence[StatementTemplate]]


@dataclass(frozen=True, kw_only=True)
class DeployIdentityArgs:
    """The repository that deploys this environment, and its state. An administrator applies it: a deployment cannot change it."""

    naming: Naming
    repository: str
    """`owner/name`, exactly."""
    github_environment: str
    """The GitHub environment that a job must declare. Its protection rules decide who may start such a job."""
    region: str
    """The stack's own region. Other regions are denied, except CloudFront's."""
    account_id: pulumi.Input[str]
    state_bucket_arn: pulumi.Input[str]
    """The bucket of Pulumi's state, with the state at its root. The stack is named after the environment."""
    state_key_arn: pulumi.Input[str] | None = None
    """The key that encrypts the state, or the secrets in it."""
    provider_arn: pulumi.Input[str] | None = None
    """GitHub's OIDC provider, of which an account has only one; None to create it here."""

    def __post_init__(self) -> None:
        owner, slash, name = self.repository.partition("/")
        exact = bool(slash and OWNER.fullmatch(owner) and len(owner) <= 39 and REPOSITORY.fullmatch(name))
        check(self, "repository", exact, f"must be exactly one repository as owner/name, not {self.repository!r}")
        exact = bool(GITHUB_ENVIRONMENT.fullmatch(self.github_environment))
        problem = f"must be exactly one environment's name, not {self.github_environment!r}"
        check(self, "github_environment", exact, problem)
        check(self, "region", bool(REGION.fullmatch(self.region)), f"must be one region, not {self.region!r}")
        self._check_plain("account_id", re.compile(r"\d{12}"), "twelve digits")
        self._check_plain("provider_arn", PROVIDER, f"the ARN of {ISSUER}'s provider")
        self._check_plain("state_bucket_arn", BUCKET, "one bucket's ARN")
        self._check_plain("state_key_arn", re.compile(r"arn:[^\s*?]+"), "one ARN")

    def _check_plain(self, field: str, pattern: re.Pattern[str], wanted: str) -> None:
        value = getattr(self, field)
        if is_plain(value):
            check(self, field, bool(pattern.fullmatch(value)), f"must be {wanted}, not {value!r}")


class DeployIdentity(pulumi.ComponentResource):
    """The OIDC provider, the deployment role and the preview role."""

    role_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]
    """The role for jobs of pull requests: it only reads resource descriptions and this stack's state."""
    provider_arn: pulumi.Output[str]

    def __init__(self, name: str, args: DeployIdentityArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:DeployIdentity", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_provider()
        self._create_deployment()
        self._create_preview()

        self.register_outputs({"role_arn": self.role_arn, "provider_arn": self.provider_arn})

    def _create_provider(self) -> None:
        if self._args.provider_arn is not None:
            self.provider_arn = pulumi.Output.from_input(self._args.provider_arn)
            return
        # AWS trusts GitHub's certificates itself and needs no thumbprint.
        provider = aws.iam.OpenIdConnectProvider(
            f"{self._name}-github", url=f"https://{ISSUER}", client_id_lists=[AUDIENCE], opts=self._child
        )
        self.provider_arn = provider.arn

    def _create_deployment(self) -> None:
        args = self._args
        role = self._create_role("deploy", f"environment:{args.github_environment}", "deploys")
        self.role_arn = role.arn
        created = {
            part: self._create_policy(f"deploy-{part}", _constant(templates))
            for part, templates in DEPLOYMENT_POLICIES.items()
        }
        for part, policy in created.items():
            self._attach(f"deploy-{part}", role, policy)
        self._read = created["read"]

        def state_and_roles(known: Mapping[str, str | None]) -> Sequence[StatementTemplate]:
            return [*state_statements(str(known["bucket"]), known["key"], writes=True), NEW_ROLES]

        self._attach("deploy-state", role, self._create_policy("deploy-state", state_and_roles))

    def _create_preview(self) -> None:
        role = self._create_role("preview", "pull_request", "previews")
        self.preview_role_arn = role.arn
        self._attach("preview-read", role, self._read)

        def read_state(known: Mapping[str, str | None]) -> Sequence[StatementTemplate]:
            return state_statements(str(known["bucket"]), known["key"], writes=False)

        self._attach("preview-state", role, self._create_policy("preview-state", read_state))

    def _create_role(self, resource_name: str, subject: str, purpose: str) -> aws.iam.Role:
        args = self._args
        # Exact values: a pattern in the subject could match other branches, pull requests or repositories.
        trust = {
            "Sid": "GitHubJob",
            "Effect": "Allow",
            "Principal": {"Federated": self.provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {
                "StringEquals": {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": f"repo:{args.repository}:{subject}"}
            },
        }
        return aws.iam.Role(
            f"{self._name}-{resource_name}",
            name=args.naming.physical(resource_name),
            path=PATH,
            description=f"{purpose.capitalize()} {args.naming.project} {args.naming.environment} from GitHub",
            assume_role_policy=pulumi.Output.json_dumps(policies.document(trust)),
            max_session_duration=SESSION_SECONDS,
            opts=self._child,
        )

    def _create_policy(self, resource_name: str, templates: StatementTemplates) -> aws.iam.Policy:
        args = self._args
        known = pulumi.Output.all(account=args.account_id, bucket=args.state_bucket_arn, key=args.state_key_arn)

        def write(values: Mapping[str, str | None]) -> str:
            scope = Scope(naming=args.naming, region=args.region, account_id=str(values["account"]))
            return policy_json(scope, *templates(values))

        return aws.iam.Policy(
            f"{self._name}-{resource_name}-policy",
            name=args.naming.physical(resource_name),
            path=PATH,
            policy=known.apply(write),
            opts=self._child,
        )

    def _attach(self, resource_name: str, role: aws.iam.Role, policy: aws.iam.Policy) -> None:
        aws.iam.RolePolicyAttachment(
            f"{self._name}-{resource_name}", role=role.name, policy_arn=policy.arn, opts=self._child
        )


def _constant(templates: Sequence[StatementTemplate]) -> StatementTemplates:
    return lambda _: templates
