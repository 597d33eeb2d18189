"""Builds a bundle: the locked packages for its target and first-party files, in a zip with reproducible bytes.

The zip has two layers. The packages come first and change with the lock alone; the first-party files are appended,
which is cheap.
"""

import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from operations.release.build_target import BuildTarget
from operations.release.bundles import Bundle, BundleError, Sources, digest

# Increment this when the same inputs shall produce different bytes.
BUILDER_VERSION = "1"
# Lambda's limit for a zip in an API request; a larger one would have to be deployed from a bucket.
MAX_ZIPPED_BYTES = 50 * 1000**2
# Lambda's limit for the unpacked size.
MAX_UNPACKED_BYTES = 250 * 1000**2
# The earliest time that a zip entry can have. File times would make two builds differ.
ZIP_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
ZIP_SYSTEM_UNIX = 3
# No file in a bundle is executed by its path, and the modes that an installer sets depend on the user's umask.
FILE_MODE = 0o644
# Measured: from 1 to 6 the time grows by half and the size shrinks by 5 %; from 6 to 9 the time doubles for the same size.
COMPRESSION_LEVEL = 6
# Bundles that are built in parallel: installing waits for another process and zipping for zlib, both without the GIL.
PARALLEL_BUILDS = 2


def packages_digest(bundle: Bundle, target: BuildTarget, root: Path) -> str:
    """Return the digest of everything that determines the package layer.

    Raises:
        BundleError: The lock file is missing.
    """
    lock = bundle.lock(root)
    if not lock.is_file():
        raise BundleError(bundle.name, f"{lock} is missing", next_step="make lock")
    # The bytes of a deflated entry depend on the version of zlib.
    return digest(
        BUILDER_VERSION,
        zlib.ZLIB_RUNTIME_VERSION,
        target.architecture,
        target.python,
        target.platform,
        lock.read_bytes(),
    )


def bundle_digest(packages: str, sources: Sources) -> str:
    """Return the digest of everything that determines a bundle's bytes, given the digest of its package layer."""
    return digest(packages, *(part for name, content in sources.items() for part in (name, content)))


def install_packages(bundle: Bundle, target: BuildTarget, site: Path, root: Path) -> None:
    """Install the locked packages into a new folder: wheels only, each verified against its hashes.

    Raises:
        BundleError: uv cannot be started, or it fails.
    """
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet",
        "--python", sys.executable, *target.uv_options, "--target", str(site),
        "--require-hashes", "--no-deps", "--only-binary", ":all:",
        "--no-installer-metadata", "--no-compile-bytecode", "--requirement", str(bundle.lock(root)),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BundleError(bundle.name, f"uv cannot be started: {error}", next_step="make setup") from error
    if done.returncode:
        output = " ".join(done.stderr.split())
        raise BundleError(
            bundle.name, f"its packages cannot be installed: {output}", next_step="make lock, or check the network"
        )
    # Scripts contain the interpreter's path, and RECORD contains their digests, so both differ between machines. Neither is
    # needed at run time; the rest of the metadata stays, for versions and licences.
    shutil.rmtree(site / "bin", ignore_errors=True)
    (site / ".lock").unlink(missing_ok=True)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()


def zip_packages(site: Path, file: Path) -> None:
    """Write the package layer: a zip of a folder without bytecode."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(path for path in site.rglob("*") if path.is_file() and "__pycache__" not in path.parts):
            _write(archive, path.relative_to(site).as_posix(), path.read_bytes())


def append_sources(sources: Sources, file: Path, bundle: Bundle) -> None:
    """Append the first-party files to a package layer.

    Raises:
        BundleError: The zip exceeds Lambda's limits, or a locked package has the name of a first-party one.
    """
    with zipfile.ZipFile(file, "a") as archive:
        names = {name.partition("/")[0] for name in archive.namelist()}
        if shadowed := sorted(names & set(bundle.packages)):
            raise BundleError(
                bundle.name, f"a package of its lock overwrites {', '.join(shadowed)}, which is a first-party package"
            )
        for name in sorted(sources):
            _write(archive, name, sources[name])
        unpacked = sum(member.file_size for member in archive.infolist())
    zipped = file.stat().st_size
    if bundle.handler and (zipped > MAX_ZIPPED_BYTES or unpacked > MAX_UNPACKED_BYTES):
        raise BundleError(
            bundle.name,
            f"{zipped / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked: Lambda's limits are {MAX_ZIPPED_BYTES / 1e6:.0f} MB "
            f"and {MAX_UNPACKED_BYTES / 1e6:.0f} MB",
            next_step=f"remove packages from the dependency group {bundle.name!r}",
        )


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, ZIP_TIMESTAMP)
    entry.create_system, entry.external_attr, entry.compress_type = (
        ZIP_SYSTEM_UNIX,
        FILE_MODE << 16,
        zipfile.ZIP_DEFLATED,
    )
    archive.writestr(entry, content, compresslevel=COMPRESSION_LEVEL)
