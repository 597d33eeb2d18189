"""What keeps data: the database, the three buckets, and the secret of the application's database role."""

from dataclasses import dataclass

import pulumi

from components.naming import Naming
from components.postgres_database import PostgresDatabase, PostgresDatabaseArgs
from components.private_bucket import CrossOrigin, LifecycleRule, PrivateBucket, PrivateBucketArgs
from stacks.environment import EnvironmentSettings
from stacks.foundation import Foundation
from stacks.secrets_manager import create_secret
from stacks.sections import BucketsSection

# The prefix of verified originals in the storage bucket; what lands here, and only that, becomes work.
RAW_PREFIX = "raw/"
# The prefix of uploads in the temp bucket that nobody verified yet.
UPLOADS_PREFIX = "uploads/"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Everything that must outlive a deployment."""

    database: PostgresDatabase
    database_secret_arn: pulumi.Output[str]
    """Of the application's role. The migrate function fills it: no password of ours stands in the program or its state."""
    storage: PrivateBucket
    thumbnails: PrivateBucket
    temp: PrivateBucket


def create_data(
    settings: EnvironmentSettings, naming: Naming, foundation: Foundation, opts: pulumi.ResourceOptions
) -> Data:
    """Makes the database, the buckets and the secret."""
    buckets = settings.buckets
    browsers = CrossOrigin(origins=settings.cors_origins)
    secret = create_secret(
        "database", "The application's role in the database", naming, protected=settings.protected, opts=opts
    )

    def bucket(thing: str, noncurrent_days: int, rules: list[LifecycleRule], *, open_to_pages: bool) -> PrivateBucket:
        return PrivateBucket(
            thing,
            PrivateBucketArgs(
                naming=naming,
                thing=thing,
                name_suffix=buckets.name_suffix,
                noncurrent_version_days=noncurrent_days,
                lifecycle_rules=rules,
                cross_origin=browsers if open_to_pages else None,
                protected=settings.protected,
            ),
            opts,
        )

    return Data(
        database=_create_database(settings, naming, foundation, opts),
        database_secret_arn=secret.arn,
        storage=bucket("storage", buckets.storage_noncurrent_days, _archive_rules(buckets), open_to_pages=True),
        thumbnails=bucket("thumbnails", buckets.thumbnails_noncurrent_days, [], open_to_pages=False),
        # Pages post their uploads here. What was never completed is gone after a day, with its versions.
        temp=bucket(
            "temp",
            buckets.temp_expiry_days,
            [LifecycleRule(name="expire", expire_after_days=buckets.temp_expiry_days)],
            open_to_pages=True,
        ),
    )


def _create_database(
    settings: EnvironmentSettings, naming: Naming, foundation: Foundation, opts: pulumi.ResourceOptions
) -> PostgresDatabase:
    section = settings.database
    return PostgresDatabase(
        "database",
        PostgresDatabaseArgs(
            naming=naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            database_name=section.name,
            instance_class=section.instance_class,
            storage_gb=section.storage_gb,
            storage_limit_gb=section.storage_limit_gb,
            iops=section.iops,
            max_connections=section.max_connections,
            slow_statement_ms=section.slow_statement_ms,
            multi_az=section.multi_az,
            backup_retention_days=section.backup_retention_days,
            backup_window=section.backup_window,
            maintenance_window=section.maintenance_window,
            log_exports=section.log_exports,
            log_retention_days=settings.log_retention_days,
            protected=settings.protected,
            tags={"Backup": "critical"} if settings.protected else None,
        ),
        opts,
    )


def _archive_rules(buckets: BucketsSection) -> list[LifecycleRule]:
    rules = []
    if buckets.archive_raw_after_days is not None:
        rules.append(
            LifecycleRule(name="archive-raw", prefix=RAW_PREFIX, move_after_days=buckets.archive_raw_after_days)
        )
    if buckets.archive_tagged_after_days is not None:
        rules.append(
            LifecycleRule(
                name="archive-tagged", tags={"Archive": "true"}, move_after_days=buckets.archive_tagged_after_days
            )
        )
    return rules
