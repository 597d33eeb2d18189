"""ECS task definitions, and the environment of a container's process on this machine."""

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import ports
from local.account import LocalAccount
from local.errors import LocalPlatformError, RegistrationError
from local.provider.protocol import Registration

PYTHON = re.compile(r"python(3(\.\d+)?)?")
# Conventional variables for the port; a task is told its port by them, as on most container hosts.
PORT_VARIABLES = ("PORT", "APP_PORT")
HOST_VARIABLE = "HOST"
TEMPORARY_FOLDER = "/tmp"  # noqa: S108  # the mount point in task definitions
DEFAULT_STOP_SECONDS = 30.0
# Inputs that change what a program sees on ECS, and that have no effect here.
UNSUPPORTED_INPUTS = ("dependsOn", "environmentFiles", "extraHosts", "links", "volumesFrom")
SECRET_ARN = re.compile(
    r"(?P<arn>arn:[^:]+:secretsmanager:[^:]+:\d+:secret:[^:]+)(:(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)


@dataclass(frozen=True, kw_only=True)
class ContainerCheck:
    """The health check of a container: its command as an argument list, and its timing."""

    argv: tuple[str, ...]
    interval_seconds: float
    timeout_seconds: float
    retries: int
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class TaskDefinition:
    """Everything needed to run a task of one container. `port` is None for a container without a port mapping.

    The process has the image's folder as its working directory and imports only from it and from the standard library. Not
    enforced, because this would need privileges: the user, a read-only root, dropped capabilities, CPU and memory limits.
    """

    urn: str
    arn: str
    container: str
    folder: Path
    argv: tuple[str, ...]
    port: int | None
    variables: Mapping[str, str]
    secrets: Mapping[str, str]
    check: ContainerCheck | None
    has_temporary_folder: bool
    stop_seconds: float

    def environment(self, account: LocalAccount, port: int, temporary_folder: Path) -> dict[str, str]:
        """Return the whole environment of a task. Secrets are read now, as ECS does at every start.

        Several tasks cannot share the registered port on one machine, so each gets its own in PORT (and in APP_PORT, if that
        is registered), and the loopback address in HOST.

        Raises:
            LocalPlatformError: A secret cannot be read.
        """
        overrides = (
            {}
            if self.port is None
            else {name: str(port) for name in PORT_VARIABLES if name == "PORT" or name in self.variables}
        )
        if self.has_temporary_folder:
            overrides["TMPDIR"] = str(temporary_folder)
        import_path = [str(self.folder), *filter(None, [self.variables.get("PYTHONPATH")])]
        return {
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            # So that the log is complete when a task ends.
            "PYTHONUNBUFFERED": "1",
            **self.variables,
            **{name: read_secret(account, name, reference) for name, reference in self.secrets.items()},
            **overrides,
            HOST_VARIABLE: ports.LOOPBACK,
            "PYTHONPATH": os.pathsep.join(import_path),
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            **account.environment(),
        }

    def check_on(self, port: int) -> ContainerCheck | None:
        """Return the health check of a task on `port`: in its command, the registered port on this host is replaced."""
        if self.check is None or self.port is None:
            return self.check
        own = re.compile(rf"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):{self.port}\b")
        return replace(self.check, argv=tuple(own.sub(f"{ports.LOOPBACK}:{port}", part) for part in self.check.argv))


def read_secret(account: LocalAccount, name: str, reference: str) -> str:
    """Return the value of a secret, or of one key of its JSON.

    Args:
        account: The account that holds the secret.
        name: The variable's name, for error messages.
        reference: `arn` or `arn:key:stage:version`.

    Raises:
        LocalPlatformError: The reference is malformed, the secret cannot be read, or it has no such key.
    """
    parts = SECRET_ARN.fullmatch(reference)
    if parts is None:
        raise LocalPlatformError(f"secret {name}: must be an ARN of Secrets Manager, not {reference}")
    version = {"VersionStage": parts["stage"], "VersionId": parts["version"]}
    try:
        text = account.client("secretsmanager").get_secret_value(
            SecretId=parts["arn"], **{key: value for key, value in version.items() if value}
        )["SecretString"]
    except (BotoCoreError, ClientError, KeyError) as error:
        raise LocalPlatformError(f"secret {name}: {reference} cannot be read: {error}") from error
    if not parts["key"]:
        return str(text)
    try:
        value = json.loads(text)[parts["key"]]
    except (ValueError, TypeError, KeyError):
        raise LocalPlatformError(f"secret {name}: {parts['arn']} is not JSON with the key {parts['key']}") from None
    return value if isinstance(value, str) else json.dumps(value)


def define(registration: Registration, images: Mapping[str, Path]) -> TaskDefinition:
    """Read an aws:ecs/taskDefinition:TaskDefinition.

    Args:
        registration: The task definition.
        images: The folders of the known images, by repository.

    Raises:
        RegistrationError: An input is not supported on this machine, such as several containers, programs other than Python,
            unknown images, and volumes other than /tmp.
    """
    container = _container(registration)
    reader = _Reader(registration.urn, container)
    if given := sorted(name for name in UNSUPPORTED_INPUTS if container.get(name)):
        raise reader.error(given[0], "not supported on this machine")
    variables = reader.variables()
    port = reader.port(variables)
    return TaskDefinition(
        urn=registration.urn,
        arn=str(registration.outputs.get("arn") or registration.id),
        container=str(container.get("name") or ""),
        folder=reader.folder(images),
        argv=reader.argv("command", [*(container.get("entryPoint") or ()), *(container.get("command") or ())]),
        port=port,
        variables=variables,
        secrets=reader.secrets(),
        check=reader.check(),
        has_temporary_folder=reader.has_temporary_folder(),
        stop_seconds=float(container.get("stopTimeout") or DEFAULT_STOP_SECONDS),
    )


def _container(registration: Registration) -> Mapping[str, Any]:
    urn, text = registration.urn, str(registration.inputs.get("containerDefinitions") or "")
    try:
        containers = json.loads(text)
    except json.JSONDecodeError as error:
        raise RegistrationError(urn, f"containerDefinitions: not valid JSON: {error}") from error
    if not isinstance(containers, list) or len(containers) != 1 or not isinstance(containers[0], dict):
        raise RegistrationError(urn, "containerDefinitions: exactly one container is supported on this machine")
    return containers[0]


class _Reader:
    """Reads the inputs of one container definition."""

    def __init__(self, urn: str, container: Mapping[str, Any]) -> None:
        self._urn, self._container = urn, container

    def error(self, name: str, problem: str) -> RegistrationError:
        return RegistrationError(self._urn, f"containerDefinitions[0].{name}: {problem}")

    def folder(self, images: Mapping[str, Path]) -> Path:
        image = str(self._container.get("image") or "")
        repository = repository_of(image)
        if repository not in images:
            raise self.error(
                "image",
                f"{image or 'none'}: not on this machine; must be one of: {', '.join(sorted(images)) or 'no image'}",
            )
        folder = images[repository]
        if not folder.is_dir():
            raise self.error("image", f"{image}: {folder} is not a folder")
        return folder.resolve()

    def argv(self, name: str, command: Sequence[str]) -> tuple[str, ...]:
        """Return a command that runs with this interpreter and without this environment's packages."""
        if not command:
            raise self.error(name, "required, because the image's default command is not known on this machine")
        program = Path(command[0]).name
        if not PYTHON.fullmatch(program):
            raise self.error(name, f"{command[0]!r} is not supported on this machine, only Python programs")
        return (sys.executable, "-P", "-s", "-S", *command[1:])

    def variables(self) -> dict[str, str]:
        return {str(each["name"]): str(each["value"]) for each in self._container.get("environment") or ()}

    def secrets(self) -> dict[str, str]:
        secrets = {str(each["name"]): str(each["valueFrom"]) for each in self._container.get("secrets") or ()}
        for name, reference in secrets.items():
            if SECRET_ARN.fullmatch(reference) is None:
                raise self.error(
                    "secrets",
                    f"{name}: must be an ARN of Secrets Manager, optionally with :key:stage:version, not {reference}",
                )
        return secrets

    def port(self, variables: Mapping[str, str]) -> int | None:
        mappings = self._container.get("portMappings") or ()
        if not mappings:
            return None
        if len(mappings) > 1 or (mappings[0].get("protocol") or "tcp") != "tcp":
            raise self.error("portMappings", "only one TCP port is supported on this machine")
        port = int(mappings[0]["containerPort"])
        for name in PORT_VARIABLES:
            if variables.get(name, str(port)) != str(port):
                raise self.error(
                    "environment",
                    f"{name} is {variables[name]}, but the mapped port is {port}",
                )
        return port

    def check(self) -> ContainerCheck | None:
        given = self._container.get("healthCheck") or {}
        kind, *command = given.get("command") or ["NONE"]
        if kind == "NONE":
            return None
        if kind not in ("CMD", "CMD-SHELL"):
            raise self.error("healthCheck.command", f"must begin with CMD or CMD-SHELL, not {kind!r}")
        shell = ("/bin/sh", "-c", " ".join(command))
        return ContainerCheck(
            argv=shell if kind == "CMD-SHELL" else self.argv("healthCheck.command", command),
            interval_seconds=float(given.get("interval") or 30),
            timeout_seconds=float(given.get("timeout") or 5),
            retries=int(given.get("retries") or 3),
            start_seconds=float(given.get("startPeriod") or 0),
        )

    def has_temporary_folder(self) -> bool:
        points = [str(each.get("containerPath") or "") for each in self._container.get("mountPoints") or ()]
        if other := [point for point in points if point.rstrip("/") != TEMPORARY_FOLDER]:
            raise self.error("mountPoints", f"{other[0]} is not supported on this machine, only {TEMPORARY_FOLDER}")
        return bool(points)


def repository_of(image: str) -> str:
    """Return the repository in an image reference, without registry, tag and digest."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        name = rest
    return name.partition(":")[0]
