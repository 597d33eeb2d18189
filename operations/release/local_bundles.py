"""Bundles for this machine, built like those of a release and cached by their inputs.

The cache holds the packages of each lock (`layers/`), sets of zips with their manifest (`sets/`), and the code of local
functions: each zip unpacked under its digest, with bytecode (`code/`). Packages are hard-linked there, so a change of a
first-party file costs little.
"""

import compileall
import fcntl
import os
import py_compile
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from local.compute.lambda_ import function_code
from operations.project import checkout
from operations.release import bundle_builder
from operations.release.build_target import BuildTarget
from operations.release.bundles import BUNDLES, Bundle, Sources, digest
from operations.release.manifest import BundleEntry, Manifest

LAYERS, SETS = "layers", "sets"
SITE, PACKAGES = "site", "packages.zip"
# Enough to switch between a few states of the source without a rebuild.
MAX_SETS = 4
NAME_LENGTH = 16

OnProgress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class LocalBundles:
    """A set of bundles that is not removed from the cache until `close`.

    Attributes:
        folder: The zips and their manifest.
        cache: The folder in which `local.compute.lambda_.function_code` finds their unpacked code.
        was_built: Whether the set was built now rather than found in the cache.
    """

    folder: Path
    cache: Path
    was_built: bool
    _lock_descriptor: int

    @property
    def config(self) -> Mapping[str, str]:
        """Return the Pulumi configuration that names the bundles, with the same keys as a deployment to AWS."""
        return {"bundles": str(self.folder), "image_digest": f"sha256:{self._container.sha256}"}

    @property
    def image(self) -> Path:
        """Return the folder with the content of the container image."""
        return self.cache / function_code.CODE / function_code.folder_name(self._container.sha256)

    @property
    def _container(self) -> BundleEntry:
        return Manifest.read(self.folder).bundles["container"]

    def close(self) -> None:
        """Release the set: it may be removed from the cache once it is old."""
        os.close(self._lock_descriptor)


@dataclass(frozen=True, kw_only=True)
class _BundleInputs:
    """A bundle and the digests of its inputs."""

    bundle: Bundle
    sources: Sources
    packages: str
    inputs: str

    @property
    def layer(self) -> str:
        return _layer_name(self.bundle.name, self.packages)


def build(
    *,
    root: Path = checkout.ROOT,
    cache: Path | None = None,
    bundles: Sequence[Bundle] = BUNDLES,
    on_progress: OnProgress = lambda _: None,
) -> LocalBundles:
    """Build the bundles of the source in `root`, or take them from the cache.

    Concurrent processes that need the same bundles wait for the first one.

    Args:
        root: The checkout.
        cache: The cache folder; the checkout's own by default.
        bundles: The bundles to build.
        on_progress: Called with the name of each part before it is built. It may raise, which ends the build.

    Raises:
        BundleError: A bundle cannot be built.
    """
    cache_folder, target = cache or checkout.bundle_cache(), BuildTarget.this_machine()
    wanted = [_inputs_of(bundle, target, root) for bundle in bundles]
    folder = cache_folder / SETS / digest(checkout.release(), *(item.inputs for item in wanted))[:NAME_LENGTH]
    cache_folder.mkdir(parents=True, exist_ok=True)
    with _cache_lock(cache_folder):
        missing = not folder.is_dir()
        if missing:
            _remove_unfinished(cache_folder)
            _build_layers(wanted, target, cache_folder, root, on_progress)
            _build_set(wanted, target, cache_folder, folder, on_progress)
        os.utime(folder)
        descriptor = os.open(folder, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        if missing:
            _remove_old(cache_folder)
    return LocalBundles(folder=folder, cache=cache_folder, was_built=missing, _lock_descriptor=descriptor)


def _inputs_of(bundle: Bundle, target: BuildTarget, root: Path) -> _BundleInputs:
    sources, packages = bundle.sources(root), bundle_builder.packages_digest(bundle, target, root)
    return _BundleInputs(
        bundle=bundle, sources=sources, packages=packages, inputs=bundle_builder.bundle_digest(packages, sources)
    )


def _layer_name(bundle: str, packages: str) -> str:
    return f"{bundle}-{packages[:NAME_LENGTH]}"


@contextmanager
def _cache_lock(cache_folder: Path) -> Iterator[None]:
    # The system releases the lock when its holder ends, however that happens.
    with (cache_folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build_layers(
    wanted: Sequence[_BundleInputs], target: BuildTarget, cache_folder: Path, root: Path, on_progress: OnProgress
) -> None:
    missing = [item for item in wanted if not (cache_folder / LAYERS / item.layer).is_dir()]

    def build_layer(item: _BundleInputs) -> None:
        on_progress(f"packages of {item.bundle.name}")
        with function_code.staging_folder(cache_folder / LAYERS) as unfinished:
            bundle_builder.install_packages(item.bundle, target, unfinished / SITE, root)
            bundle_builder.zip_packages(unfinished / SITE, unfinished / PACKAGES)
            _compile(unfinished / SITE)
            function_code.move_into_place(unfinished, cache_folder / LAYERS / item.layer)

    with ThreadPoolExecutor(bundle_builder.PARALLEL_BUILDS) as threads:
        list(threads.map(build_layer, missing))


def _build_set(
    wanted: Sequence[_BundleInputs], target: BuildTarget, cache_folder: Path, folder: Path, on_progress: OnProgress
) -> None:
    entries = {}
    with function_code.staging_folder(cache_folder / SETS) as unfinished:
        for item in wanted:
            on_progress(item.bundle.name)
            layer, file = cache_folder / LAYERS / item.layer, unfinished / f"{item.bundle.name}.zip"
            shutil.copyfile(layer / PACKAGES, file)
            bundle_builder.append_sources(item.sources, file, item.bundle)
            entries[item.bundle.name] = BundleEntry.of(file, packages=item.packages, inputs=item.inputs)
            _lay_out(item, layer / SITE, function_code.folder_of(file, cache_folder))
        Manifest.of(target, entries).write(unfinished)
        function_code.move_into_place(unfinished, folder)


def _lay_out(wanted: _BundleInputs, site: Path, target: Path) -> None:
    """Lay out what the zip unpacks to. Packages are linked, so that they and their bytecode exist once."""
    if target.is_dir():
        return
    with function_code.staging_folder(target.parent) as unfinished:
        shutil.copytree(site, unfinished, copy_function=_link, dirs_exist_ok=True)
        for name, content in wanted.sources.items():
            file = unfinished / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for package in wanted.bundle.packages:
            _compile(unfinished / package)
        function_code.move_into_place(unfinished, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Some file systems do not support hard links.
        shutil.copyfile(source, target)


def _compile(folder: Path) -> None:
    # The folder never changes, and a copy does not preserve source times, so bytecode is not checked against its source.
    # A file that does not compile is for another Python version and is never imported here.
    compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _remove_unfinished(cache_folder: Path) -> None:
    """Remove what killed processes left behind. The lock is held, so no other process is working on it."""
    for kind in (LAYERS, SETS):
        for folder in (cache_folder / kind).glob(".unfinished-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_old(cache_folder: Path) -> None:
    """Remove sets that are neither recent nor in use, and what no other set needs."""
    newest_first = sorted((cache_folder / SETS).iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    removed = [folder for folder in newest_first[MAX_SETS:] if _is_unused(folder)]
    kept = [folder for folder in newest_first if folder not in removed]
    needed = {name for folder in kept for name in _dependencies(folder)}
    for folder in removed:
        for name in _dependencies(folder) - needed:
            shutil.rmtree(cache_folder / name, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _dependencies(folder: Path) -> set[str]:
    """Return the layers and code folders that belong to a set, as paths in the cache."""
    try:
        manifest = Manifest.read(folder)
    except (OSError, ValidationError):
        # Written by another version of this module: its layers and code are unknown and are left behind.
        return set()
    layers = {f"{LAYERS}/{_layer_name(name, entry.packages)}" for name, entry in manifest.bundles.items()}
    return layers | {
        f"{function_code.CODE}/{function_code.folder_name(entry.sha256)}" for entry in manifest.bundles.values()
    }


def _is_unused(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
