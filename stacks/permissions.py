"""IAM permissions of each workload: exact actions on exact resources, each with the call that needs it."""

import pulumi

from components import policies
from components.policies import Statement
from runtime.object_keys import ORIGINALS_PREFIX, UPLOADS_PREFIX
from stacks.data import Data
from stacks.deployment import Deployment
from stacks.wiring import search_endpoint_parameter


def use_secrets_key(key_arn: pulumi.Input[str] | None, *, write: bool = False) -> list[Statement]:
    """Return the permission to use the secrets' customer-managed key through Secrets Manager. AWS's own key needs none."""
    if key_arn is None:
        return []
    actions = ["kms:Decrypt", "kms:GenerateDataKey"] if write else ["kms:Decrypt"]
    through = {"StringLike": {"kms:ViaService": "secretsmanager.*.amazonaws.com"}}
    return [policies.allow("UseSecretsKey", actions, [key_arn], condition=through)]


def find_search_domain(deployment: Deployment, account_id: pulumi.Input[str]) -> list[Statement]:
    """Return the permission to look up the search domain's endpoint. The domain's own policy governs requests to it."""
    if not (name := search_endpoint_parameter(deployment)):
        return []
    arn = pulumi.Output.concat(f"arn:aws:ssm:{deployment.settings.region}:", account_id, f":parameter{name}")
    return [policies.allow("FindSearchDomain", ["ssm:GetParameter"], [arn])]


def api_statements(data: Data) -> list[Statement]:
    """Return the permissions of the API. It presigns S3 requests, so it needs every right that it hands out."""
    return [
        policies.allow("ReadDatabaseSecret", ["secretsmanager:GetSecretValue"], [data.database_secret_arn]),
        policies.allow(
            "SignAndVerifyUploads",
            ["s3:PutObject", "s3:GetObject", "s3:GetObjectVersion"],
            [_objects(data.temp.arn, UPLOADS_PREFIX)],
        ),
        policies.allow(
            "StoreOriginals", ["s3:PutObject", "s3:GetObject"], [_objects(data.storage.arn, ORIGINALS_PREFIX)]
        ),
        policies.allow("SignDownloads", ["s3:GetObject"], [_objects(data.thumbnails.arn)]),
        policies.allow("RemoveThumbnails", ["s3:DeleteObject"], [_objects(data.thumbnails.arn)]),
        # Without it S3 answers 403 where an object is missing, and "never uploaded" could not be told from "not allowed".
        policies.allow("SeeMissingObjects", ["s3:ListBucket"], [data.temp.arn, data.storage.arn, data.thumbnails.arn]),
    ]


def thumbnail_statements(data: Data, queue_arn: pulumi.Input[str]) -> list[Statement]:
    """Return the permissions of the thumbnail worker: read verified originals, write thumbnails, no uploads."""
    return [
        policies.allow("ReadDatabaseSecret", ["secretsmanager:GetSecretValue"], [data.database_secret_arn]),
        policies.consume_queue(queue_arn),
        policies.allow(
            "ReadOriginals", ["s3:GetObject", "s3:GetObjectVersion"], [_objects(data.storage.arn, ORIGINALS_PREFIX)]
        ),
        # A missing original is a job that failed; a forbidden one would be tried again and again.
        policies.allow("SeeMissingObjects", ["s3:ListBucket"], [data.storage.arn]),
        policies.allow("WriteThumbnails", ["s3:PutObject"], [_objects(data.thumbnails.arn)]),
    ]


def maintenance_statements(data: Data) -> list[Statement]:
    """Return the permissions of the maintenance function.

    It copies verified uploads and reprocessed originals and removes deleted thumbnails; it presigns nothing.
    """
    return [
        policies.allow("ReadDatabaseSecret", ["secretsmanager:GetSecretValue"], [data.database_secret_arn]),
        policies.allow(
            "ReadUploads", ["s3:GetObject", "s3:GetObjectVersion"], [_objects(data.temp.arn, UPLOADS_PREFIX)]
        ),
        policies.allow(
            "StoreOriginals", ["s3:PutObject", "s3:GetObject"], [_objects(data.storage.arn, ORIGINALS_PREFIX)]
        ),
        policies.allow("RemoveThumbnails", ["s3:DeleteObject"], [_objects(data.thumbnails.arn)]),
        # A file that is gone ends its job; one that is forbidden would be tried again and again.
        policies.allow("SeeMissingObjects", ["s3:ListBucket"], [data.temp.arn, data.storage.arn]),
    ]


def migrate_statements(data: Data) -> list[Statement]:
    """Return the permissions of the migrate function, the only one to read the master secret and write the application's."""
    return [
        policies.allow("ReadMasterSecret", ["secretsmanager:GetSecretValue"], [data.database.master_secret_arn]),
        policies.allow(
            "KeepDatabaseSecret",
            ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"],
            [data.database_secret_arn],
        ),
    ]


def _objects(bucket_arn: pulumi.Input[str], prefix: str = "") -> pulumi.Output[str]:
    return pulumi.Output.concat(bucket_arn, f"/{prefix}*")
