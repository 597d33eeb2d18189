"""The bundles of a release, as data."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from operations.terminal.command_errors import CommandError
from operations.terminal.exit_codes import ExitCode

Sources = Mapping[str, bytes]


class BundleError(CommandError):
    """A bundle that cannot be built."""

    def __init__(self, bundle: str, problem: str, *, next_step: str = "") -> None:
        super().__init__(f"bundle {bundle}: {problem}", next_step=next_step, code=ExitCode.FAILED)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """First-party packages together with the packages of a lock file.

    Attributes:
        handler: The Lambda handler; None for the container, which runs its own server.
    """

    name: str
    packages: tuple[str, ...]
    handler: str | None

    def lock(self, root: Path) -> Path:
        """Return the path of the bundle's lock file."""
        return root / "locks" / f"{self.name}.txt"

    def sources(self, root: Path) -> Sources:
        """Return the content of the first-party files by their sorted paths in the bundle.

        Raises:
            BundleError: A package does not exist.
        """
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for package in self.packages
            for path in self._files(root / package)
        }

    def _files(self, package: Path) -> Iterator[Path]:
        """Yield a package's files, without bytecode and hidden files."""
        if not (package / "__init__.py").is_file():
            raise BundleError(self.name, f"{package} is not a package")
        for path in sorted(package.rglob("*")):
            hidden = any(part.startswith(".") for part in path.relative_to(package).parts)
            if path.is_file() and not hidden and "__pycache__" not in path.parts and path.suffix != ".pyc":
                yield path


WORKER = ("lambda_src", "runtime")

BUNDLES = (
    Bundle(name="api", packages=("runtime",), handler="runtime.lambda_entry.handler"),
    Bundle(name="thumbnails", packages=WORKER, handler="lambda_src.thumbnails.handler.handler"),
    Bundle(name="maintenance", packages=WORKER, handler="lambda_src.maintenance.handler.handler"),
    Bundle(name="migrate", packages=WORKER, handler="lambda_src.migrate.handler.handler"),
    Bundle(name="container", packages=("runtime",), handler=None),
)


def digest(*parts: str | bytes) -> str:
    """Return the SHA-256 of the parts; lengths are included, so that different lists of parts never collide."""
    hasher = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        hasher.update(f"{len(content)}\0".encode() + content)
    return hasher.hexdigest()
