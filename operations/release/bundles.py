"""What a release consists of: its bundles, as data."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from operations.terminal.command_errors import RefusedError
from operations.terminal.exit_codes import ExitCode

Sources = Mapping[str, bytes]


class BundleError(RefusedError):
    """A bundle that cannot be made."""

    def __init__(self, bundle: str, problem: str, *, next_step: str = "") -> None:
        super().__init__(f"bundle {bundle}: {problem}", next_step=next_step, code=ExitCode.FAILED)


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """Packages of ours with those of a lock. `handler` is what Lambda calls; None where a server of its own runs it."""

    name: str
    packages: tuple[str, ...]
    handler: str | None

    def lock(self, root: Path) -> Path:
        """The lock of what is installed beside our packages."""
        return root / "locks" / f"{self.name}.txt"

    def sources(self, root: Path) -> Sources:
        """The content of our files by their places in the bundle, in order. Raises BundleError for a package that is not there."""
        return {
            path.relative_to(root).as_posix(): path.read_bytes()
            for package in self.packages
            for path in self._files(root / package)
        }

    def _files(self, package: Path) -> Iterator[Path]:
        """A package without what the interpreter, an editor or a person left behind in it."""
        if not (package / "__init__.py").is_file():
            raise BundleError(self.name, f"{package} is no package")
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
    """The SHA-256 of parts, each with its length, so that no two lists of parts are taken for each other."""
    made = hashlib.sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        made.update(f"{len(content)}\0".encode() + content)
    return made.hexdigest()
