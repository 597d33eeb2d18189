"""This machine's bundles: made by the builder of a release, kept as long as what they are made of is the same.

The cache has the packages of each lock (`layers/`), sets of zips with their manifest (`sets/`), and what local functions run:
every zip unpacked under its digest, with bytecode (`code/`). Unpacking is linking, so a change of one of our files costs little.
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

from local.compute.lambda_ import archives
from operations.project import checkout
from operations.release import bundle_builder
from operations.release.build_target import Target
from operations.release.bundles import BUNDLES, Bundle, Sources, digest
from operations.release.manifest import BundleEntry, Manifest

LAYERS, SETS = "layers", "sets"
SITE, PACKAGES = "site", "packages.zip"
# Enough to go back and forth between a few states of the source without making them again.
KEPT_SETS = 4
NAME_LENGTH = 16

Told = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class MachineBundles:
    """A set of bundles that stays until `close`, whatever other processes make or remove meanwhile.

    `folder` has the zips and their manifest; below `cache` their code is laid out as `local.compute.lambda_.archives` looks for it.
    """

    folder: Path
    cache: Path
    made: bool
    _held: int

    @property
    def config(self) -> Mapping[str, str]:
        """What the program is told of them, by keys of its project: as a deployment to AWS would be told of a release."""
        return {"bundles": str(self.folder), "image_digest": f"sha256:{self._container.sha256}"}

    @property
    def image(self) -> Path:
        """The folder that stands for the container's image."""
        return self.cache / archives.CODE / archives.name_of(self._container.sha256)

    @property
    def _container(self) -> BundleEntry:
        return Manifest.read(self.folder).bundles["container"]

    def close(self) -> None:
        """Gives the set up: it may be removed once it is old."""
        os.close(self._held)


@dataclass(frozen=True, kw_only=True)
class _Wanted:
    """A bundle and the digests of what it is made of."""

    bundle: Bundle
    sources: Sources
    packages: str
    inputs: str

    @property
    def layer(self) -> str:
        return _layer(self.bundle.name, self.packages)


def make(
    *,
    root: Path = checkout.ROOT,
    cache: Path | None = None,
    bundles: Sequence[Bundle] = BUNDLES,
    told: Told = lambda _: None,
) -> MachineBundles:
    """The bundles of what stands in `root` now; only what changed is made. Raises BundleError, and whatever `told` raises.

    Processes that want the same at once wait for the first.
    """
    place, target = cache or checkout.bundle_cache(), Target.this_machine()
    wanted = [_wanted(bundle, target, root) for bundle in bundles]
    folder = place / SETS / digest(checkout.release(), *(each.inputs for each in wanted))[:NAME_LENGTH]
    place.mkdir(parents=True, exist_ok=True)
    with _exclusively(place):
        missing = not folder.is_dir()
        if missing:
            _remove_unfinished(place)
            _make_layers(wanted, target, place, root, told)
            _make_set(wanted, target, place, folder, told)
        os.utime(folder)
        held = os.open(folder, os.O_RDONLY)
        fcntl.flock(held, fcntl.LOCK_SH)
        if missing:
            _remove_old(place)
    return MachineBundles(folder=folder, cache=place, made=missing, _held=held)


def _wanted(bundle: Bundle, target: Target, root: Path) -> _Wanted:
    sources, packages = bundle.sources(root), bundle_builder.package_inputs(bundle, target, root)
    return _Wanted(bundle=bundle, sources=sources, packages=packages, inputs=bundle_builder.inputs(packages, sources))


def _layer(bundle: str, packages: str) -> str:
    return f"{bundle}-{packages[:NAME_LENGTH]}"


@contextmanager
def _exclusively(place: Path) -> Iterator[None]:
    # The system gives the lock back however its holder ends.
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make_layers(wanted: Sequence[_Wanted], target: Target, place: Path, root: Path, told: Told) -> None:
    missing = [each for each in wanted if not (place / LAYERS / each.layer).is_dir()]

    def make_layer(each: _Wanted) -> None:
        told(f"packages of {each.bundle.name}")
        with archives.unfinished_folder(place / LAYERS) as unfinished:
            bundle_builder.install(each.bundle, target, unfinished / SITE, root)
            bundle_builder.pack(unfinished / SITE, unfinished / PACKAGES)
            _compile(unfinished / SITE)
            archives.put_in_place(unfinished, place / LAYERS / each.layer)

    with ThreadPoolExecutor(bundle_builder.THREADS) as threads:
        list(threads.map(make_layer, missing))


def _make_set(wanted: Sequence[_Wanted], target: Target, place: Path, folder: Path, told: Told) -> None:
    entries = {}
    with archives.unfinished_folder(place / SETS) as unfinished:
        for each in wanted:
            told(each.bundle.name)
            layer, file = place / LAYERS / each.layer, unfinished / f"{each.bundle.name}.zip"
            shutil.copyfile(layer / PACKAGES, file)
            bundle_builder.add(each.sources, file, each.bundle)
            entries[each.bundle.name] = BundleEntry.of(file, packages=each.packages, inputs=each.inputs)
            _lay_out(each, layer / SITE, archives.place(file, place))
        Manifest.of(target, entries).write(unfinished)
        archives.put_in_place(unfinished, folder)


def _lay_out(wanted: _Wanted, site: Path, target: Path) -> None:
    """What the zip unpacks to, without unpacking it: its packages are linked, so that they and their bytecode exist once."""
    if target.is_dir():
        return
    with archives.unfinished_folder(target.parent) as unfinished:
        shutil.copytree(site, unfinished, copy_function=_link, dirs_exist_ok=True)
        for name, content in wanted.sources.items():
            file = unfinished / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        for package in wanted.bundle.packages:
            _compile(unfinished / package)
        archives.put_in_place(unfinished, target)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:
        # Some file systems have no links.
        shutil.copyfile(source, target)


def _compile(folder: Path) -> None:
    # The folder never changes, so the bytecode need not be compared with the time of its source, which a copy would not keep.
    # A file that does not compile is for another Python and is never imported here.
    compileall.compile_dir(folder, quiet=2, invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


def _remove_unfinished(place: Path) -> None:
    """What a process that was killed left behind; the lock is held, so nobody is at work on it."""
    for kind in (LAYERS, SETS):
        for folder in (place / kind).glob(".unfinished-*"):
            shutil.rmtree(folder, ignore_errors=True)


def _remove_old(place: Path) -> None:
    """Removes the sets that are neither among the newest nor in use, and what no other set needs."""
    newest_first = sorted((place / SETS).iterdir(), key=lambda folder: folder.stat().st_mtime, reverse=True)
    removed = [folder for folder in newest_first[KEPT_SETS:] if _is_free(folder)]
    kept = [folder for folder in newest_first if folder not in removed]
    needed = {name for folder in kept for name in _needs(folder)}
    for folder in removed:
        for name in _needs(folder) - needed:
            shutil.rmtree(place / name, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _needs(folder: Path) -> set[str]:
    """What belongs to a set, by its place in the cache."""
    try:
        manifest = Manifest.read(folder)
    except (OSError, ValidationError):
        # Of another version of this file: what belongs to it is not known, and a little is left behind.
        return set()
    layers = {f"{LAYERS}/{_layer(name, entry.packages)}" for name, entry in manifest.bundles.items()}
    return layers | {f"{archives.CODE}/{archives.name_of(entry.sha256)}" for entry in manifest.bundles.values()}


def _is_free(folder: Path) -> bool:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return True
