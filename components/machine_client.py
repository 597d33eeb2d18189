"""A machine-to-machine client of a user pool: it signs in with its own secret, and its tokens carry a scope instead of a group."""

import re
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.arguments import check
from components.naming import Naming

DOMAIN_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# Cognito rejects domain prefixes with these words.
RESERVED_IN_DOMAINS = ("aws", "amazon", "cognito")
# The scope of its tokens is `{project}/{SCOPE}`.
SCOPE, SCOPE_DESCRIPTION = "system", "Acts for the platform itself"
ACCESS_TOKEN_MINUTES = 60


@dataclass(frozen=True, kw_only=True)
class MachineClientArgs:
    """A client with an id and a secret. A pool has only one: its domain and its resource server are the pool's only ones."""

    naming: Naming
    pool_id: pulumi.Input[str]
    domain_prefix: str
    """Of the token host, `{domain_prefix}.auth.{region}.amazoncognito.com`. It is unique among all accounts."""
    secret_id: pulumi.Input[str] | None = None
    """A secret that gets `client_id`, `client_secret`, `scope` and `token_url` as its value; None to only output them."""

    def __post_init__(self) -> None:
        prefix = bool(DOMAIN_PREFIX.fullmatch(self.domain_prefix))
        check(self, "domain_prefix", prefix, f"must be one label of a host name, not {self.domain_prefix!r}")
        for word in RESERVED_IN_DOMAINS:
            check(
                self, "domain_prefix", word not in self.domain_prefix, f"must not contain {word}: Cognito reserves it"
            )


class MachineClient(pulumi.ComponentResource):
    """The client, its scope, and the domain where it gets tokens by the client credentials grant."""

    client_id: pulumi.Output[str]
    client_secret: pulumi.Output[str]
    """A Pulumi secret: never displayed, and encrypted in the state."""
    scope: pulumi.Output[str]
    """The `scope` claim of its access tokens: `{project}/system`."""
    token_url: pulumi.Output[str]

    def __init__(self, name: str, args: MachineClientArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("episode-metadata:index:MachineClient", name, {}, opts)
        self._name, self._args = name, args
        self._child = pulumi.ResourceOptions(parent=self)

        self._create_scope()
        self._create_client()
        self._create_domain()
        self._create_secret_value()

        self.register_outputs({"client_id": self.client_id, "scope": self.scope, "token_url": self.token_url})

    def _create_scope(self) -> None:
        args = self._args
        server = aws.cognito.ResourceServer(
            f"{self._name}-resource-server",
            identifier=args.naming.project,
            name=args.naming.physical("api"),
            user_pool_id=args.pool_id,
            scopes=[aws.cognito.ResourceServerScopeArgs(scope_name=SCOPE, scope_description=SCOPE_DESCRIPTION)],
            opts=self._child,
        )
        self.scope = pulumi.Output.concat(server.identifier, "/", SCOPE)

    def _create_client(self) -> None:
        args = self._args
        client = aws.cognito.UserPoolClient(
            f"{self._name}-client",
            name=args.naming.physical("machine-client"),
            user_pool_id=args.pool_id,
            generate_secret=True,
            allowed_oauth_flows_user_pool_client=True,
            allowed_oauth_flows=["client_credentials"],
            allowed_oauth_scopes=[self.scope],
            # Without a list, Cognito lets users sign in through this client too; with this flow alone, nobody can.
            explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"],
            access_token_validity=ACCESS_TOKEN_MINUTES,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
                access_token="minutes",  # noqa: S106  (a unit)
            ),
            enable_token_revocation=True,
            prevent_user_existence_errors="ENABLED",
            opts=self._child,
        )
        self.client_id = client.id
        self.client_secret = client.client_secret

    def _create_domain(self) -> None:
        domain = aws.cognito.UserPoolDomain(
            f"{self._name}-domain",
            domain=self._args.domain_prefix,
            user_pool_id=self._args.pool_id,
            opts=self._child,
        )
        # The pool id begins with the region: us-east-1_AbC123.
        self.token_url = pulumi.Output.all(domain.domain, domain.user_pool_id).apply(
            lambda known: f"https://{known[0]}.auth.{known[1].split('_')[0]}.amazoncognito.com/oauth2/token"
        )

    def _create_secret_value(self) -> None:
        if self._args.secret_id is None:
            return
        aws.secretsmanager.SecretVersion(
            f"{self._name}-secret-value",
            secret_id=self._args.secret_id,
            secret_string=pulumi.Output.json_dumps(
                {
                    "client_id": self.client_id,
                    "client_secret": self.client_secret,
                    "scope": self.scope,
                    "token_url": self.token_url,
                }
            ),
            opts=self._child,
        )
