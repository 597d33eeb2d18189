"""Recording of an environment's resource graph, without AWS."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.engines import stack_files
from local.engines.recording import RegisteredResource, record
from local.engines.registrations import PROVIDER_PREFIX
from operations.graph.placeholder_release import placeholder_config
from operations.project import checkout


@dataclass(frozen=True, kw_only=True)
class ResourceGraph:
    """The registrations of an environment, without providers."""

    environment: str
    resources: tuple[RegisteredResource, ...]

    @property
    def components(self) -> tuple[RegisteredResource, ...]:
        """Return the component resources, in the order of registration."""
        return tuple(resource for resource in self.resources if not resource.custom)

    @property
    def custom(self) -> tuple[RegisteredResource, ...]:
        """Return the custom resources, which exist in AWS, in the order of registration."""
        return tuple(resource for resource in self.resources if resource.custom)

    def root_component(self, urn: str) -> str:
        """Return the URN of the outermost component that contains a resource, or the resource's own URN."""
        by_urn = {resource.urn: resource for resource in self.resources}
        while (resource := by_urn.get(urn)) is not None and resource.parent in by_urn:
            urn = resource.parent
        return urn


def record_graph(environment: str, root: Path = checkout.ROOT) -> ResourceGraph:
    """Evaluate the program with the environment's stack file.

    Raises:
        LocalPlatformError: The program fails.
    """
    # Importing Pulumi's AWS package takes a second, which commands without a graph should not wait for.
    from stacks.program import platform  # noqa: PLC0415

    name, config = stack_files.project_name(root), stack_files.load_stack_config(root, environment)
    with tempfile.TemporaryDirectory() as folder:
        config = {**config, **placeholder_config(name, Path(folder))}
        registered = record(platform, project=name, stack=environment, config=config)
    return ResourceGraph(
        environment=environment,
        resources=tuple(resource for resource in registered if not resource.type.startswith(PROVIDER_PREFIX)),
    )
