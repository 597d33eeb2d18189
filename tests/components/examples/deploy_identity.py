"""Deployment roles for tests."""

from typing import Any

from components.deploy_identity import DeployIdentityArgs
from components.naming import Naming

ACCOUNT = "123456789012"
NAMING = Naming("episode-metadata", "staging")
STATE = "arn:aws:s3:::episode-metadata-state"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/state"


def args(**changes: Any) -> Any:
    return DeployIdentityArgs(
        **dict[str, Any](
            {
                "naming": NAMING,
                "repository": "example/platform",
                "github_environment": "staging",
                "region": "eu-west-1",
                "account_id": ACCOUNT,
                "state_bucket_arn": STATE,
            }
        )
        | changes
    )
