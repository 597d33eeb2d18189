"""The definition of a registered Lambda function, and the environment that Lambda would give its process."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.archives import ArchiveError
from local.compute.lambda_ import function_code
from local.errors import RegistrationError
from local.provider.protocol import Registration

DEFAULT_TIMEOUT_SECONDS = 3
DEFAULT_MEMORY_MEGABYTES = 128
# The maximum number of instances of a function without reserved concurrency. AWS would run a thousand; one machine is better
# off queueing.
LOCAL_CONCURRENCY = 4
# Address space beyond memorySize. Measured on Linux x86-64: the interpreter with an AWS SDK, a database driver and a web
# framework uses 95 MiB more address space than memory, and each thread 8.4 MiB more. So this is enough for about 45 threads;
# without it, 128 MB are not enough to import psycopg, and 20 idle threads need 250.
ADDRESS_SPACE_HEADROOM_MEGABYTES = 512

# Lambda rejects these (developer guide, "Defined runtime environment variables").
RESERVED_VARIABLES = frozenset(
    {
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "LAMBDA_RUNTIME_DIR", "LAMBDA_TASK_ROOT",
    }
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class FunctionDefinition:
    """Everything needed to run a function. `reserved_concurrency` is None when the registration reserves none."""

    urn: str
    name: str
    arn: str
    handler: str
    runtime: str
    task_root: Path
    timeout_seconds: float
    memory_megabytes: int
    reserved_concurrency: int | None
    variables: Mapping[str, str]

    @property
    def concurrency(self) -> int:
        """The maximum number of concurrent instances."""
        return LOCAL_CONCURRENCY if self.reserved_concurrency is None else self.reserved_concurrency

    @property
    def address_space_bytes(self) -> int:
        """The address space limit of an instance; 0 (no limit) on systems other than Linux."""
        if sys.platform != "linux":
            return 0
        return (self.memory_megabytes + ADDRESS_SPACE_HEADROOM_MEGABYTES) * 1024**2

    def environment(self, account: LocalAccount, log_stream: str) -> dict[str, str]:
        """Return the whole environment of an instance: registered variables, those Lambda adds, and the account's endpoints."""
        return {
            # Lambda sets en_US.UTF-8, which few machines have; without the locale Python would set LC_CTYPE itself.
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            **self.variables,
            "_HANDLER": self.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{self.runtime}",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(self.memory_megabytes),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
            "LAMBDA_TASK_ROOT": str(self.task_root),
            **account.environment(),
        }


def define(registration: Registration, directory: Path) -> FunctionDefinition:
    """Read an aws:lambda/function:Function and extract its code under `directory`.

    Raises:
        RegistrationError: An input is missing or not supported on this machine, or the code cannot be read.
    """
    inputs, outputs = registration.inputs, registration.outputs
    if inputs.get("packageType", "Zip") != "Zip":
        raise RegistrationError(registration.urn, "packageType: only Zip is supported on this machine, not images")
    runtime, handler = str(inputs.get("runtime") or ""), str(inputs.get("handler") or "")
    if not runtime.startswith("python"):
        raise RegistrationError(
            registration.urn, f"runtime: {runtime!r} is not supported on this machine, only Python runtimes"
        )
    if not handler:
        raise RegistrationError(registration.urn, "handler: required")
    name = str(outputs.get("name") or inputs.get("name") or registration.id)
    arn = str(outputs.get("arn") or "")
    if not arn:
        raise RegistrationError(registration.urn, "arn: the account returned none")
    return FunctionDefinition(
        urn=registration.urn,
        name=name,
        arn=arn,
        handler=handler,
        runtime=runtime,
        task_root=_code(registration, directory),
        timeout_seconds=float(inputs.get("timeout") or DEFAULT_TIMEOUT_SECONDS),
        memory_megabytes=int(inputs.get("memorySize") or DEFAULT_MEMORY_MEGABYTES),
        reserved_concurrency=_reserved_concurrency(inputs),
        variables=_variables(registration),
    )


def _code(registration: Registration, directory: Path) -> Path:
    code = registration.inputs.get("code")
    if code is None:
        raise RegistrationError(registration.urn, "code: required; only an archive on this machine is supported")
    try:
        return function_code.extract(code, directory)
    except ArchiveError as error:
        raise RegistrationError(registration.urn, f"code: {error.message}") from error


def _reserved_concurrency(inputs: Mapping[str, Any]) -> int | None:
    reserved = inputs.get("reservedConcurrentExecutions")
    # -1 means "none reserved"; with 0 the function is never run.
    return None if reserved is None or int(reserved) < 0 else int(reserved)


def _variables(registration: Registration) -> dict[str, str]:
    variables = (registration.inputs.get("environment") or {}).get("variables") or {}
    if reserved := sorted(RESERVED_VARIABLES & set(variables)):
        raise RegistrationError(
            registration.urn,
            f"environment.variables: {', '.join(reserved)}: reserved variables, which Lambda sets itself",
        )
    return {str(name): str(value) for name, value in variables.items()}
