"""The source tree as what it becomes in AWS: the archives of functions, and the schema that the migrations lead to."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pulumi

# Beside this package, in a checkout as well as in an installation.
ROOT = Path(__file__).resolve().parents[1]
REVISIONS = ROOT / "runtime" / "migrations" / "versions"


class SourceError(ValueError):
    """Source that is not there or not as it must be; Pulumi itself would register a missing file without a word."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The database schema of this source tree. `digest` changes with any revision's text, `head` names the last one."""

    head: str
    digest: str


def archive(*packages: str, root: Path = ROOT) -> pulumi.AssetArchive:
    """The files of these top-level packages under their import paths, without what the interpreter left behind.

    Raises SourceError for a package that is not there.
    """
    return pulumi.AssetArchive(
        {
            path.relative_to(root).as_posix(): pulumi.FileAsset(str(path))
            for package in packages
            for path in _files(root / package)
        }
    )


def schema(revisions: Path = REVISIONS) -> Schema:
    """Reads the revisions without running them: a program that describes infrastructure imports no migration.

    Raises SourceError unless exactly one revision has no successor.
    """
    files = sorted(revisions.glob("*.py"))
    digest = hashlib.sha256()
    parents: dict[str, str | None] = {}
    for file in files:
        source = file.read_bytes()
        digest.update(file.name.encode() + b"\0" + source + b"\0")
        assigned = _assigned(source)
        revision = assigned.get("revision")
        if revision is None:
            raise SourceError(f"{file.name} assigns no revision")
        parents[revision] = assigned.get("down_revision")
    heads = sorted(set(parents) - set(parents.values()))
    if len(heads) != 1:
        raise SourceError(f"{revisions} must have one last revision, not {', '.join(heads) or 'none'}")
    return Schema(head=heads[0], digest=digest.hexdigest())


def _files(package: Path) -> Iterator[Path]:
    if not (package / "__init__.py").is_file():
        raise SourceError(f"{package} is no package")
    for path in sorted(package.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(package).parts)
        if path.is_file() and not hidden and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def _assigned(source: bytes) -> dict[str, str | None]:
    """The module's top-level names that are assigned a text or None."""
    found: dict[str, str | None] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() | None as value)):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() | None as value)):
                found[name] = value
    return found
