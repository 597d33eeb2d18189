"""Calls AWS operations: checks the request, makes it, and says in one line what went wrong."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from local.account import LocalAccount
from local.provider.requests.validation import find_problems
from local.provider.resource_types.problem import ProblemError


class Api:
    """The operations of one account in one region."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.region, self.account_id = account.region, account.account_id

    def operation(self, service: str, name: str) -> OperationModel:
        """The model of an operation by boto3's name for it. Raises ProblemError when there is none."""
        meta = self._account.client(service).meta
        if name not in meta.method_to_api_mapping:
            raise ProblemError(f"{service} has no operation {name}")
        return cast(OperationModel, meta.service_model.operation_model(meta.method_to_api_mapping[name]))

    def call(
        self, service: str, name: str, parameters: Mapping[str, Any], origins: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """The answer of a call, without its metadata.

        `origins` says which input each member came from, for the message. Raises ProblemError for a request that AWS's own
        model forbids and for an answer that is an error.
        """
        shape = self.operation(service, name).input_shape
        if shape is not None:
            for path, problem in find_problems(parameters, shape):
                raise ProblemError(f"{_origin(path, origins or {})}{service}.{name} {path} {problem}")
        try:
            answer: dict[str, Any] = getattr(self._account.client(service), name)(**parameters)
        except ClientError as error:
            details = error.response.get("Error", {})
            raise ProblemError(f"{service}.{name}: {details.get('Code', '')}: {details.get('Message', '')}") from None
        except BotoCoreError as error:
            raise ProblemError(f"{service}.{name}: {error}") from None
        answer.pop("ResponseMetadata", None)
        return answer


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """The input whose target is the longest beginning of the path, as `input: `."""
    fitting = [(len(target), name) for name, target in origins.items() if path.startswith(target)]
    return f"{max(fitting)[1]}: " if fitting else ""


class Regions:
    """The account's Api in each region that a provider or a resource names."""

    def __init__(self, account: LocalAccount) -> None:
        self._account, self._apis, self._lock = account, {account.region: Api(account)}, threading.Lock()

    def get(self, region: str | None) -> Api:
        """The Api of a region; of the account's own without one."""
        with self._lock:
            region = region or self._account.region
            if region not in self._apis:
                # Clients belong to a region, so another region needs its own.
                account = replace(self._account, region=region, _clients={}, _lock=threading.Lock())
                self._apis[region] = Api(account)
            return self._apis[region]
