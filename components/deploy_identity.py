"""Who may deploy: a role for one environment that only GitHub's jobs for that environment take on, without any stored key."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components import policies
from components.arguments import check, is_plain
from components.deploy_rights import DEPLOYMENT, NEW_ROLES, PATH, Scope, document, state
from components.deploy_service_rights import Right
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
# The rights of a policy, once the ARNs that they name are known.
Rights = Callable[[Mapping[str, str | None]], Sequence[Right]]


@dataclass(frozen=True, kw_only=True)
class DeployIdentityArgs:
    """Whose jobs deploy this environment, and where its state is. An administrator applies it: a deployment cannot change it."""

    naming: Naming
    repository: str
    """`owner/name`, exactly."""
    github_environment: str
    """The environment of GitHub that a job must declare. Its protection rules say who may start such a job."""
    region: str
    """The stack's own. Nothing is done anywhere else but in CloudFront's region."""
    account_id: pulumi.Input[str]
    state_bucket_arn: pulumi.Input[str]
    """The bucket of Pulumi's state, with the state at its top. The stack is called as the environment."""
    state_key_arn: pulumi.Input[str] | None = None
    """The key that encrypts the state, or the secrets in it."""
    provider_arn: pulumi.Input[str] | None = None
    """GitHub's identity provider, of which an account has one; None where it is made here."""

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

    def _check_plain(self, part: str, pattern: re.Pattern[str], wanted: str) -> None:
        value = getattr(self, part)
        if is_plain(value):
            check(self, part, bool(pattern.fullmatch(value)), f"must be {wanted}, not {value!r}")


class DeployIdentity(pulumi.ComponentResource):
    """The identity provider, the role that deploys, and the role that previews."""

    role_arn: pulumi.Output[str]
    preview_role_arn: pulumi.Output[str]
    """Of the jobs of pull requests: it reads descriptions and this stack's state, and nothing else."""
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
        # AWS knows GitHub's certificates itself and needs no thumbprint.
        provider = aws.iam.OpenIdConnectProvider(
            f"{self._name}-github", url=f"https://{ISSUER}", client_id_lists=[AUDIENCE], opts=self._child
        )
        self.provider_arn = provider.arn

    def _create_deployment(self) -> None:
        args = self._args
        role = self._create_role("deploy", f"environment:{args.github_environment}", "deploys")
        self.role_arn = role.arn
        made = {part: self._create_policy(f"deploy-{part}", _always(rights)) for part, rights in DEPLOYMENT.items()}
        for part, policy in made.items():
            self._attach(f"deploy-{part}", role, policy)
        self._read = made["read"]

        def others(known: Mapping[str, str | None]) -> Sequence[Right]:
            return [*state(str(known["bucket"]), known["key"], writes=True), NEW_ROLES]

        self._attach("deploy-state", role, self._create_policy("deploy-state", others))

    def _create_preview(self) -> None:
        role = self._create_role("preview", "pull_request", "previews")
        self.preview_role_arn = role.arn
        self._attach("preview-read", role, self._read)

        def read_state(known: Mapping[str, str | None]) -> Sequence[Right]:
            return state(str(known["bucket"]), known["key"], writes=False)

        self._attach("preview-state", role, self._create_policy("preview-state", read_state))

    def _create_role(self, thing: str, subject: str, does: str) -> aws.iam.Role:
        args = self._args
        # Both exactly: any pattern in the subject would let in a branch, a pull request or a repository that nobody meant.
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
            f"{self._name}-{thing}",
            name=args.naming.physical(thing),
            path=PATH,
            description=f"{does.capitalize()} {args.naming.project} {args.naming.environment} from GitHub",
            assume_role_policy=pulumi.Output.json_dumps(policies.document(trust)),
            max_session_duration=SESSION_SECONDS,
            opts=self._child,
        )

    def _create_policy(self, thing: str, rights: Rights) -> aws.iam.Policy:
        args = self._args
        known = pulumi.Output.all(account=args.account_id, bucket=args.state_bucket_arn, key=args.state_key_arn)

        def write(values: Mapping[str, str | None]) -> str:
            scope = Scope(naming=args.naming, region=args.region, account_id=str(values["account"]))
            return document(scope, *rights(values))

        return aws.iam.Policy(
            f"{self._name}-{thing}-policy",
            name=args.naming.physical(thing),
            path=PATH,
            policy=known.apply(write),
            opts=self._child,
        )

    def _attach(self, thing: str, role: aws.iam.Role, policy: aws.iam.Policy) -> None:
        aws.iam.RolePolicyAttachment(f"{self._name}-{thing}", role=role.name, policy_arn=policy.arn, opts=self._child)


def _always(rights: Sequence[Right]) -> Rights:
    return lambda _: rights
