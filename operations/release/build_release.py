"""`platform release build`: makes what is deployed, for each processor that a function may have."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import progress
from local.compute.lambda_ import archives
from operations.project import checkout
from operations.release import bundle_builder
from operations.release.build_target import Architecture, Target
from operations.release.bundles import BUNDLES, Bundle
from operations.release.manifest import BundleEntry, Manifest
from operations.terminal import progress_view
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode


def build(architectures: Sequence[Architecture], output: Path, screen: Screen) -> ExitCode:
    """Writes `<architecture>/<bundle>.zip` and `<architecture>/manifest.json` below `output`; nothing comes from a cache of ours.

    A folder is replaced as a whole, when all of it is made. Raises BundleError.
    """
    manifests = {}
    with progress_view.for_screen(screen) as view:
        for architecture in architectures:
            manifests[architecture] = make(Target.lambda_function(architecture), output / architecture, view.event)
    screen.result(
        {
            "output": str(output),
            "architectures": {name: manifest.model_dump(mode="json") for name, manifest in manifests.items()},
        }
    )
    rows = [
        [f"{architecture}/{name}.zip", f"{entry.bytes / 1e6:.1f}", entry.sha256]
        for architecture, manifest in manifests.items()
        for name, entry in manifest.bundles.items()
    ]
    screen.show(
        table("bundle", "MB", "sha256", rows=rows, right=["MB"]), f"release {checkout.release()} is in {output}"
    )
    return ExitCode.OK


def make(
    target: Target,
    folder: Path,
    listener: progress.Listener,
    *,
    root: Path = checkout.ROOT,
    bundles: Sequence[Bundle] = BUNDLES,
) -> Manifest:
    """Makes the bundles of what stands in `root` now for one target, and answers their manifest. Raises BundleError."""

    def make_one(bundle: Bundle) -> tuple[str, BundleEntry]:
        with progress.step(f"{target.architecture} {bundle.name}", listener) as step:
            entry = _make_one(bundle, target, unfinished / f"{bundle.name}.zip", root)
            step.detail = f"{entry.bytes / 1e6:.1f} MB"
        return bundle.name, entry

    with archives.unfinished_folder(folder.parent) as unfinished:
        with ThreadPoolExecutor(bundle_builder.THREADS) as threads:
            manifest = Manifest.of(target, dict(threads.map(make_one, bundles)))
        manifest.write(unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        archives.put_in_place(unfinished, folder)
    return manifest


def _make_one(bundle: Bundle, target: Target, file: Path, root: Path) -> BundleEntry:
    sources, packages = bundle.sources(root), bundle_builder.package_inputs(bundle, target, root)
    with archives.unfinished_folder(file.parent) as site:
        bundle_builder.install(bundle, target, site, root)
        bundle_builder.pack(site, file)
    bundle_builder.add(sources, file, bundle)
    return BundleEntry.of(file, packages=packages, inputs=bundle_builder.inputs(packages, sources))
