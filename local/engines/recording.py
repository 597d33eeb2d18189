"""Records a program's resource graph without AWS, for tests of programs and for commands that read the graph."""

from collections.abc import Callable, Mapping
from typing import Any

from local.account import ACCOUNT_ID
from local.engines.evaluation import evaluate
from local.engines.monitor import ProgramMonitor
from local.engines.registrations import ProviderOptions, RegisteredResource
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
    """Return the program's registrations in order: resources, components and explicit providers, without the stack itself.

    Outputs are the inputs, and placeholders in AWS's formats for ids, names and ARNs. With `preview` every output is unknown,
    as in the first `pulumi preview` of a new stack, so that callbacks on outputs do not run.

    Raises:
        ProgramError: The program fails.
        LocalPlatformError: Another evaluation is running in this process.
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

    def read_data_source(self, token: str, args: Mapping[str, Any], options: ProviderOptions) -> Mapping[str, Any]:
        try:
            return read_data_source(
                token, args, region=options.region or _REGION, account_id=ACCOUNT_ID, default_tags=options.default_tags
            )
        except ResourceError as error:
            raise LocalPlatformError(str(error)) from None
