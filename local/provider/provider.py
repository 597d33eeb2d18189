"""The local AWS provider: applies one registration of a Pulumi program to the local account."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from local.account import LocalAccount
from local.errors import LocalPlatformError, RegistrationError, UnsupportedLocallyError
from local.provider.data_sources import read_data_source
from local.provider.protocol import Registration, ResourceState, Runner
from local.provider.requests.api import Regions
from local.provider.requests.calls import make_calls
from local.provider.resource_types.errors import ResourceError
from local.provider.resource_types.inputs import Tags, automatic_name, merge_tags, prepare_inputs
from local.provider.resource_types.known_values import KnownValues
from local.provider.resource_types.outputs import check_outputs, evaluate_value, make_outputs
from local.provider.resource_types.pulumi_classes import declared_outputs
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE


@dataclass(frozen=True, kw_only=True)
class Created:
    """The result of a registration. `reason` says why it was only recorded."""

    id: str
    outputs: Mapping[str, Any] = field(repr=False)
    state: ResourceState
    reason: str = ""


class LocalProvider:
    """Applies registrations: the calls of the table of types, then the type's runner. Thread-safe for different resources.

    `runners` maps type tokens to functions that run such a resource; their outputs take precedence over AWS's.
    """

    def __init__(
        self, account: LocalAccount, runners: Mapping[str, Runner], *, table: Mapping[str, ResourceType] = TABLE
    ) -> None:
        self._regions, self._runners, self._table = Regions(account), dict(runners), table
        self._urns: set[str] = set()
        self._lock = threading.Lock()

    def create(
        self,
        *,
        urn: str,
        type: str,  # noqa: A002  # Pulumi's name for it
        name: str,
        inputs: Mapping[str, Any],
        region: str | None = None,
        default_tags: Tags | None = None,
    ) -> Created:
        """Apply one registration and return its id and outputs (camelCase, from AWS and the runner).

        `region` and `default_tags` are the Pulumi provider's options. A type without an entry in the table, or whose entry
        says that the emulator lacks it, is only recorded: its id is its name, its outputs are its inputs. A resource whose
        runner does not support this machine is also only recorded, with the id and outputs of AWS and the runner.

        Raises:
            RegistrationError: No call accepts an input, a request violates AWS's models, a call or the runner fails, or the
                URN was registered before. The message has the resource's name and type.
        """
        resource_type = self._table.get(type) or ResourceType(
            type, None, recorded_only="the local provider has no entry for this type"
        )
        resource = f"{name} ({type})"
        try:
            self._claim(urn)
            return self._create(resource_type, urn, name, inputs, region=region, default_tags=default_tags or {})
        except ResourceError as error:
            raise RegistrationError(resource, str(error)) from None
        except RegistrationError:
            raise
        except LocalPlatformError as error:
            raise RegistrationError(resource, error.message) from error

    def invoke(
        self,
        token: str,
        args: Mapping[str, Any],
        *,
        region: str | None = None,
        default_tags: Tags | None = None,
    ) -> dict[str, Any]:
        """Return the result of a data source such as `aws:index/getRegion:getRegion`.

        Raises:
            LocalPlatformError: The data source is unknown, or its call fails.
        """
        api = self._regions.get(region)
        try:
            return read_data_source(
                token, args, region=api.region, account_id=api.account_id, default_tags=default_tags or {}, api=api
            )
        except ResourceError as error:
            raise LocalPlatformError(f"{token}: {error}") from None

    def _claim(self, urn: str) -> None:
        with self._lock:
            if urn in self._urns:
                raise ResourceError("is registered twice under this name")
            self._urns.add(urn)

    def _create(
        self,
        resource_type: ResourceType,
        urn: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        region: str | None,
        default_tags: Tags,
    ) -> Created:
        runner = self._runners.get(resource_type.token)
        if resource_type.recorded_only and runner is None:
            return Created(id=name, outputs=dict(inputs), state="recorded-only", reason=resource_type.recorded_only)
        given = {**resource_type.defaults, **{key: value for key, value in inputs.items() if value is not None}}
        given |= automatic_name(resource_type, name, urn, given)
        api = self._regions.get(given.get("region") or region)
        known = KnownValues(region=api.region, account_id=api.account_id, name=name)
        if resource_type.operation and not resource_type.recorded_only:
            tagged = merge_tags(resource_type, given, default_tags)
            make_calls(resource_type, prepare_inputs(resource_type, {**tagged, "region": api.region}), known, api)
        elif runner is None:
            return Created(id=name, outputs=given, state="recorded-only", reason="no runner for this type")
        resource_id = evaluate_value(resource_type.id, given, known)
        if not resource_id:
            raise ResourceError("the response has no id")
        known.set("id", resource_id)
        outputs = make_outputs(resource_type, given, known)
        if "tagsAll" in declared_outputs(resource_type.token):
            outputs["tagsAll"] = merge_tags(resource_type, given, default_tags).get("tags", {})
        if runner is not None:
            registration = Registration(
                urn=urn,
                type=resource_type.token,
                name=name,
                inputs=MappingProxyType(given),
                id=resource_id,
                outputs=outputs,
            )
            try:
                outputs = check_outputs(resource_type.token, {**outputs, **runner(registration)})
            except UnsupportedLocallyError as unsupported:
                outputs = check_outputs(resource_type.token, {**outputs, **unsupported.outputs})
                return Created(id=resource_id, outputs=outputs, state="recorded-only", reason=unsupported.message)
        return Created(id=resource_id, outputs=outputs, state="applied")
