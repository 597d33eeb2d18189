"""Resources that an AWS account has once, for all environments: image repository, artifact bucket, deployment roles."""

import pulumi
import pulumi_aws as aws
from pydantic import Field

from components.deploy_identity import DeployIdentity, DeployIdentityArgs
from components.image_repository import ImageRepository, ImageRepositoryArgs
from components.naming import Naming
from components.private_bucket import PrivateBucket, PrivateBucketArgs
from stacks.environment import PROJECT
from stacks.provider import create_provider
from stacks.sections import Settings

CONFIG = f"{PROJECT}-account"


class AccountSettings(Settings):
    """Settings of one account."""

    name: str = Field(description="What the account's own things are called by, where environments have their names.")
    region: str
    repository: str
    environments: tuple[str, ...] = Field(min_length=1)
    name_suffix: str
    image_repository: str
    reader_account_ids: tuple[str, ...]
    state_bucket_arn: str
    state_key_arn: str | None
    identity_provider_arn: str | None


def account() -> None:
    """Register the account described by the stack's config.

    Raises:
        SettingsError: The settings are invalid.
    """
    config = pulumi.Config(CONFIG)
    settings = AccountSettings.parse(config.require_object("settings"))
    naming = Naming(PROJECT, settings.name)
    provider = create_provider(settings.region, naming, config)
    opts = pulumi.ResourceOptions(provider=provider)
    account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOutputOptions(provider=provider)).account_id

    images = ImageRepository(
        "images",
        ImageRepositoryArgs(
            name=settings.image_repository, reader_account_ids=settings.reader_account_ids, protected=True
        ),
        opts,
    )
    artifacts = PrivateBucket(
        "artifacts",
        PrivateBucketArgs(naming=naming, resource_name="artifacts", name_suffix=settings.name_suffix, protected=True),
        opts,
    )
    pulumi.export("image_repository_url", images.url)
    pulumi.export("artifact_bucket", artifacts.name)

    identity_provider_arn: pulumi.Input[str] | None = settings.identity_provider_arn
    for environment in settings.environments:
        identity = DeployIdentity(
            f"github-{environment}",
            DeployIdentityArgs(
                naming=Naming(PROJECT, environment),
                repository=settings.repository,
                github_environment=environment,
                region=settings.region,
                account_id=account_id,
                state_bucket_arn=settings.state_bucket_arn,
                state_key_arn=settings.state_key_arn,
                provider_arn=identity_provider_arn,
            ),
            opts,
        )
        # The first one makes the account's identity provider, where it is not there already.
        identity_provider_arn = identity.provider_arn
        pulumi.export(f"deploy_role_{environment}", identity.role_arn)
        pulumi.export(f"preview_role_{environment}", identity.preview_role_arn)
