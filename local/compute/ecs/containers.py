"""ECS on this machine: services whose tasks run as processes."""

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from local.account import LocalAccount
from local.compute.ecs.container_service import ContainerService, read_service
from local.compute.ecs.container_task import ContainerTask
from local.compute.ecs.task_definition import TaskDefinition, define
from local.compute.elbv2.load_balancers import LoadBalancers
from local.errors import RegistrationError
from local.provider.protocol import Registration
from local.supervisor import Supervisor


class Containers:
    """The task definitions and services of one platform.

    `images` maps a repository's name to a folder with the contents of the image's working directory: code and installed
    packages. Output is written to logs/container-<service>-<number>.log.
    """

    def __init__(
        self, account: LocalAccount, supervisor: Supervisor, balancers: LoadBalancers, *, images: Mapping[str, Path]
    ) -> None:
        self._account, self._supervisor, self._balancers, self._images = account, supervisor, balancers, dict(images)
        self._definitions: dict[str, TaskDefinition] = {}
        self._services: dict[str, ContainerService] = {}
        self._lock = threading.Lock()

    @property
    def process_names(self) -> tuple[str, ...]:
        """The names of the processes when all tasks are running."""
        with self._lock:
            return tuple(name for service in self._services.values() for name in service.process_names)

    def register_task(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:ecs/taskDefinition:TaskDefinition.

        Raises:
            RegistrationError: An input is not supported on this machine.
        """
        definition = define(registration, self._images)
        with self._lock:
            self._definitions[definition.arn] = definition
        return {}

    def start_service(self, registration: Registration) -> Mapping[str, Any]:
        """Apply an aws:ecs/service:Service; wait until its tasks are healthy if `waitForSteadyState` is set.

        Raises:
            RegistrationError: An input is not supported on this machine, or the tasks did not become healthy.
        """
        service_definition, urn = read_service(registration, self._balancers), registration.urn
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
            if service_definition.name in self._services:
                raise RegistrationError(urn, f"name: a service {service_definition.name} is already running")
            service = self._services[service_definition.name] = ContainerService(
                service_definition, launch, self._balancers
            )
        service.start()
        if service_definition.waits_for_steady_state:
            service.wait_until_steady()
        return {}

    def close(self) -> None:
        """Stop every task: deregister it, finish its requests in progress, send SIGTERM, and SIGKILL after the stop timeout."""
        with self._lock:
            services = list(self._services.values())
        if services:
            with ThreadPoolExecutor(len(services), thread_name_prefix="containers") as executor:
                list(executor.map(ContainerService.close, services))

    def _definition(self, registration: Registration) -> TaskDefinition:
        """Return the task definition of a service, named by ARN, or by family with or without a revision."""
        named = str(registration.inputs.get("taskDefinition") or "")
        with self._lock:
            for arn, definition in reversed(self._definitions.items()):
                family_and_revision = arn.rpartition("/")[2]
                if named in {arn, family_and_revision, family_and_revision.rpartition(":")[0]}:
                    return definition
        raise RegistrationError(registration.urn, f"taskDefinition: no task definition is registered as {named!r}")

    def _require_attached_port(self, registration: Registration, definition: TaskDefinition) -> None:
        for attachment in registration.inputs.get("loadBalancers") or ():
            container, port = attachment.get("containerName"), attachment.get("containerPort")
            if container != definition.container or int(port or 0) != definition.port:
                raise RegistrationError(
                    registration.urn,
                    f"loadBalancers: the task definition has no container {container} with port {port}, but"
                    f" {definition.container} with port {definition.port}",
                )
