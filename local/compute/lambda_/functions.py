"""Lambda on this machine: functions run from their registrations, in worker processes of their own."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.compute.lambda_.function_definition import FunctionDefinition, define
from local.compute.lambda_.function_pool import FunctionPool
from local.compute.lambda_.invocations import FunctionError, Invocation
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor

__all__ = ["FunctionDefinition", "FunctionError", "Functions", "Invocation"]


class Functions:
    """Every function of one platform. Code is laid out below `directory`, which platforms may share; nothing runs before the
    first event or `warm`."""

    def __init__(self, account: LocalAccount, supervisor: Supervisor, directory: Path) -> None:
        self.logs = supervisor.logs
        # Workers run in their code's folder, so its path must hold from there.
        self._account, self._supervisor, self._directory = account, supervisor, directory.resolve()
        self._pools: dict[str, FunctionPool] = {}
        self._lock = threading.Lock()

    def register(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lambda/function:Function. A function of the same name is replaced, its instances end."""
        definition = define(registration, self._directory)
        pool = FunctionPool(definition, self._account, self._supervisor)
        with self._lock:
            replaced = self._pools.pop(definition.name, None)
        # Instances are named by the function, so the old ones must be gone before a new one can start.
        if replaced is not None:
            replaced.close()
        with self._lock:
            self._pools[definition.name] = pool
        return {}

    def definition(self, function: str) -> FunctionDefinition:
        """What is registered under a name or ARN. Raises LocalPlatformError when nothing is."""
        return self._pool(function).definition

    def invoke(self, function: str, event: Any) -> Invocation:
        """Gives an event (a JSON value) to a function, named by name or ARN with or without a qualifier, and waits.

        Whatever goes wrong with the function is in the answer; only a function that nobody registered raises
        LocalPlatformError.
        """
        return self._pool(function).invoke(event)

    def run_invocation(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:lambda/invocation:Invocation. Raises RegistrationError when the function fails."""
        function = str(registration.inputs["functionName"])
        text = str(registration.inputs.get("input") or "null")
        try:
            event = json.loads(text)
        except json.JSONDecodeError as error:
            raise RegistrationError(registration.urn, f"input: it is not JSON: {error}") from error
        try:
            invocation = self.invoke(function, event)
        except LocalPlatformError as error:
            raise RegistrationError(registration.urn, f"functionName: {error.message}") from error
        if invocation.error is not None:
            raise RegistrationError(registration.urn, f"{function_name(function)} failed: {invocation.error.message}")
        return {"result": json.dumps(invocation.payload)}

    def warm(self, function: str) -> None:
        """Starts an instance ahead of the first event and waits until its handler is loaded.

        Raises ProcessFailedError when it cannot be loaded.
        """
        self._pool(function).warm()

    def close(self) -> None:
        """Kills every instance."""
        with self._lock:
            pools = list(self._pools.values())
        for pool in pools:
            pool.close()

    def _pool(self, function: str) -> FunctionPool:
        with self._lock:
            pool = self._pools.get(function_name(function))
        if pool is None:
            raise LocalPlatformError(f"no function is registered as {function}")
        return pool


def function_name(function: str) -> str:
    """The name in what AWS accepts as one: `name`, `name:qualifier`, `account:function:name`, or an ARN of either kind."""
    parts = function.split(":")
    return parts[parts.index("function") + 1] if "function" in parts[:-1] else parts[0]
