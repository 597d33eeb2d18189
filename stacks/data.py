"""Stateful resources: the database, the three buckets, and the secret of the application's database role."""

from dataclasses import dataclass, replace

import pulumi

from components.cache import Cache, CacheArgs
from components.content_delivery import ContentDelivery
from components.database_proxy import DatabaseProxy, DatabaseProxyArgs
from components.malware_protection import MalwareProtection, MalwareProtectionArgs
from components.postgres_database import PostgresDatabase, PostgresDatabaseArgs
from components.private_bucket import ArchiveTiering, CorsRule, LifecycleRule, PrivateBucket, PrivateBucketArgs
from runtime import object_keys
from stacks.deployment import Deployment
from stacks.edge import Address, create_delivery
from stacks.foundation import Foundation
from stacks.secrets_manager import create_secret
from stacks.sections import BucketsSection


@dataclass(frozen=True, kw_only=True)
class Data:
    """Everything that must outlive a deployment, and the delivery of thumbnails."""

    database: PostgresDatabase
    database_secret_arn: pulumi.Output[str]
    """Of the application's role. The migrate function fills it: no password of ours stands in the program or its state."""
    storage: PrivateBucket
    thumbnails: PrivateBucket
    temp: PrivateBucket
    delivery: ContentDelivery | None
    proxy: DatabaseProxy | None
    cache: Cache | None

    @property
    def application_host(self) -> pulumi.Output[str]:
        """Where the application connects to the database: through the proxy, where there is one."""
        return self.proxy.host if self.proxy else self.database.address

    @property
    def cache_endpoint(self) -> pulumi.Input[str]:
        """Host and port of the cache; empty where there is none."""
        return pulumi.Output.format("{0}:{1}", self.cache.endpoint, self.cache.port) if self.cache else ""


def create_data(deployment: Deployment, *, foundation: Foundation, address: Address) -> Data:
    """Create the database, the buckets with their CDN, and the secret."""
    settings, naming, opts = deployment.settings, deployment.naming, deployment.opts
    buckets = settings.buckets
    browsers = CorsRule(origins=settings.cors_origins)
    secret = create_secret(
        "database",
        "The application's role in the database",
        naming,
        key_arn=foundation.data_key_arn,
        protected=settings.protected,
        opts=opts,
    )

    def bucket(resource_name: str, noncurrent_days: int) -> PrivateBucketArgs:
        return PrivateBucketArgs(
            naming=naming,
            resource_name=resource_name,
            name_suffix=buckets.name_suffix,
            noncurrent_version_days=noncurrent_days,
            access_log_bucket=foundation.access_logs.name if foundation.access_logs else None,
            protected=settings.protected,
        )

    storage = replace(
        bucket("storage", buckets.storage_noncurrent_days),
        lifecycle_rules=_archive_rules(buckets),
        archive_tierings=_archive_tierings(buckets),
        cors=browsers,
    )
    # Pages post their uploads here. What was never completed is gone after a day, with its versions.
    temp = replace(
        bucket("temp", buckets.temp_expiry_days),
        lifecycle_rules=[LifecycleRule(name="expire", expire_after_days=buckets.temp_expiry_days)],
        cors=browsers,
    )
    thumbnails = bucket("thumbnails", buckets.thumbnails_noncurrent_days)
    delivery = create_delivery(deployment, thumbnails, foundation=foundation, address=address)
    if delivery is not None:
        thumbnails = replace(thumbnails, statements=delivery.bucket_statements())
    database = _create_database(deployment, foundation)
    return Data(
        database=database,
        database_secret_arn=secret.arn,
        storage=PrivateBucket("storage", storage, opts),
        thumbnails=PrivateBucket("thumbnails", thumbnails, opts),
        temp=PrivateBucket("temp", temp, opts),
        delivery=delivery,
        proxy=_create_proxy(deployment, foundation, database, secret.arn),
        cache=_create_cache(deployment, foundation),
    )


def _create_database(deployment: Deployment, foundation: Foundation) -> PostgresDatabase:
    settings = deployment.settings
    section = settings.database
    return PostgresDatabase(
        "database",
        PostgresDatabaseArgs(
            naming=deployment.naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            database_name=section.name,
            instance_class=section.instance_class,
            storage_gb=section.storage_gb,
            storage_limit_gb=section.storage_limit_gb,
            iops=section.iops,
            max_connections=section.max_connections,
            slow_statement_ms=section.slow_statement_ms,
            insights=section.insights,
            monitoring_interval_seconds=section.monitoring_interval_seconds,
            key_arn=foundation.data_key_arn,
            multi_az=section.multi_az,
            backup_retention_days=section.backup_retention_days,
            backup_window=section.backup_window,
            maintenance_window=section.maintenance_window,
            log_exports=section.log_exports,
            log_retention_days=settings.log_retention_days,
            log_key_arn=foundation.log_key_arn,
            protected=settings.protected,
            tags={"Backup": "critical"} if settings.protected else None,
        ),
        deployment.opts,
    )


def _create_proxy(
    deployment: Deployment, foundation: Foundation, database: PostgresDatabase, secret_arn: pulumi.Output[str]
) -> DatabaseProxy | None:
    settings = deployment.settings
    section = settings.database.proxy
    if section is None:
        return None
    return DatabaseProxy(
        "database-proxy",
        DatabaseProxyArgs(
            naming=deployment.naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            database_identifier=database.identifier,
            database_security_group_id=database.security_group_id,
            secret_arn=secret_arn,
            secret_key_arn=foundation.data_key_arn,
            connections_percent=section.connections_percent,
            borrow_timeout_seconds=section.borrow_timeout_seconds,
            idle_client_timeout_seconds=section.idle_client_timeout_seconds,
            log_retention_days=settings.log_retention_days,
            log_key_arn=foundation.log_key_arn,
        ),
        deployment.opts,
    )


def _create_cache(deployment: Deployment, foundation: Foundation) -> Cache | None:
    section = deployment.settings.cache
    if section is None:
        return None
    return Cache(
        "cache",
        CacheArgs(
            naming=deployment.naming,
            vpc_id=foundation.network.vpc_id,
            subnet_ids=foundation.network.private_subnet_ids,
            node_type=section.node_type,
            nodes=section.nodes,
            maintenance_window=section.maintenance_window,
            key_arn=foundation.data_key_arn,
        ),
        deployment.opts,
    )


def _archive_rules(buckets: BucketsSection) -> list[LifecycleRule]:
    rules = []
    if buckets.archive_raw_after_days is not None:
        rules.append(
            LifecycleRule(
                name="archive-raw",
                prefix=object_keys.ORIGINALS_PREFIX,
                transition_after_days=buckets.archive_raw_after_days,
            )
        )
    if buckets.archive_tagged_after_days is not None:
        rules.append(
            LifecycleRule(
                name="archive-tagged", tags={"Archive": "true"}, transition_after_days=buckets.archive_tagged_after_days
            )
        )
    if buckets.archive_documents_after_days is not None:
        rules.append(
            LifecycleRule(
                name="archive-documents",
                prefix=object_keys.DOCUMENT_ORIGINALS_PREFIX,
                transition_after_days=buckets.archive_documents_after_days,
            )
        )
    return rules


def _archive_tierings(buckets: BucketsSection) -> list[ArchiveTiering]:
    # A lifecycle rule knows an object's age only; Intelligent-Tiering knows when it was read last.
    days = buckets.archive_unread_items_after_days
    if days is None:
        return []
    return [
        ArchiveTiering(name="archive-unread-items", prefix=object_keys.ITEM_ORIGINALS_PREFIX, archive_after_days=days)
    ]


def create_scanning(deployment: Deployment, *, foundation: Foundation, data: Data) -> MalwareProtection | None:
    """Create the malware scan of uploads, which tags each object with its result, if the settings ask for it."""
    settings = deployment.settings
    if not settings.buckets.malware_protection:
        return None
    return MalwareProtection(
        "upload-scan",
        MalwareProtectionArgs(
            naming=deployment.naming,
            resource_name="temp",
            bucket_name=data.temp.name,
            bucket_arn=data.temp.arn,
            prefixes=[object_keys.UPLOADS_PREFIX],
            region=settings.region,
            account_id=foundation.account_id,
        ),
        deployment.opts,
    )
