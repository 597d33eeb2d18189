"""The local AWS provider: applies one registration of a Pulumi program to the local account."""

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from local.account import LocalAccount
from local.errors import LocalPlatformError, NotRunHereError, RegistrationError
from local.provider.data_sources import answer
from local.provider.protocol import Registration, ResourceState, Runner
from local.provider.requests.api import Regions
from local.provider.requests.calls import make_calls
from local.provider.resource_types.facts import Facts
from local.provider.resource_types.outputs import checked, evaluated, make_outputs
from local.provider.resource_types.problem import ProblemError
from local.provider.resource_types.pulumi_classes import declared_inputs, declared_outputs
from local.provider.resource_types.table import ResourceType
from local.provider.services import TABLE

Tags = Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Created:
    """What a registration became. `reason` says why it is recorded only."""

    id: str
    outputs: Mapping[str, Any] = field(repr=False)
    state: ResourceState
    reason: str = ""


class LocalProvider:
    """Applies registrations: the table's calls, then the type's runner. Threads may call it at once, for different resources.

    `runners` maps type tokens to what runs such a registration; their outputs win over AWS's.
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
        type: str,  # noqa: A002  # the registration's own word
        name: str,
        inputs: Mapping[str, Any],
        region: str | None = None,
        default_tags: Tags | None = None,
    ) -> Created:
        """Applies one registration and answers its id and outputs (camelCase, as AWS and the runner say).

        `region` and `default_tags` are the Pulumi provider's options. A type without an entry in the table, or whose entry
        says that the emulator lacks it, is recorded only: its id is its name, its outputs are its inputs. So is one that its
        runner cannot run on this machine, with the id and outputs that AWS and the runner say.

        Raises RegistrationError, with the resource's name and type, for an input that nothing takes, a request that AWS's
        models forbid, a call that fails, a runner that fails, and a URN that was registered before.
        """
        kind = self._table.get(type) or ResourceType(
            type, None, recorded_only="the local provider has no entry for this type"
        )
        resource = f"{name} ({type})"
        try:
            self._claim(urn)
            return self._create(kind, urn, name, inputs, region=region, default_tags=default_tags or {})
        except ProblemError as problem:
            raise RegistrationError(resource, str(problem)) from None
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
        """The answer of a data source such as `aws:index/getRegion:getRegion`. Raises LocalPlatformError for an unknown one."""
        api = self._regions.get(region)
        try:
            return answer(
                token, args, region=api.region, account_id=api.account_id, default_tags=default_tags or {}, api=api
            )
        except ProblemError as problem:
            raise LocalPlatformError(f"{token}: {problem}") from None

    def _claim(self, urn: str) -> None:
        with self._lock:
            if urn in self._urns:
                raise ProblemError("is registered twice under this name")
            self._urns.add(urn)

    def _create(
        self,
        kind: ResourceType,
        urn: str,
        name: str,
        inputs: Mapping[str, Any],
        *,
        region: str | None,
        default_tags: Tags,
    ) -> Created:
        runner = self._runners.get(kind.token)
        if kind.recorded_only and runner is None:
            return Created(id=name, outputs=dict(inputs), state="recorded-only", reason=kind.recorded_only)
        given = {**kind.defaults, **{key: value for key, value in inputs.items() if value is not None}}
        given |= automatic_name(kind, name, urn, given)
        api = self._regions.get(given.get("region") or region)
        facts = Facts(region=api.region, account_id=api.account_id, name=name)
        if kind.operation and not kind.recorded_only:
            sent = sendable(kind, {**with_tags(kind, given, default_tags), "region": api.region})
            make_calls(kind, sent, facts, api)
        elif runner is None:
            return Created(id=name, outputs=given, state="recorded-only", reason="nothing here runs this type")
        resource_id = evaluated(kind.id, given, facts)
        if not resource_id:
            raise ProblemError("AWS answered no id")
        facts.set("id", resource_id)
        outputs = make_outputs(kind, given, facts)
        if "tagsAll" in declared_outputs(kind.token):
            outputs["tagsAll"] = with_tags(kind, given, default_tags).get("tags", {})
        if runner is not None:
            registration = Registration(
                urn=urn, type=kind.token, name=name, inputs=MappingProxyType(given), id=resource_id, outputs=outputs
            )
            try:
                outputs = checked(kind.token, {**outputs, **runner(registration)})
            except NotRunHereError as absent:
                outputs = checked(kind.token, {**outputs, **absent.outputs})
                return Created(id=resource_id, outputs=outputs, state="recorded-only", reason=absent.message)
        return Created(id=resource_id, outputs=outputs, state="applied")


def automatic_name(kind: ResourceType, name: str, urn: str, inputs: Mapping[str, Any]) -> dict[str, str]:
    """The physical name that Pulumi's provider would give: the logical name (or the given prefix) and seven hex digits.

    The digits follow from the URN, so the same program gets the same names. Empty where the program named it, or the type has
    no such input.
    """
    naming = kind.naming
    if inputs.get(naming.input_name) is not None or naming.input_name not in declared_inputs(kind.token):
        return {}
    # A prefix is `bucketPrefix` for `bucket`; a FIFO queue's or topic's name must end so.
    prefix = inputs.get(f"{naming.input_name}Prefix") or f"{naming.prefix}{name}-"
    ending = ".fifo" if inputs.get("fifoQueue") or inputs.get("fifoTopic") else ""
    made = f"{prefix}{hashlib.sha256(urn.encode()).hexdigest()[:7]}{ending}"
    return {naming.input_name: made.lower() if naming.lowercase else made}


def with_tags(kind: ResourceType, inputs: Mapping[str, Any], default_tags: Tags) -> dict[str, Any]:
    """The inputs with the provider's default tags under the resource's own, where the type has tags at all."""
    if "tagsAll" not in declared_outputs(kind.token):
        return dict(inputs)
    tags = {**default_tags, **(inputs.get("tags") or {})}
    return {**inputs, "tags": tags} if tags else {key: value for key, value in inputs.items() if key != "tags"}


def sendable(kind: ResourceType, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the calls want them: prepared, and without those that only steer Pulumi's own provider."""
    refused = sorted(set(kind.unsupported) & inputs.keys())
    if refused:
        raise ProblemError(f"{', '.join(refused)}: the local account does not support this")
    prepared = kind.prepare(dict(inputs)) if kind.prepare else inputs
    steering = {"region", f"{kind.naming.input_name}Prefix", *kind.ignore}
    return {key: value for key, value in prepared.items() if key not in steering}
