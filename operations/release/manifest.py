"""The manifest of a set of bundles: what they were made of, and the digests by which they are known wherever they lie."""

import base64
import hashlib
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from operations.project import checkout
from operations.release.build_target import Target

FILE_NAME = "manifest.json"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class BundleEntry(_Frozen):
    """One zip. `code_sha256_b64` is what Lambda answers as CodeSha256.

    `inputs` is the digest of all that decides the bytes, `packages` of that which decides the installed packages alone.
    """

    sha256: str
    code_sha256_b64: str
    bytes: int
    packages: str
    inputs: str

    @classmethod
    def of(cls, file: Path, *, packages: str, inputs: str) -> Self:
        """Reads the zip."""
        with file.open("rb") as opened:
            made = hashlib.file_digest(opened, "sha256")
        return cls(
            sha256=made.hexdigest(),
            code_sha256_b64=base64.b64encode(made.digest()).decode(),
            bytes=file.stat().st_size,
            packages=packages,
            inputs=inputs,
        )


class TargetEntry(_Frozen):
    """For which processor and platform the wheels were chosen."""

    architecture: str
    platform: str


class Manifest(_Frozen):
    """It says nothing of when and where the bundles were made, so that two builds of one source are equal."""

    release: str
    python: str
    target: TargetEntry
    bundles: dict[str, BundleEntry]

    @classmethod
    def of(cls, target: Target, bundles: dict[str, BundleEntry]) -> Self:
        """The manifest of these bundles of this checkout's release."""
        return cls(
            release=checkout.release(),
            python=target.python,
            target=TargetEntry(architecture=target.architecture, platform=target.platform),
            bundles=bundles,
        )

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The manifest beside the zips. Raises OSError and pydantic's ValidationError."""
        return cls.model_validate_json((folder / FILE_NAME).read_bytes())

    def write(self, folder: Path) -> None:
        """Puts it beside the zips."""
        (folder / FILE_NAME).write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
