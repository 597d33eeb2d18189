"""ECS on this machine: containers run as processes from their task definitions, kept by their services."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.compute.ecs.container_definition import ContainerDefinition, define
from local.compute.ecs.container_service import ContainerService, read_service
from local.compute.ecs.container_task import ContainerTask
from local.compute.elbv2.load_balancers import LoadBalancers
from local.errors import RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor


class Containers:
    """The task definitions and services of one platform.

    `images` maps a repository's name to the folder that holds what the image would hold under its working directory: code and
    installed packages. Output goes to logs/container-<service>-<number>.log.
    """

    def __init__(
        self, account: LocalAccount, supervisor: Supervisor, balancers: LoadBalancers, *, images: Mapping[str, Path]
    ) -> None:
        self._account, self._supervisor, self._balancers, self._images = account, supervisor, balancers, dict(images)
        self._definitions: dict[str, ContainerDefinition] = {}
        self._services: dict[str, ContainerService] = {}
        self._lock = threading.Lock()

    @property
    def process_names(self) -> tuple[str, ...]:
        """The processes that run when every service has all its tasks."""
        with self._lock:
            return tuple(name for service in self._services.values() for name in service.process_names)

    def register_task(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:ecs/taskDefinition:TaskDefinition. Raises RegistrationError for what does not run on this machine."""
        definition = define(registration, self._images)
        with self._lock:
            self._definitions[definition.arn] = definition
        return {}

    def start_service(self, registration: Registration) -> Mapping[str, Any]:
        """Runner of aws:ecs/service:Service; waits for its tasks' health where the registration says so.

        Raises RegistrationError when they do not become healthy, and for what does not run on this machine.
        """
        described, urn = read_service(registration, self._balancers), registration.urn
        definition = self._definition(registration)
        self._require_attached_port(registration, definition)

        def launch(name: str, port: int, on_exit: Callable[[], None]) -> ContainerTask:
            return ContainerTask(
                definition,
                name=name,
                port=port,
                account=self._account,
                supervisor=self._supervisor,
                on_exit=on_exit,
            )

        with self._lock:
            if described.name in self._services:
                raise RegistrationError(urn, f"name: a service {described.name} runs already on this machine")
            service = self._services[described.name] = ContainerService(described, launch, self._balancers)
        service.start()
        if described.waits_for_steady_state:
            service.wait_until_steady()
        return {}

    def close(self) -> None:
        """Ends every task: no new requests, those at work done, SIGTERM, and SIGKILL after the stop timeout."""
        with self._lock:
            services = list(self._services.values())
        if services:
            with ThreadPoolExecutor(len(services), thread_name_prefix="containers") as at_once:
                list(at_once.map(ContainerService.close, services))

    def _definition(self, registration: Registration) -> ContainerDefinition:
        """The task definition of a service, named by ARN, or by family with or without a revision."""
        named = str(registration.inputs.get("taskDefinition") or "")
        with self._lock:
            for arn, definition in reversed(self._definitions.items()):
                family_and_revision = arn.rpartition("/")[2]
                if named in {arn, family_and_revision, family_and_revision.rpartition(":")[0]}:
                    return definition
        raise RegistrationError(registration.urn, f"taskDefinition: none is registered as {named!r}")

    def _require_attached_port(self, registration: Registration, definition: ContainerDefinition) -> None:
        for attachment in registration.inputs.get("loadBalancers") or ():
            container, port = attachment.get("containerName"), attachment.get("containerPort")
            if container != definition.container or int(port or 0) != definition.port:
                raise RegistrationError(
                    registration.urn,
                    f"loadBalancers: the task definition has no container {container} with port {port}, but"
                    f" {definition.container} with port {definition.port}",
                )
