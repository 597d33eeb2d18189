"""Lambda on this machine: registered functions, run in worker processes of their own."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.compute.lambda_.function_definition import FunctionDefinition, define
from local.compute.lambda_.function_pool import FunctionPool
from local.compute.lambda_.invocations import Invocation
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor


class Functions:
    """The functions of one platform.

    Code is extracted under `directory`, which platforms may share. A function's first process is started by its first event.
    """

    def __init__(self, account: LocalAccount, supervisor: Supervisor, directory: Path) -> None:
        self.logs = supervisor.logs
        # Absolute, because workers run with their code's folder as the working directory.
        self._account, self._supervisor, self._directory = account, supervisor, directory.resolve()
        self._pools: dict[str, FunctionPool] = {}
        self._lock = threading.Lock()

    def register(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:lambda/function:Function. A function of the same name is replaced, and its instances are killed."""
        definition = define(registration, self._directory)
        pool = FunctionPool(definition, self._account, self._supervisor)
        with self._lock:
            replaced = self._pools.pop(definition.name, None)
        # Process names contain the function's name, so the old instances must have ended before a new one can start.
        if replaced is not None:
            replaced.close()
        with self._lock:
            self._pools[definition.name] = pool
        return {}

    def definition(self, function: str) -> FunctionDefinition:
        """Return the definition of a function, by name or ARN.

        Raises:
            LocalPlatformError: No such function is registered.
        """
        return self._pool(function).definition

    def invoke(self, function: str, event: Any) -> Invocation:
        """Invoke a function and wait for the result. Errors of the function are in the returned `Invocation`.

        Args:
            function: A name or an ARN, with or without a qualifier.
            event: A JSON value.

        Raises:
            LocalPlatformError: No such function is registered.
        """
        return self._pool(function).invoke(event)

    def run_invocation(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:lambda/invocation:Invocation.

        Raises:
            RegistrationError: The input is not JSON, the function is not registered, or it fails.
        """
        function = str(registration.inputs["functionName"])
        text = str(registration.inputs.get("input") or "null")
        try:
            event = json.loads(text)
        except json.JSONDecodeError as error:
            raise RegistrationError(registration.urn, f"input: not valid JSON: {error}") from error
        try:
            invocation = self.invoke(function, event)
        except LocalPlatformError as error:
            raise RegistrationError(registration.urn, f"functionName: {error.message}") from error
        if invocation.error is not None:
            raise RegistrationError(registration.urn, f"{function_name(function)} failed: {invocation.error.message}")
        return {"result": json.dumps(invocation.payload)}

    def close(self) -> None:
        """Kill every instance."""
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
    """Return the name in any identifier that Lambda accepts: `name`, `name:qualifier`, `account:function:name`, or an ARN."""
    parts = function.split(":")
    return parts[parts.index("function") + 1] if "function" in parts[:-1] else parts[0]
