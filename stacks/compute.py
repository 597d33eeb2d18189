"""Compute: migrations, the API, the thumbnail worker with its queue, and scheduled maintenance."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.python_function import PythonFunction
from components.queue_consumer import QueueConsumer, QueueConsumerArgs
from components.schedule import Schedule, ScheduleArgs
from components.work_queue import WorkQueue, WorkQueueArgs
from runtime import object_keys
from stacks import permissions, sources, wiring
from stacks.api import Api, create_api
from stacks.data import Data
from stacks.deployment import Deployment
from stacks.edge import Address
from stacks.foundation import Foundation
from stacks.identity import Identity
from stacks.workloads import Workloads

# The tasks of every run. The search index is rebuilt only on request.
ROUTINE = [
    "relay_outbox",
    "end_abandoned_jobs",
    "purge_sent_messages",
    "purge_idle_rate_limits",
    "cleanup_expired_uploads",
    "catch_up_search_index",
]


@dataclass(frozen=True, kw_only=True)
class Compute:
    """The functions, the API, the queue, and the schema that they read."""

    api: Api
    queue: WorkQueue
    functions: dict[str, PythonFunction]
    """By resource_name: those that are there in every environment."""
    schema: sources.Schema
    endpoint_ingress_rules: Sequence[pulumi.Resource]
    """The rules that let the migrate function look up secrets and parameters, for whoever invokes it again."""


def create_compute(
    deployment: Deployment, *, foundation: Foundation, identity: Identity, address: Address, data: Data
) -> Compute:
    """Create everything that runs, the schema first, then what reads it."""
    workloads = Workloads(deployment=deployment, foundation=foundation, data=data)
    schema = sources.schema()
    migrate, migration, ingress_rules = _create_migration(workloads, schema)
    api = create_api(workloads, identity, address, after=[migration])
    queue, worker = _create_thumbnails(workloads, after=[migration])
    maintenance = _create_maintenance(workloads, after=[migration])
    functions = {"migrate": migrate, "thumbnail-generator": worker, "maintenance": maintenance}
    return Compute(api=api, queue=queue, functions=functions, schema=schema, endpoint_ingress_rules=ingress_rules)


def _create_migration(
    workloads: Workloads, schema: sources.Schema
) -> tuple[PythonFunction, aws.lambda_.Invocation, Sequence[pulumi.Resource]]:
    settings, data = workloads.settings, workloads.data
    function, ingress_rules = workloads.function(
        "migrate",
        "Applies the database's migrations and keeps the application's role",
        bundle="migrate",
        handler="lambda_src.migrate.handler.handler",
        section=settings.migrate,
        variables=wiring.migrate_variables(workloads.deployment, data),
        statements=permissions.migrate_statements(data),
        searches=True,
        writes_secrets=True,
    )
    invocation = aws.lambda_.Invocation(
        "migration",
        function_name=function.name,
        qualifier=function.qualifier,
        input=json.dumps({"action": "upgrade"}),
        # It runs again when a revision is new or changed, and when the database or its secret is replaced.
        triggers={"schema": schema.digest, "database": data.database.arn, "secret": data.database_secret_arn},
        opts=pulumi.ResourceOptions.merge(workloads.deployment.opts, pulumi.ResourceOptions(depends_on=ingress_rules)),
    )
    return function, invocation, ingress_rules


def _create_thumbnails(workloads: Workloads, *, after: Sequence[pulumi.Resource]) -> tuple[WorkQueue, PythonFunction]:
    settings, section, data = workloads.settings, workloads.settings.thumbnails, workloads.data
    queue = WorkQueue(
        "thumbnail-queue",
        WorkQueueArgs(
            naming=workloads.deployment.naming,
            resource_name="thumbnail",
            visibility_timeout_seconds=settings.queue.visibility_seconds,
            retention_seconds=settings.queue.retention_seconds,
            dead_letter_retention_seconds=settings.queue.retention_seconds,
            max_receive_count=settings.queue.max_receive_count,
            source_bucket_arn=data.storage.arn,
        ),
        workloads.deployment.opts,
    )
    function, _ = workloads.function(
        "thumbnail-generator",
        "Renders thumbnails of what lands in the storage bucket",
        bundle="thumbnails",
        handler="lambda_src.thumbnails.handler.handler",
        section=section,
        variables=wiring.thumbnail_variables(workloads.deployment, data),
        statements=permissions.thumbnail_statements(data, queue.arn),
        after=after,
    )
    QueueConsumer(
        "thumbnail-consumer",
        QueueConsumerArgs(
            queue_arn=queue.arn,
            function_name=function.arn,
            queue_visibility_timeout_seconds=settings.queue.visibility_seconds,
            function_timeout_seconds=section.timeout_seconds,
            batch_size=section.batch_size,
            batching_window_seconds=section.batching_window_seconds,
            maximum_concurrency=section.concurrency,
        ),
        workloads.deployment.opts,
    )
    data.storage.notify_queue(queue.arn, prefix=object_keys.ORIGINALS_PREFIX, queue_policy=queue.policy)
    return queue, function


def _create_maintenance(workloads: Workloads, *, after: Sequence[pulumi.Resource]) -> PythonFunction:
    section = workloads.settings.maintenance
    function, _ = workloads.function(
        "maintenance",
        "Relays the outbox, ends abandoned jobs and forgets what is over",
        bundle="maintenance",
        handler="lambda_src.maintenance.handler.handler",
        section=section,
        variables=wiring.maintenance_variables(workloads.deployment, workloads.data),
        statements=permissions.maintenance_statements(workloads.data),
        searches=True,
        after=after,
    )
    Schedule(
        "maintenance-schedule",
        ScheduleArgs(
            naming=workloads.deployment.naming,
            resource_name="maintenance",
            description="What has to be done every few minutes",
            expression=section.every,
            function_arn=function.arn,
            event={"tasks": ROUTINE},
        ),
        workloads.deployment.opts,
    )
    return function
