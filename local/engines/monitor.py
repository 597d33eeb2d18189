"""The resource monitor of a program that is evaluated in this process: it names, orders and collects registrations.

It extends Pulumi's MockMonitor with what that lacks: URNs with the whole chain of parent types, detection of duplicates,
provider options, and skipping of resources whose dependencies failed. Unsupported features (transforms, imports, remote
components) fail with an error, so that nothing is ignored silently.
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

from local.engines.registrations import PROVIDER_PREFIX, STACK_TYPE, ProviderOptions, RegisteredResource
from local.engines.wire import Properties, deserialize, serialize
from local.errors import LocalPlatformError, RegistrationError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Failure:
    """The problem with one registration; `label` is its display name."""

    label: str
    problem: str


class _NoMocks(mocks.Mocks):
    """Mocks that are never called: the monitor overrides the methods that would call them."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise NotImplementedError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise NotImplementedError(args.typ)


class ProgramMonitor(mocks.MockMonitor):
    """Receives a program's registrations on the SDK's executor threads, concurrently. Subclasses apply or record them."""

    def __init__(self, config: Mapping[str, str]) -> None:
        super().__init__(_NoMocks())
        self.registered: list[RegisteredResource] = []
        self.failures: list[Failure] = []
        self.skipped = 0
        self.secret_texts: set[str] = set()  # secrets to redact from messages
        self.stack_outputs: dict[str, Any] = {}
        self.secret_outputs: frozenset[str] = frozenset()
        default = {key.removeprefix("aws:"): value for key, value in config.items() if key.startswith("aws:")}
        self._providers: dict[str, ProviderOptions] = {"": _provider_options(default)}
        self._paths: dict[str, str] = {}
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def apply(self, resource: RegisteredResource, options: ProviderOptions) -> tuple[str, Mapping[str, Any]]:
        """Apply a custom resource and return its id and outputs.

        Raises:
            RegistrationError: The resource cannot be applied.
        """
        raise NotImplementedError

    def read_data_source(self, token: str, args: Mapping[str, Any], options: ProviderOptions) -> Mapping[str, Any]:
        """Return the result of a data source.

        Raises:
            LocalPlatformError: The data source is not supported, or its call fails.
        """
        raise NotImplementedError

    def features(self) -> set[int]:
        """Return the features that the SDK may use with this monitor: those of the MockMonitor."""
        return set(self.GetDeploymentInfo(empty_pb2.Empty()).supportedFeatures)  # type: ignore[no-untyped-call]  # the SDK's

    # The SDK calls the following methods by the names of its ResourceMonitor service.

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return the URN that the engine would assign: it contains the types of all parents except the stack."""
        chain = parent.split("::")[2] if parent else STACK_TYPE
        qualified = type_ if chain == STACK_TYPE else f"{chain}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802  # the service's name
        """Apply a resource, or fail it; failures are collected and reported at the end."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        properties = deserialize(request.object)
        resource = self._to_registration(request, urn, properties)
        failed = resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)
        if not self._add_registration(resource, request, properties):
            return failed
        try:
            resource_id, outputs = self._apply(resource)
        except RegistrationError as error:
            self._fail(resource, error.problem)
            return failed
        except Exception as error:  # the SDK would print a traceback and leave the dependents waiting
            log.debug("%s could not be applied", urn, exc_info=True)
            self._fail(resource, f"{type(error).__name__}: {error}")
            return failed
        secrets = properties.secret_keys | set(request.additionalSecretOutputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=resource_id, object=serialize(outputs, secrets))

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802
        """Store the stack's outputs; those of components are not used."""
        if request.urn.split("::")[2] == STACK_TYPE:
            properties = deserialize(request.outputs)
            self.stack_outputs, self.secret_outputs = properties.values, frozenset(properties.secret_keys)
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:  # noqa: N802
        """Read a data source."""
        options = self._options(request.provider)
        try:
            result = self.read_data_source(request.tok, deserialize(request.args).values, options)
        except LocalPlatformError as error:
            problem = provider_pb2.CheckFailure(property=request.tok, reason=error.message)
            return resource_pb2.ResourceInvokeResponse(failures=[problem])
        return resource_pb2.ResourceInvokeResponse(**{"return": serialize(result)})

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        """Fail: existing resources cannot be read."""
        urn = self.make_urn(request.parent, request.type, request.name)
        self._add_failure(f"{request.name} ({request.type})", "reading existing resources is not supported locally")
        return resource_pb2.ReadResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802, ARG002
        """Fail: transforms are not run."""
        self._add_failure("the stack", "transforms are not supported locally; a provider's default tags are")
        return empty_pb2.Empty()

    RegisterStackInvokeTransform = RegisterStackTransform

    def _to_registration(self, request: Any, urn: str, properties: Properties) -> RegisteredResource:
        with self._lock:
            parent_path = self._paths.get(request.parent)
            path = f"{parent_path}/{request.name}" if parent_path else str(request.name)
            self._paths[urn] = path
            self.secret_texts |= properties.secret_texts
        return RegisteredResource(
            urn=urn,
            type=request.type,
            name=request.name,
            path=path,
            parent=request.parent,
            custom=request.custom,
            inputs=properties.values,
            dependencies=tuple(sorted(request.dependencies)),
            property_dependencies={
                key: tuple(sorted(each.urns)) for key, each in sorted(request.propertyDependencies.items()) if each.urns
            },
            protect=request.protect,
            provider=request.provider.rpartition("::")[0],
        )

    def _add_registration(self, resource: RegisteredResource, request: Any, properties: Properties) -> bool:
        """Add the registration and return whether it can be applied.

        Check and addition are atomic, because two threads may register the same URN.
        """
        with self._lock:
            if any(each.urn == resource.urn for each in self.registered):
                self.failures.append(Failure(_label(resource), "is registered twice under this name"))
                return False
            self.registered.append(resource)
            causes = self._failed & {resource.parent, resource.provider, *resource.dependencies}
            if causes or (properties.has_unknown and not pulumi.runtime.is_dry_run()):
                # Its inputs are unknown. It is not a root cause, so it is counted and not listed.
                self._failed.add(resource.urn)
                self.skipped += 1
                return False
        for is_used, feature in (
            (request.remote, "components of other packages"),
            (request.importId, "imports"),
            (request.transforms, "transforms"),
            (request.hooks.before_create or request.hooks.after_create, "creation hooks"),
        ):
            if is_used:
                self._fail(resource, f"{feature} are not supported locally")
                return False
        return True

    def _apply(self, resource: RegisteredResource) -> tuple[str, Mapping[str, Any]]:
        if not resource.custom:
            return "", {}
        if resource.type.startswith(PROVIDER_PREFIX):
            with self._lock:
                self._providers[resource.urn] = _provider_options(resource.inputs)
            return resource.name, resource.inputs
        return self.apply(resource, self._options(f"{resource.provider}::"))

    def _options(self, reference: str) -> ProviderOptions:
        """Return the options of a provider by its reference `urn::id`; an empty reference is the default provider."""
        with self._lock:
            return self._providers.get(reference.rpartition("::")[0], self._providers[""])

    def _fail(self, resource: RegisteredResource, problem: str) -> None:
        with self._lock:
            self._failed.add(resource.urn)
            self.failures.append(Failure(_label(resource), problem))

    def _add_failure(self, label: str, problem: str) -> None:
        with self._lock:
            self.failures.append(Failure(label, problem))


def _label(resource: RegisteredResource) -> str:
    return f"{resource.path} ({resource.type})"


def _provider_options(inputs: Mapping[str, Any]) -> ProviderOptions:
    """Parse a provider's inputs, which are strings; nested ones are JSON."""
    tags = inputs.get("defaultTags") or {}
    if isinstance(tags, str):
        try:
            tags = json.loads(tags)
        except ValueError:
            raise LocalPlatformError(
                'aws:defaultTags must be a JSON object such as {"tags": {"Owner": "films"}}'
            ) from None
    return ProviderOptions(region=inputs.get("region"), default_tags=tags.get("tags") or {})
