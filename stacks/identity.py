"""Who may use the platform: the user pool, its client and the three roles."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.naming import Naming
from components.user_directory import UserDirectory, UserDirectoryArgs
from stacks.environment import EnvironmentSettings
from stacks.secrets_manager import create_secret

# The most powerful first: that is the order in which they count for someone in several.
GROUPS = {
    "admin": "Manages shows and episodes, and does all that editors do",
    "editor": "Uploads media and follows its processing, and sees all that viewers see",
    "viewer": "Reads everything, changes nothing",
}


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Where tokens come from, and the secret that tells others so."""

    pool_id: pulumi.Output[str]
    pool_endpoint: pulumi.Output[str]
    client_id: pulumi.Output[str]
    secret_arn: pulumi.Output[str]


def create_identity(settings: EnvironmentSettings, naming: Naming, opts: pulumi.ResourceOptions) -> Identity:
    """Makes the user directory, and the secret `{project}/cognito-{environment}` for clients that look it up."""
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
            protected=settings.protected,
        ),
        opts,
    )
    secret = create_secret(
        "cognito", "User pool and client of the API", naming, protected=settings.protected, opts=opts
    )
    aws.secretsmanager.SecretVersion(
        "cognito-secret-value",
        secret_id=secret.id,
        secret_string=pulumi.Output.json_dumps({"user_pool_id": directory.pool_id, "client_id": directory.client_id}),
        opts=opts,
    )
    return Identity(
        pool_id=directory.pool_id,
        pool_endpoint=directory.pool_endpoint,
        client_id=directory.client_id,
        secret_arn=secret.arn,
    )
