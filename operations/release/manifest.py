"""The manifest of a set of bundles: their inputs and digests."""

import base64
import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from operations.project import checkout
from operations.release.build_target import BuildTarget

FILE_NAME = "manifest.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundleEntry(_Frozen):
    """One zip file.

    Attributes:
        code_sha256_b64: The value that Lambda returns as CodeSha256.
        packages: The digest of everything that determines the installed packages.
        inputs: The digest of everything that determines the zip's bytes.
    """

    sha256: str
    code_sha256_b64: str
    bytes: int
    packages: str
    inputs: str

    @classmethod
    def of(cls, file: Path, *, packages: str, inputs: str) -> Self:
        """Return the entry for a zip file."""
        with file.open("rb") as opened_file:
            hasher = hashlib.file_digest(opened_file, "sha256")
        return cls(
            sha256=hasher.hexdigest(),
            code_sha256_b64=base64.b64encode(hasher.digest()).decode(),
            bytes=file.stat().st_size,
            packages=packages,
            inputs=inputs,
        )


class TargetEntry(_Frozen):
    """The processor and platform that wheels were chosen for."""

    architecture: str
    platform: str


class Manifest(_Frozen):
    """A manifest without build time or place, so that two builds of the same source are equal."""

    release: str
    python: str
    target: TargetEntry
    bundles: dict[str, BundleEntry]

    @classmethod
    def of(cls, target: BuildTarget, bundles: dict[str, BundleEntry]) -> Self:
        """Return the manifest of bundles of this checkout's release."""
        return cls(
            release=checkout.release(),
            python=target.python,
            target=TargetEntry(architecture=target.architecture, platform=target.platform),
            bundles=bundles,
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the manifest in a folder of bundles.

        Raises:
            OSError: The file cannot be read.
            pydantic.ValidationError: Its content is not a manifest.
        """
        return cls.model_validate_json((folder / FILE_NAME).read_bytes())

    def write(self, folder: Path) -> None:
        """Write the manifest to a folder of bundles."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
