"""Applies a program to a local account, in this process and without the Pulumi CLI."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from local.engines.evaluation import evaluate
from local.engines.monitor import ProgramMonitor
from local.engines.registrations import ProviderOptions, RegisteredResource
from local.provider.protocol import AppliedResource
from local.provider.provider import LocalProvider


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """The result of a program. `outputs` are its exports as plain values; those in `secret_outputs` must not be shown.

    `resources` are custom resources in the order of their completion. `components` are the program's component resources,
    which have no id.
    """

    outputs: dict[str, Any] = field(repr=False)
    resources: tuple[AppliedResource, ...]
    components: tuple[AppliedResource, ...] = ()
    secret_outputs: frozenset[str] = frozenset()


def deploy(
    program: Callable[[], None],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    provider: LocalProvider,
    on_resource: Callable[[AppliedResource], None] | None = None,
) -> Deployment:
    """Evaluate the program and apply each of its registrations through the provider.

    `config` has the engine's form: `project:key` to string, objects as JSON. `aws:region` and `aws:defaultTags` configure the
    default provider. `on_resource` is called once for each applied resource, from one thread at a time.

    Raises:
        ProgramError: The program or a registration fails. The message lists each failed resource by its path with its
            problem, root causes first. Resources that depend on a failed one are skipped.
        LocalPlatformError: Another evaluation is running in this process.
    """
    monitor = _ApplyingMonitor(config, provider, on_resource)
    evaluate(program, monitor, project=project, stack_name=stack, config=config)
    return Deployment(
        outputs=monitor.stack_outputs,
        resources=tuple(monitor.applied),
        components=tuple(
            AppliedResource(
                urn=each.urn,
                type=each.type,
                name=each.name,
                parent=each.parent,
                id="",
                state="recorded-only",
                dependencies=each.dependencies,
            )
            for each in monitor.registered
            if not each.custom
        ),
        secret_outputs=monitor.secret_outputs,
    )


class _ApplyingMonitor(ProgramMonitor):
    def __init__(
        self,
        config: Mapping[str, str],
        provider: LocalProvider,
        on_resource: Callable[[AppliedResource], None] | None,
    ) -> None:
        super().__init__(config)
        self.applied: list[AppliedResource] = []
        self._provider, self._on_resource = provider, on_resource
        self._applied_lock = threading.Lock()

    def apply(self, resource: RegisteredResource, options: ProviderOptions) -> tuple[str, Mapping[str, Any]]:
        created = self._provider.create(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            inputs=resource.inputs,
            region=options.region,
            default_tags=options.default_tags,
        )
        applied = AppliedResource(
            urn=resource.urn,
            type=resource.type,
            name=resource.name,
            parent=resource.parent,
            id=created.id,
            state=created.state,
            reason=created.reason,
            dependencies=resource.dependencies,
            outputs=created.outputs,
        )
        with self._applied_lock:
            self.applied.append(applied)
            if self._on_resource is not None:
                self._on_resource(applied)
        return created.id, created.outputs

    def read_data_source(self, token: str, args: Mapping[str, Any], options: ProviderOptions) -> Mapping[str, Any]:
        return self._provider.invoke(token, args, region=options.region, default_tags=options.default_tags)
