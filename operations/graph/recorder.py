"""The registered resource graph of an environment: what the program asks for there, without any AWS."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from local.engines import stack_files
from local.engines.recording import RegisteredResource, record
from local.engines.registered import PROVIDER_PREFIX
from operations.graph.placeholder_release import release_config
from operations.project import checkout


@dataclass(frozen=True, kw_only=True)
class ResourceGraph:
    """One environment's registrations: resources and the components they belong to, without providers."""

    environment: str
    resources: tuple[RegisteredResource, ...]

    @property
    def components(self) -> tuple[RegisteredResource, ...]:
        """The program's own groupings, in the order of their registration."""
        return tuple(each for each in self.resources if not each.custom)

    @property
    def custom(self) -> tuple[RegisteredResource, ...]:
        """What AWS will have, in the order of its registration."""
        return tuple(each for each in self.resources if each.custom)

    def home(self, urn: str) -> str:
        """The URN of the outermost component that a registration belongs to, or its own where it belongs to none."""
        by_urn = {each.urn: each for each in self.resources}
        while (found := by_urn.get(urn)) is not None and found.parent in by_urn:
            urn = found.parent
        return urn


def record_graph(environment: str, root: Path = checkout.ROOT) -> ResourceGraph:
    """Evaluates the program with the environment's stack file. Raises LocalPlatformError for a program that fails."""
    # Pulumi's AWS package takes a second to load: only who asks for a graph should wait for it.
    from stacks.program import platform  # noqa: PLC0415

    name, config = stack_files.project_name(root), stack_files.load_stack_config(root, environment)
    with tempfile.TemporaryDirectory() as folder:
        config = {**config, **release_config(name, Path(folder))}
        registered = record(platform, project=name, stack=environment, config=config)
    return ResourceGraph(
        environment=environment,
        resources=tuple(each for each in registered if not each.type.startswith(PROVIDER_PREFIX)),
    )
