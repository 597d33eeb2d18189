"""What a release brings: the bundles that functions run, and the schema that the migrations produce."""

import ast
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import pulumi

from components.choices import Architecture
from stacks.environment import PROJECT

# Beside this package, in a checkout as well as in an installation.
ROOT = Path(__file__).resolve().parents[1]
REVISIONS = ROOT / "runtime" / "migrations" / "versions"


class SourceError(ValueError):
    """A missing or invalid source. Pulumi itself would register a missing file without an error."""


@dataclass(frozen=True, kw_only=True)
class Schema:
    """The database schema of this source tree. `digest` changes with the text of any revision, `head` is the last revision."""

    head: str
    digest: str


def bundles(architecture: Architecture) -> Path:
    """Return the folder of the bundles for a processor: the one in the stack config, or the default build folder."""
    chosen = pulumi.Config(PROJECT).get("bundles")
    return ROOT / chosen if chosen else ROOT / "dist" / "bundles" / architecture


def bundle(name: str, folder: Path) -> pulumi.FileArchive:
    """Return a bundle's zip as it was built.

    Raises:
        SourceError: The bundle is missing; nothing is built here.
    """
    file = folder / f"{name}.zip"
    if not file.is_file():
        chosen = f" --architecture {folder.name}" if folder.name in get_args(Architecture) else ""
        raise SourceError(f"{file} is missing; `platform release build{chosen}` makes it")
    return pulumi.FileArchive(str(file))


def image_digest(digest: str | None) -> str:
    """Return the digest of the container image, `sha256:…`.

    Raises:
        SourceError: The stack's config names none.
    """
    if digest is None or not re.fullmatch(r"sha256:[0-9a-f]{64}", digest):
        raise SourceError(
            f"the config value {PROJECT}:image_digest must be the digest of an image in the repository, sha256:…, "
            f"not {digest!r}: push the image, then `pulumi config set image_digest sha256:…`"
        )
    return digest


def schema(revisions: Path = REVISIONS) -> Schema:
    """Return the schema by reading the revisions without running them: an infrastructure program imports no migrations.

    Raises:
        SourceError: Not exactly one revision has no successor.
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


def _assigned(source: bytes) -> dict[str, str | None]:
    """Return the module's top-level names that are assigned a string or None."""
    found: dict[str, str | None] = {}
    for statement in ast.parse(source).body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Constant(value=str() | None as value)):
                found[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Constant(value=str() | None as value)):
                found[name] = value
    return found
