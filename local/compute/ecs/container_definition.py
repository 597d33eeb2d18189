"""An ECS task definition as it was registered, and what its container's process is given on this machine."""

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
# What names the port by convention; a program is told with them where to listen, as most container hosts do.
PORT_VARIABLES = ("PORT", "APP_PORT")
HOST_VARIABLE = "HOST"
TEMPORARY_FOLDER = "/tmp"  # noqa: S108  # the mount point that definitions name
DEFAULT_STOP_SECONDS = 30.0
# What ECS would do with these changes what a program sees, and nothing here does it.
NOT_RUN_HERE = ("dependsOn", "environmentFiles", "extraHosts", "links", "volumesFrom")
SECRET_ARN = re.compile(
    r"(?P<arn>arn:[^:]+:secretsmanager:[^:]+:\d+:secret:[^:]+)(:(?P<key>[^:]*):(?P<stage>[^:]*):(?P<version>[^:]*))?"
)


@dataclass(frozen=True, kw_only=True)
class ContainerCheck:
    """The container's own health check: its command, ready to be run, and its pace."""

    argv: tuple[str, ...]
    interval_seconds: float
    timeout_seconds: float
    retries: int
    start_seconds: float


@dataclass(frozen=True, kw_only=True)
class ContainerDefinition:
    """What running a task needs to know. `port` is None for a container that maps none.

    The process has the image's folder as its working directory and as the only place, beside the standard library, to import
    from. What takes privileges is not enforced: its user, a read-only root, dropped capabilities, limits of CPU and memory.
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
        """The whole environment of a task that is to listen on `port`. Secrets are read now, as ECS does at every start.

        Several tasks cannot share the registered port on one machine, so each is told another one by PORT (and by APP_PORT,
        where that is registered), and by HOST to listen on loopback alone. Raises LocalPlatformError for a secret that
        cannot be read.
        """
        told = (
            {}
            if self.port is None
            else {name: str(port) for name in PORT_VARIABLES if name == "PORT" or name in self.variables}
        )
        if self.has_temporary_folder:
            told["TMPDIR"] = str(temporary_folder)
        imported = [str(self.folder), *filter(None, [self.variables.get("PYTHONPATH")])]
        return {
            "LANG": "C.UTF-8",
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"]),
            # What a task last wrote must be in its log when it ends.
            "PYTHONUNBUFFERED": "1",
            **self.variables,
            **{name: read_secret(account, name, reference) for name, reference in self.secrets.items()},
            **told,
            HOST_VARIABLE: ports.LOOPBACK,
            "PYTHONPATH": os.pathsep.join(imported),
            "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE",
            **account.environment(),
        }

    def check_on(self, port: int) -> ContainerCheck | None:
        """The health check of a task on `port`: where it asks this very machine for the registered one, it asks the task."""
        if self.check is None or self.port is None:
            return self.check
        own = re.compile(rf"(localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1\]):{self.port}\b")
        return replace(self.check, argv=tuple(own.sub(f"{ports.LOOPBACK}:{port}", part) for part in self.check.argv))


def read_secret(account: LocalAccount, name: str, reference: str) -> str:
    """The text of a secret, or of one key of its JSON (`arn:key:stage:version`). Raises LocalPlatformError."""
    parts = SECRET_ARN.fullmatch(reference)
    if parts is None:
        raise LocalPlatformError(f"secret {name}: {reference} is no ARN of Secrets Manager")
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
        raise LocalPlatformError(f"secret {name}: {parts['arn']} holds no JSON with the key {parts['key']}") from None
    return value if isinstance(value, str) else json.dumps(value)


def define(registration: Registration, images: Mapping[str, Path]) -> ContainerDefinition:
    """Reads an aws:ecs/taskDefinition:TaskDefinition. Raises RegistrationError, with the input's name, for what does not run
    on this machine: several containers, programs other than Python's, images that are not there, volumes but for /tmp."""
    container = _container(registration)
    reader = _Reader(registration.urn, container)
    if given := sorted(name for name in NOT_RUN_HERE if container.get(name)):
        raise reader.refusal(given[0], "it is not supported on this machine")
    variables = reader.variables()
    port = reader.port(variables)
    return ContainerDefinition(
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
        raise RegistrationError(urn, f"containerDefinitions: it is not JSON: {error}") from error
    if not isinstance(containers, list) or len(containers) != 1 or not isinstance(containers[0], dict):
        raise RegistrationError(urn, "containerDefinitions: tasks of exactly one container run on this machine")
    return containers[0]


class _Reader:
    """The parts of one container definition."""

    def __init__(self, urn: str, container: Mapping[str, Any]) -> None:
        self._urn, self._container = urn, container

    def refusal(self, name: str, problem: str) -> RegistrationError:
        return RegistrationError(self._urn, f"containerDefinitions[0].{name}: {problem}")

    def folder(self, images: Mapping[str, Path]) -> Path:
        image = str(self._container.get("image") or "")
        repository = repository_of(image)
        if repository not in images:
            raise self.refusal(
                "image",
                f"{image or 'none'}: nothing of it is on this machine, which has {', '.join(sorted(images)) or 'no image'}",
            )
        folder = images[repository]
        if not folder.is_dir():
            raise self.refusal("image", f"{image}: {folder} is no folder")
        return folder.resolve()

    def argv(self, name: str, command: Sequence[str]) -> tuple[str, ...]:
        """A command with this interpreter, kept from every package but those of the image's folder."""
        if not command:
            raise self.refusal(name, "it is missing, and what the image would run is not known here")
        program = Path(command[0]).name
        if not PYTHON.fullmatch(program):
            raise self.refusal(name, f"{command[0]!r}: only Python programs run on this machine")
        return (sys.executable, "-P", "-s", "-S", *command[1:])

    def variables(self) -> dict[str, str]:
        return {str(each["name"]): str(each["value"]) for each in self._container.get("environment") or ()}

    def secrets(self) -> dict[str, str]:
        secrets = {str(each["name"]): str(each["valueFrom"]) for each in self._container.get("secrets") or ()}
        for name, reference in secrets.items():
            if SECRET_ARN.fullmatch(reference) is None:
                raise self.refusal(
                    "secrets", f"{name}: {reference} is no ARN of Secrets Manager, alone or with :key:stage:version"
                )
        return secrets

    def port(self, variables: Mapping[str, str]) -> int | None:
        mappings = self._container.get("portMappings") or ()
        if not mappings:
            return None
        if len(mappings) > 1 or (mappings[0].get("protocol") or "tcp") != "tcp":
            raise self.refusal("portMappings", "one TCP port a container is served on this machine")
        port = int(mappings[0]["containerPort"])
        for name in PORT_VARIABLES:
            if variables.get(name, str(port)) != str(port):
                raise self.refusal(
                    "environment",
                    f"{name} says {variables[name]}, but the mapped port is {port}: nobody would listen there",
                )
        return port

    def check(self) -> ContainerCheck | None:
        given = self._container.get("healthCheck") or {}
        kind, *command = given.get("command") or ["NONE"]
        if kind == "NONE":
            return None
        if kind not in ("CMD", "CMD-SHELL"):
            raise self.refusal("healthCheck.command", f"it begins with {kind!r}, neither CMD nor CMD-SHELL")
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
            raise self.refusal(
                "mountPoints", f"{other[0]}: only {TEMPORARY_FOLDER} can be given to a process on this machine"
            )
        return bool(points)


def repository_of(image: str) -> str:
    """The repository in an image's reference: without registry host, tag and digest."""
    name = image.partition("@")[0]
    first, slash, rest = name.partition("/")
    if slash and (first == "localhost" or "." in first or ":" in first):
        name = rest
    return name.partition(":")[0]
