"""The engine's side of a program that is evaluated in this process: it names, orders and collects registrations.

Pulumi's MockMonitor is the seam. What it leaves out is done here: URNs with the whole chain of parent types, duplicates, the
options of providers, and resources whose dependencies failed. What cannot be done here (transforms, imports, remote
components) is refused by name, so that nothing is left out silently.
"""

import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
from google.protobuf import empty_pb2  # type: ignore[import-untyped]  # the SDK's dependency has no stubs here
from pulumi.runtime import mocks
from pulumi.runtime.proto import provider_pb2, resource_pb2

from local.engines.registered import PROVIDER_PREFIX, STACK_TYPE, ProviderOptions, RegisteredResource
from local.engines.wire import Received, receive, send
from local.errors import LocalPlatformError, RegistrationError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """What went wrong with one registration; `label` names it for people."""

    label: str
    problem: str


class _NoMocks(mocks.Mocks):
    """Nothing is mocked: the monitor answers itself."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError(args.typ)


class ProgramMonitor(mocks.MockMonitor):
    """Receives what a program registers, on the SDK's executor threads, several at once. Subclasses say what becomes of it."""

    def __init__(self, config: Mapping[str, str]) -> None:
        super().__init__(_NoMocks())
        self.registered: list[RegisteredResource] = []
        self.failures: list[Failure] = []
        self.skipped = 0
        self.secret_texts: set[str] = set()  # to be taken out of whatever is said
        self.stack_outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()
        default = {key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")}
        self._providers: dict[str, ProviderOptions] = {"": _provider_options(default)}
        self._paths: dict[str, str] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def apply(self, resource: RegisteredResource, options: ProviderOptions) -> tuple[str, Mapping[str, Any]]:
        """The id and the outputs of a custom resource. Raises RegistrationError when it cannot be."""
        raise NotImplementedError

    def answer(self, token: str, args: Mapping[str, Any], options: ProviderOptions) -> Mapping[str, Any]:
        """The answer of a data source. Raises LocalPlatformError when there is none."""
        raise NotImplementedError

    def features(self) -> set[int]:
        """What the SDK may ask of this monitor. Outputs reach it resolved, and everything it refuses is refused by us."""
        return set(self.GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures)  # type: ignore[no-untyped-call]  # the SDK's

    # The names below are those of the SDK's ResourceMonitor service.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """The URN that the engine would give: it carries the types of all the parents but the stack."""
        chain = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if chain == STACK_TYPE else f"{chain}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the service's name
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        received = receive(request.object)
        resource = self._resource(request, urn, received)
        failed = resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        if not self._admit(resource, request, received):
            return failed
        try:
            resource_id, outputs = self._become(resource)
        except RegistrationError as error:
            self._fail(resource, error.problem)
            return failed
        except Exception as error:  # the SDK would print a traceback and leave the dependents hanging
            log.debug("%s could not be applied", urn, exc_info=True)
            self._fail(resource, f"{type(error).__name__}: {error}")
            return failed
        secrets = received.secret_keys | set(request.additionalSecretOutputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource_id, object=send(outputs, secrets))

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        if request.urn.split("::")[2] == STACK_TYPE:
            received = receive(request.outputs)
            self.stack_outputs, self.secret_outputs = received.values, frozenset(received.secret_keys)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        try:
            result = self.answer(request.tok, receive(request.args).values, self._options(request.provider))
        except LocalPlatformError as error:
            problem = provider_pb2.CheckFailure(property=request.tok, reason=error.message)
            return resource_pb2.ResourceInvokeResponse(failures=[problem])
        return resource_pb2.ResourceInvokeResponse(**{"return": send(result)})

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        urn = self.make_urn(request.parent, request.type, request.name)
        self._refuse(f"{request.name} ({request.type})", "reading resources that exist already is not possible here")
        return resource_pb2.ReadResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802, ARG002
        self._refuse("the stack", "transforms are not run here; a provider's default tags are")
        return empty_pb2.Empty()

    RegisterStackInvokeTransform = RegisterStackTransform

    def _resource(self, request: Any, urn: str, received: Received) -> RegisteredResource:
        with self._lock:
            above = self._paths.get(request.parent)
            path = f"{above}/{request.name}" if above else str(request.name)
            self._paths[urn] = path
            self.secret_texts |= received.secret_texts
        return RegisteredResource(
            urn=urn,
            type=request.type,
            name=request.name,
            path=path,
            parent=request.parent,
            custom=request.custom,
            inputs=received.values,
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(each.urns)) for key, each in sorted(request.propertyDependencies.items()) if each.urns
            },
            protect=request.protect,
            provider=request.provider.rpartition("::")[0],
        )

    def _admit(self, resource: RegisteredResource, request: Any, received: Received) -> bool:
        """Whether the resource may be applied. The URN is taken in the same breath: two threads may carry the same."""
        with self._lock:
            if any(each.urn == resource.urn for each in self.registered):
                self.failures.append(Failure(_label(resource), "is registered twice under this name"))
                return False
            self.registered.append(resource)
            causes = self._failed & {resource.parent, resource.provider, *resource.dependencies}
            if causes or (received.has_unknown and not pulumi.runtime.is_dry_run()):
                # Its inputs are not known. It is no cause itself, so it is counted and not listed.
                self._failed.add(resource.urn)
                self.skipped += 1
                return False
        for asked, feature in (
            (request.remote, "components of other packages"),
            (request.importId, "imports"),
            (request.transforms, "transforms"),
            (request.hooks.before_create or request.hooks.after_create, "creation hooks"),
        ):
            if asked:
                self._fail(resource, f"{feature} are not possible here")
                return False
        return True

    def _become(self, resource: RegisteredResource) -> tuple[str, Mapping[str, Any]]:
        if not resource.custom:
            return "", {}
        if resource.type.startswith(PROVIDER_PREFIX):
            with self._lock:
                self._providers[resource.urn] = _provider_options(resource.inputs)
            return resource.name, resource.inputs
        return self.apply(resource, self._options(f"{resource.provider}::"))

    def _options(self, reference: str) -> ProviderOptions:
        """The options of a provider by the reference `urn::id`; those of the default provider without one."""
        with self._lock:
            return self._providers.get(reference.rpartition("::")[0], self._providers[""])

    def _fail(self, resource: RegisteredResource, problem: str) -> None:
        with self._lock:
            self._failed.add(resource.urn)
            self.failures.append(Failure(_label(resource), problem))

    def _refuse(self, label: str, problem: str) -> None:
        with self._lock:
            self.failures.append(Failure(label, problem))


def _label(resource: RegisteredResource) -> str:
    return f"{resource.path} ({resource.type})"


def _provider_options(inputs: Mapping[str, Any]) -> ProviderOptions:
    """A provider's inputs are strings; what is nested in them is JSON text."""
    tags = inputs.get("defaultTags") or {}
    if isinstance(tags, str):
        try:
            tags = json.loads(tags)
        except ValueError:
            raise LocalPlatformError(
                'aws:defaultTags must be a JSON object such as {"tags": {"Owner": "films"}}'
            ) from None
    return ProviderOptions(region=inputs.get("region"), default_tags=tags.get("tags") or {})
