"""Registers a program's resources without any AWS: for tests of programs, and for what is read off the resource graph."""

from collections.abc import Callable, Mapping
from typing import Any

from local.account import ACCOUNT_ID
from local.engines.evaluation import evaluate
from local.engines.monitor import ProgramMonitor
from local.engines.registered import ProviderOptions, RegisteredResource
from local.errors import LocalPlatformError
from local.provider.data_sources import read_data_source
from local.provider.placeholders import placeholder_resource
from local.provider.resource_types.errors import ResourceError

__all__ = ["RegisteredResource", "record"]

_REGION = "us-east-1"


def record(
    program: Callable[[], None],
    *,
    project: str,
    stack: str,
    config: Mapping[str, str],
    preview: bool = False,
) -> tuple[RegisteredResource, ...]:
    """Everything that the program registers but the stack itself: resources, components and explicit providers, in order.

    Outputs are the inputs and plausible ids, names and ARNs, so that a program which looks at them goes on. With `preview`
    every output is unknown, as in the first `pulumi preview` of a new stack: nothing that hangs on an output is called.

    Raises ProgramError when the program fails, LocalPlatformError while another evaluation runs in this process.
    """
    monitor = _RecordingMonitor(config, preview=preview)
    evaluate(program, monitor, project=project, stack_name=stack, config=config, preview=preview)
    return tuple(monitor.registered)


class _RecordingMonitor(ProgramMonitor):
    def __init__(self, config: Mapping[str, str], *, preview: bool) -> None:
        super().__init__(config)
        self._preview = preview

    def apply(self, resource: RegisteredResource, options: ProviderOptions) -> tuple[str, Mapping[str, Any]]:
        if self._preview:
            return "", {}
        region = resource.inputs.get("region") or options.region or _REGION
        return placeholder_resource(
            resource.type,
            resource.name,
            resource.urn,
            resource.inputs,
            region=region,
            default_tags=options.default_tags,
        )

    def answer(self, token: str, args: Mapping[str, Any], options: ProviderOptions) -> Mapping[str, Any]:
        try:
            return read_data_source(
                token, args, region=options.region or _REGION, account_id=ACCOUNT_ID, default_tags=options.default_tags
            )
        except ResourceError as error:
            raise LocalPlatformError(str(error)) from None
