"""The AWS provider and its default tags."""

import pulumi
import pulumi_aws as aws

from components.naming import Naming


def create_provider(region: str, naming: Naming, config: pulumi.Config) -> aws.Provider:
    """The provider of all resources.

    The config value `endpoints` (service to address, as the provider's own option) leads it to another AWS than Amazon's, such as
    an emulator, which has no accounts to ask for and no host name for each bucket.
    """
    endpoints = config.get_object("endpoints")
    elsewhere = bool(endpoints) or None
    return aws.Provider(
        "aws",
        region=region,
        default_tags=aws.ProviderDefaultTagsArgs(tags=naming.default_tags),
        endpoints=[aws.ProviderEndpointArgs(**endpoints)] if endpoints else None,
        s3_use_path_style=elsewhere,
        skip_credentials_validation=elsewhere,
        skip_metadata_api_check=elsewhere,
    )
