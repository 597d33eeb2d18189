"""Calls AWS operations: validates the request, sends it and reports an error in one line."""

import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import OperationModel

from local.account import LocalAccount
from local.provider.requests.validation import find_problems
from local.provider.resource_types.errors import ResourceError


class Api:
    """The operations of one account in one region."""

    def __init__(self, account: LocalAccount) -> None:
        self._account = account
        self.region, self.account_id = account.region, account.account_id

    def operation(self, service: str, name: str) -> OperationModel:
        """Return the model of an operation by its boto3 name.

        Raises:
            ResourceError: The service has no such operation.
        """
        meta = self._account.client(service).meta
        if name not in meta.method_to_api_mapping:
            raise ResourceError(f"{service} has no operation {name}")
        return cast(OperationModel, meta.service_model.operation_model(meta.method_to_api_mapping[name]))

    def call(
        self, service: str, name: str, parameters: Mapping[str, Any], origins: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Return the response to a call, without its metadata.

        `origins` maps each input to the request member it became, for error messages.

        Raises:
            ResourceError: The request violates the service model, or the response is an error.
        """
        shape = self.operation(service, name).input_shape
        if shape is not None:
            for path, problem in find_problems(parameters, shape):
                raise ResourceError(f"{_origin(path, origins or {})}{service}.{name} {path} {problem}")
        try:
            response: dict[str, Any] = getattr(self._account.client(service), name)(**parameters)
        except ClientError as error:
            details = error.response.get("Error", {})
            raise ResourceError(f"{service}.{name}: {details.get('Code', '')}: {details.get('Message', '')}") from None
        except BotoCoreError as error:
            raise ResourceError(f"{service}.{name}: {error}") from None
        response.pop("ResponseMetadata", None)
        return response


def _origin(path: str, origins: Mapping[str, str]) -> str:
    """Return the input whose target is the longest prefix of the path, as `input: `."""
    matches = [(len(target), name) for name, target in origins.items() if path.startswith(target)]
    return f"{max(matches)[1]}: " if matches else ""


class Regions:
    """The account's Api in each region, created on first use."""

    def __init__(self, account: LocalAccount) -> None:
        self._account, self._apis, self._lock = account, {account.region: Api(account)}, threading.Lock()

    def get(self, region: str | None) -> Api:
        """Return the Api of a region; None is the account's own region."""
        with self._lock:
            region = region or self._account.region
            if region not in self._apis:
                # A boto3 client belongs to one region, so each region needs its own cache of clients.
                account = replace(self._account, region=region, _clients={}, _lock=threading.Lock())
                self._apis[region] = Api(account)
            return self._apis[region]
