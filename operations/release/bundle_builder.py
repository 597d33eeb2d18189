"""How a bundle is made: the packages of its lock, installed for its target, and our own files, in a zip of the same bytes each
time.

The zip has two layers. The packages come first and change with the lock alone; ours are appended, which costs next to nothing.
"""

import shutil
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

from operations.release.build_target import Target
from operations.release.bundles import Bundle, BundleError, Sources, digest

# Raised when the same inputs are to give other bytes.
BUILDER = "1"
# Lambda takes no more in one request to its API; what is larger would have to go through a bucket.
MOST_ZIPPED_BYTES = 50 * 1000**2
# Lambda's limit of what a zip unpacks to.
MOST_UNPACKED_BYTES = 250 * 1000**2
# The earliest time that a zip entry can carry: file times would make two builds differ.
TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3
# Nothing in a bundle is executed by its path, and the modes that an installer sets depend on the user's umask.
MODE = 0o644
# From 1 to 6 it costs half as much again and saves 5 %, from 6 to 9 it costs twice as much and saves nothing (measured).
COMPRESSION_LEVEL = 6
# Bundles that are made at once: installing waits for another process and packing for zlib, both without the interpreter's lock.
THREADS = 2


def package_inputs(bundle: Bundle, target: Target, root: Path) -> str:
    """The digest of all that decides the packages' layer. Raises BundleError without a lock."""
    lock = bundle.lock(root)
    if not lock.is_file():
        raise BundleError(bundle.name, f"{lock} is missing", next_step="make lock")
    # zlib decides the bytes of a deflated entry; its versions differ.
    return digest(
        BUILDER, zlib.ZLIB_RUNTIME_VERSION, target.architecture, target.python, target.platform, lock.read_bytes()
    )


def inputs(packages: str, sources: Sources) -> str:
    """The digest of all that decides a bundle's bytes, from that of its packages' layer."""
    return digest(packages, *(part for name, content in sources.items() for part in (name, content)))


def install(bundle: Bundle, target: Target, site: Path, root: Path) -> None:
    """Installs the lock's packages into a new folder: wheels alone, each checked against its hashes. Raises BundleError."""
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "install", "--quiet",
        "--python", sys.executable, *target.wheel_choice, "--target", str(site),
        "--require-hashes", "--no-deps", "--only-binary", ":all:",
        "--no-installer-metadata", "--no-compile-bytecode", "--requirement", str(bundle.lock(root)),
    ]  # fmt: skip
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BundleError(bundle.name, f"uv cannot be started: {error}", next_step="make setup") from error
    if done.returncode:
        said = " ".join(done.stderr.split())
        raise BundleError(
            bundle.name, f"its packages cannot be installed: {said}", next_step="make lock, or look at the network"
        )
    # Programs name the interpreter by its path, and so the record of what was installed, which holds their digests, differs
    # from machine to machine. Neither is needed to run; the rest of the metadata stays, for versions and licences.
    shutil.rmtree(site / "bin", ignore_errors=True)
    (site / ".lock").unlink(missing_ok=True)
    for record in site.glob("*.dist-info/RECORD"):
        record.unlink()


def pack(site: Path, file: Path) -> None:
    """Writes the packages' layer: a zip of a folder without bytecode."""
    with zipfile.ZipFile(file, "w") as archive:
        for path in sorted(each for each in site.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
            _write(archive, path.relative_to(site).as_posix(), path.read_bytes())


def add(sources: Sources, file: Path, bundle: Bundle) -> None:
    """Appends our files to a packages' layer. Raises BundleError for what Lambda would refuse, and where a package would hide
    one of ours."""
    with zipfile.ZipFile(file, "a") as archive:
        taken = {name.partition("/")[0] for name in archive.namelist()}
        if hidden := sorted(taken & set(bundle.packages)):
            raise BundleError(bundle.name, f"a package of its lock brings {', '.join(hidden)}, which is ours")
        for name in sorted(sources):
            _write(archive, name, sources[name])
        unpacked = sum(member.file_size for member in archive.infolist())
    zipped = file.stat().st_size
    if bundle.handler and (zipped > MOST_ZIPPED_BYTES or unpacked > MOST_UNPACKED_BYTES):
        raise BundleError(
            bundle.name,
            f"{zipped / 1e6:.1f} MB, {unpacked / 1e6:.1f} MB unpacked: Lambda takes {MOST_ZIPPED_BYTES / 1e6:.0f} MB and "
            f"{MOST_UNPACKED_BYTES / 1e6:.0f} MB",
            next_step=f"take packages out of the dependency group {bundle.name!r}",
        )


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    entry = zipfile.ZipInfo(name, TIME)
    entry.create_system, entry.external_attr, entry.compress_type = UNIX, MODE << 16, zipfile.ZIP_DEFLATED
    archive.writestr(entry, content, compresslevel=COMPRESSION_LEVEL)
