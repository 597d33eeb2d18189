"""A thumbnail worker in a real environment: database, buckets, uploaded images and deliveries."""

import io
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote
from uuid import UUID

import psycopg
import pytest
from PIL import Image
from psycopg.rows import dict_row

from lambda_src.thumbnails.handler import handler
from local.account import LocalAccount
from runtime.features.jobs import repository as jobs
from runtime.features.jobs.job_types import JobType
from tests.runtime.conftest import forget_the_process
from tests.runtime.features.api_fixtures import api, api_environment, pool, pool_server

__all__ = ["api", "api_environment", "bench", "photograph", "picture", "pool", "pool_server"]

PHOTOGRAPH = Path(__file__).parents[3] / "assets" / "dandelions.jpg"


class Address(Protocol):
    conninfo: str


@dataclass(frozen=True)
class Upload:
    """A completed upload in the storage bucket."""

    entity_type: str
    entity_id: UUID
    job_id: UUID
    key: str
    version_id: str


@dataclass(frozen=True)
class Bench:
    """A test bench: delivers messages to the worker and reads their effects."""

    conninfo: str
    s3: Any
    storage_bucket: str
    thumbnails_bucket: str
    environment: dict[str, str]

    def rows(self, query: str, *parameters: object) -> list[dict[str, Any]]:
        with psycopg.connect(self.conninfo, row_factory=dict_row, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def row(self, query: str, *parameters: object) -> dict[str, Any]:
        (row,) = self.rows(query, *parameters)
        return row

    def episode(self) -> UUID:
        show_id = self.row("INSERT INTO shows (name) VALUES (%s) RETURNING show_id", secrets.token_hex(8))["show_id"]
        row = self.row(
            "INSERT INTO episodes (show_id, title, episode_number) VALUES (%s, 'Seeds', 1) RETURNING episode_id",
            show_id,
        )
        return UUID(str(row["episode_id"]))

    def upload(
        self,
        image: bytes,
        entity_id: UUID | None = None,
        entity_type: str = "episode",
        content_type: str = "binary/octet-stream",
    ) -> Upload:
        """Complete an upload like the API: first the job row, then the object under a key with the job's id.

        The default content type is S3's for objects without a declared one.
        """
        entity_id = entity_id or self.episode()
        with psycopg.connect(self.conninfo, row_factory=dict_row) as connection:
            job = jobs.insert(
                connection,
                job_type=JobType.THUMBNAIL_GENERATION,
                entity_type=entity_type,
                entity_id=entity_id,
                source_reference="s3://temp/uploads/1",
                source_version_id=None,
                created_by=None,
            )
        key = f"raw/{entity_type}s/{entity_id}/{job.job_id}"
        version = self.s3.put_object(Bucket=self.storage_bucket, Key=key, Body=image, ContentType=content_type)[
            "VersionId"
        ]
        return Upload(entity_type, entity_id, job.job_id, key, version)

    def notification(self, *uploads: Upload) -> str:
        """Return the notification body that S3 sends for the uploads."""
        return json.dumps(
            {
                "Records": [
                    {
                        "eventSource": "aws:s3",
                        "eventName": "ObjectCreated:Copy",
                        "s3": {
                            "bucket": {"name": self.storage_bucket},
                            "object": {"key": quote(upload.key), "versionId": upload.version_id},
                        },
                    }
                    for upload in uploads
                ]
            }
        )

    def deliver(self, *bodies: str, receive_count: int = 1) -> list[int]:
        """Invoke the handler with one batch and return the positions of the messages that it reports as failed."""
        event = self.event(*bodies, receive_count=receive_count)
        ids = [record["messageId"] for record in event["Records"]]
        answer = handler(event, None)
        return [ids.index(failure["itemIdentifier"]) for failure in answer["batchItemFailures"]]

    @staticmethod
    def event(*bodies: str, receive_count: int = 1) -> dict[str, Any]:
        return {
            "Records": [
                {
                    "messageId": secrets.token_hex(16),
                    "body": body,
                    "attributes": {"ApproximateReceiveCount": str(receive_count)},
                }
                for body in bodies
            ]
        }

    def job(self, job_id: UUID) -> dict[str, Any]:
        return self.row("SELECT * FROM processing_queue WHERE job_id = %s", job_id)

    def thumbnails(self, entity_id: UUID) -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM thumbnails WHERE entity_id = %s ORDER BY width DESC, size_variant", entity_id)

    def thumbnail_keys(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.thumbnails_bucket).get("Contents", [])]

    def image(self, key: str) -> Image.Image:
        body = self.s3.get_object(Bucket=self.thumbnails_bucket, Key=key)["Body"].read()
        return Image.open(io.BytesIO(body))


@pytest.fixture
def bench(migrated: dict[str, str], database: Address, account: LocalAccount, monkeypatch: pytest.MonkeyPatch) -> Bench:
    s3, suffix = account.client("s3"), secrets.token_hex(4)
    buckets = {"storage": f"storage-{suffix}", "thumbnails": f"thumbnails-{suffix}"}
    for bucket in buckets.values():
        s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=buckets["storage"], VersioningConfiguration={"Status": "Enabled"})
    added = {
        "PLATFORM_STORAGE_BUCKET": buckets["storage"],
        "PLATFORM_THUMBNAILS_BUCKET": buckets["thumbnails"],
        "PLATFORM_JOB_LEASE_SECONDS": "60",
        "PLATFORM_IMAGE_MAX_PIXELS": "50000000",
        "PLATFORM_IMAGE_MAX_BYTES": "20000000",
    }
    for variable, value in added.items():
        monkeypatch.setenv(variable, value)
    forget_the_process()
    return Bench(database.conninfo, s3, buckets["storage"], buckets["thumbnails"], migrated | added)


@pytest.fixture(scope="session")
def photograph() -> bytes:
    return PHOTOGRAPH.read_bytes()


@pytest.fixture(scope="session")
def picture() -> bytes:
    """A small JPEG for tests that do not depend on the image."""
    file = io.BytesIO()
    Image.radial_gradient("L").convert("RGB").save(file, "JPEG")
    return file.getvalue()
