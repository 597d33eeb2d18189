"""The whole platform on one screen."""

from importlib.metadata import version

import pulumi
import pulumi_aws as aws

from components.naming import Naming
from stacks.compute import create_compute
from stacks.data import create_data
from stacks.environment import PROJECT, EnvironmentSettings
from stacks.foundation import create_foundation
from stacks.identity import create_identity


def platform() -> None:
    """Describes one environment: the one whose settings are in the stack's config. Raises SettingsError."""
    settings = EnvironmentSettings.parse(pulumi.Config(PROJECT).require_object("settings"))
    naming = Naming(PROJECT, settings.environment)
    release = version(PROJECT)

    provider = aws.Provider(
        "aws",
        region=settings.region,
        default_tags=aws.ProviderDefaultTagsArgs(tags=naming.default_tags),
    )
    opts = pulumi.ResourceOptions(provider=provider)

    foundation = create_foundation(settings, naming, opts)
    identity = create_identity(settings, naming, opts)
    data = create_data(settings, naming, foundation, opts)
    compute = create_compute(settings, naming, release, foundation=foundation, identity=identity, data=data, opts=opts)

    pulumi.export("environment", settings.environment)
    pulumi.export("release", release)
    pulumi.export("region", settings.region)
    pulumi.export("api_url", compute.api_url)
    pulumi.export("user_pool_id", identity.pool_id)
    pulumi.export("user_pool_client_id", identity.client_id)
    pulumi.export("user_pool_endpoint", identity.pool_endpoint)
    pulumi.export("cognito_secret_arn", identity.secret_arn)
    pulumi.export("storage_bucket", data.storage.name)
    pulumi.export("thumbnails_bucket", data.thumbnails.name)
    pulumi.export("temp_bucket", data.temp.name)
    pulumi.export("thumbnail_queue_url", compute.queue_url)
    pulumi.export("thumbnail_dead_letter_queue_url", compute.dead_letter_queue_url)
    pulumi.export("database_endpoint", data.database.endpoint)
    pulumi.export("database_secret_arn", data.database_secret_arn)
    pulumi.export("vpc_id", foundation.network.vpc_id)
    pulumi.export("schema_head", compute.schema.head)
    pulumi.export("schema_digest", compute.schema.digest)
