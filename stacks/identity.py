"""Identity: the user pool, its client for people, its client for machines, and the three groups."""

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.machine_client import MachineClient, MachineClientArgs
from components.user_directory import UserDirectory, UserDirectoryArgs
from runtime.roles import Role
from stacks.deployment import Deployment
from stacks.foundation import Foundation
from stacks.secrets_manager import create_secret

# Ordered by precedence: the first one counts for a user in several groups.
GROUPS: Mapping[str, str] = {
    Role.ADMIN: "Manages shows and episodes, and does all that editors do",
    Role.EDITOR: "Uploads media and follows its processing, and sees all that viewers see",
    Role.VIEWER: "Reads everything, changes nothing",
}


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The client of machines, the scope of its tokens, and the secret with its credentials."""

    client_id: pulumi.Output[str]
    scope: pulumi.Output[str]
    secret_arn: pulumi.Output[str]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """The issuer of tokens, and the secret that describes it. `machine` is None where machines cannot sign in."""

    pool_id: pulumi.Output[str]
    pool_endpoint: pulumi.Output[str]
    client_id: pulumi.Output[str]
    machine: Machine | None
    secret_arn: pulumi.Output[str]


def create_identity(deployment: Deployment, foundation: Foundation) -> Identity:
    """Create the user pool, and the secret `{project}/cognito-{environment}` for clients that look it up."""
    settings, naming, opts = deployment.settings, deployment.naming, deployment.opts
    section = settings.identity
    directory = UserDirectory(
        "users",
        UserDirectoryArgs(
            naming=naming,
            groups=GROUPS,
            mfa=section.mfa,
            access_token_hours=section.access_token_hours,
            id_token_hours=section.id_token_hours,
            refresh_token_days=section.refresh_token_days,
            threat_protection=section.threat_protection,
            first_administrator_email=section.first_administrator,
            protected=settings.protected,
        ),
        opts,
    )

    def secret(resource_name: str, description: str) -> aws.secretsmanager.Secret:
        key_arn = foundation.data_key_arn
        return create_secret(
            resource_name, description, naming, key_arn=key_arn, protected=settings.protected, opts=opts
        )

    cognito = secret("cognito", "User pool and client of the API")
    aws.secretsmanager.SecretVersion(
        "cognito-secret-value",
        secret_id=cognito.id,
        secret_string=pulumi.Output.json_dumps({"user_pool_id": directory.pool_id, "client_id": directory.client_id}),
        opts=opts,
    )
    machine = None
    if section.system_client:
        credentials = secret("system", "How machines sign in as the system")
        client = MachineClient(
            "system",
            MachineClientArgs(
                naming=naming,
                pool_id=directory.pool_id,
                # The domain prefix is globally unique per region; the bucket suffix makes it so.
                domain_prefix="-".join(
                    filter(None, [naming.physical("auth"), settings.buckets.name_suffix.strip("-")])
                ),
                secret_id=credentials.id,
            ),
            opts,
        )
        machine = Machine(client_id=client.client_id, scope=client.scope, secret_arn=credentials.arn)
    return Identity(
        pool_id=directory.pool_id,
        pool_endpoint=directory.pool_endpoint,
        client_id=directory.client_id,
        machine=machine,
        secret_arn=cognito.arn,
    )
