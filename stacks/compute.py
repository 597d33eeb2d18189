"""What runs: the migrations, the API, the thumbnail worker behind its queue, and maintenance on its schedule."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.http_api import HttpApi, HttpApiArgs
from components.naming import Naming
from components.placement import Egress
from components.policies import Statement
from components.postgres_database import PORT
from components.python_function import PythonFunction, PythonFunctionArgs
from components.queue_consumer import QueueConsumer, QueueConsumerArgs
from components.schedule import Schedule, ScheduleArgs
from components.work_queue import WorkQueue, WorkQueueArgs
from stacks import permissions, sources, wiring
from stacks.data import RAW_PREFIX, Data
from stacks.environment import EnvironmentSettings
from stacks.foundation import Foundation
from stacks.identity import Identity
from stacks.sections import FunctionSection, MigrateSection


@dataclass(frozen=True, kw_only=True)
class Compute:
    """Where requests and work go in, and what must have run before."""

    api_url: pulumi.Output[str]
    queue_url: pulumi.Output[str]
    dead_letter_queue_url: pulumi.Output[str]
    schema: sources.Schema


@dataclass(frozen=True, kw_only=True)
class _Slices:
    """What the functions below all need."""

    settings: EnvironmentSettings
    naming: Naming
    release: str
    foundation: Foundation
    data: Data
    opts: pulumi.ResourceOptions

    def function(
        self,
        thing: str,
        description: str,
        *,
        code: pulumi.Archive,
        handler: str,
        section: FunctionSection | MigrateSection,
        variables: wiring.Variables,
        statements: Sequence[Statement],
        internet: bool = False,
        after: Sequence[pulumi.Resource] = (),
    ) -> tuple[PythonFunction, list[pulumi.Resource]]:
        """A function that reaches the database and the endpoints, and the rules that let it, for whoever must wait for them."""
        database = Egress(description="PostgreSQL", port=PORT, security_group_id=self.data.database.security_group_id)
        function = PythonFunction(
            thing,
            PythonFunctionArgs(
                naming=self.naming,
                thing=thing,
                description=description,
                code=code,
                handler=handler,
                variables=variables,
                statements=statements,
                placement=self.foundation.placement({"database": database}, internet=internet),
                memory_mb=section.memory_mb,
                timeout_seconds=section.timeout_seconds,
                reserved_concurrency=section.concurrency if isinstance(section, FunctionSection) else None,
                architecture=self.settings.architecture,
                log_retention_days=self.settings.log_retention_days,
                after=after,
            ),
            self.opts,
        )
        group = function.security_group_id
        if group is None:
            return function, []
        rules = [self.data.database.admit(thing, group), self.foundation.network.admit_to_endpoints(thing, group)]
        return function, [rule for rule in rules if rule is not None]


def create_compute(
    settings: EnvironmentSettings,
    naming: Naming,
    release: str,
    *,
    foundation: Foundation,
    identity: Identity,
    data: Data,
    opts: pulumi.ResourceOptions,
) -> Compute:
    """Makes the functions in their order: the schema first, then what reads it."""
    slices = _Slices(settings=settings, naming=naming, release=release, foundation=foundation, data=data, opts=opts)
    schema = sources.schema()
    migration = _create_migration(slices, schema)
    api = _create_api(slices, identity, after=[migration])
    queue = _create_thumbnails(slices, after=[migration])
    _create_maintenance(slices, after=[migration])
    return Compute(api_url=api.url, queue_url=queue.url, dead_letter_queue_url=queue.dead_letter_url, schema=schema)


def _create_migration(slices: _Slices, schema: sources.Schema) -> aws.lambda_.Invocation:
    settings, data = slices.settings, slices.data
    function, ways_in = slices.function(
        "migrate",
        "Applies the database's migrations and keeps the application's role",
        code=sources.archive("runtime", "lambda_src"),
        handler="lambda_src.migrate.handler.handler",
        section=settings.migrate,
        variables=wiring.migrate_variables(settings, slices.naming, slices.release, data),
        statements=permissions.migrate_statements(data),
    )
    return aws.lambda_.Invocation(
        "migration",
        function_name=function.name,
        input=json.dumps({"action": "upgrade"}),
        # It runs again when a revision is new or changed, and when the database or the secret it fills is another one.
        triggers={"schema": schema.digest, "database": data.database.arn, "secret": data.database_secret_arn},
        opts=pulumi.ResourceOptions.merge(slices.opts, pulumi.ResourceOptions(depends_on=ways_in)),
    )


def _create_api(slices: _Slices, identity: Identity, *, after: Sequence[pulumi.Resource]) -> HttpApi:
    settings, section = slices.settings, slices.settings.api
    function, _ = slices.function(
        "api",
        "Answers the API's requests",
        code=sources.archive("runtime"),
        handler="runtime.lambda_entry.handler",
        section=section,
        variables=wiring.api_variables(settings, slices.naming, slices.release, identity, slices.data),
        statements=permissions.api_statements(slices.data),
        # For the user pool's keys.
        internet=True,
        after=after,
    )
    return HttpApi(
        "http-api",
        HttpApiArgs(
            naming=slices.naming,
            description="The platform's API",
            function_name=function.name,
            function_invoke_arn=function.invoke_arn,
            requests_per_second=section.requests_per_second,
            burst_requests=section.burst_requests,
            log_retention_days=settings.log_retention_days,
        ),
        slices.opts,
    )


def _create_thumbnails(slices: _Slices, *, after: Sequence[pulumi.Resource]) -> WorkQueue:
    settings, section, data = slices.settings, slices.settings.thumbnails, slices.data
    queue = WorkQueue(
        "thumbnail-queue",
        WorkQueueArgs(
            naming=slices.naming,
            thing="thumbnail",
            visibility_seconds=settings.queue.visibility_seconds,
            retention_seconds=settings.queue.retention_seconds,
            dead_letter_retention_seconds=settings.queue.retention_seconds,
            max_receive_count=settings.queue.max_receive_count,
            source_bucket_arn=data.storage.arn,
        ),
        slices.opts,
    )
    function, _ = slices.function(
        "thumbnail-generator",
        "Renders thumbnails of what lands in the storage bucket",
        code=sources.archive("runtime", "lambda_src"),
        handler="lambda_src.thumbnails.handler.handler",
        section=section,
        variables=wiring.thumbnail_variables(settings, slices.naming, slices.release, data),
        statements=permissions.thumbnail_statements(data, queue.arn),
        after=after,
    )
    QueueConsumer(
        "thumbnail-consumer",
        QueueConsumerArgs(
            queue_arn=queue.arn,
            function_name=function.name,
            queue_visibility_seconds=settings.queue.visibility_seconds,
            function_timeout_seconds=section.timeout_seconds,
            batch_size=section.batch_size,
            batching_window_seconds=section.batching_window_seconds,
            maximum_concurrency=section.concurrency,
        ),
        slices.opts,
    )
    data.storage.notify_queue(queue.arn, prefix=RAW_PREFIX, accepted_by=queue.policy)
    return queue


def _create_maintenance(slices: _Slices, *, after: Sequence[pulumi.Resource]) -> None:
    settings, section = slices.settings, slices.settings.maintenance
    function, _ = slices.function(
        "maintenance",
        "Relays the outbox, ends abandoned jobs and forgets what is over",
        code=sources.archive("runtime", "lambda_src"),
        handler="lambda_src.maintenance.handler.handler",
        section=section,
        variables=wiring.maintenance_variables(settings, slices.naming, slices.release, slices.data),
        statements=permissions.maintenance_statements(slices.data),
        after=after,
    )
    Schedule(
        "maintenance-schedule",
        ScheduleArgs(
            naming=slices.naming,
            thing="maintenance",
            description="What has to be done every few minutes",
            expression=section.every,
            function_arn=function.arn,
            event={"tasks": ["relay_outbox", "end_abandoned_jobs", "forget_sent_messages"]},
        ),
        slices.opts,
    )
