"""`platform release build`: builds the release bundles for each processor."""

import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local import progress
from local.compute.lambda_ import function_code
from operations.project import checkout
from operations.release import bundle_builder
from operations.release.build_target import Architecture, BuildTarget
from operations.release.bundles import BUNDLES, Bundle
from operations.release.manifest import BundleEntry, Manifest
from operations.terminal import progress_view
from operations.terminal.console import Screen, table
from operations.terminal.exit_codes import ExitCode


def build_release(architectures: Sequence[Architecture], output: Path, screen: Screen) -> ExitCode:
    """Write `<architecture>/<bundle>.zip` and `<architecture>/manifest.json` below `output`, without using a cache.

    Each architecture's folder is replaced as a whole once all of its bundles are built.

    Raises:
        BundleError: A bundle cannot be built.
    """
    manifests = {}
    with progress_view.for_screen(screen) as view:
        for architecture in architectures:
            manifests[architecture] = build_bundles(
                BuildTarget.lambda_function(architecture), output / architecture, view.show_event
            )
    screen.write_json(
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


def build_bundles(
    target: BuildTarget,
    folder: Path,
    listener: progress.Listener,
    *,
    root: Path = checkout.ROOT,
    bundles: Sequence[Bundle] = BUNDLES,
) -> Manifest:
    """Build the bundles of the source in `root` for one target, and return their manifest.

    Raises:
        BundleError: A bundle cannot be built.
    """

    def build_one(bundle: Bundle) -> tuple[str, BundleEntry]:
        with progress.step(f"{target.architecture} {bundle.name}", listener) as step:
            entry = _build_bundle(bundle, target, unfinished / f"{bundle.name}.zip", root)
            step.detail = f"{entry.bytes / 1e6:.1f} MB"
        return bundle.name, entry

    with function_code.staging_folder(folder.parent) as unfinished:
        with ThreadPoolExecutor(bundle_builder.PARALLEL_BUILDS) as threads:
            manifest = Manifest.of(target, dict(threads.map(build_one, bundles)))
        manifest.write(unfinished)
        shutil.rmtree(folder, ignore_errors=True)
        function_code.move_into_place(unfinished, folder)
    return manifest


def _build_bundle(bundle: Bundle, target: BuildTarget, file: Path, root: Path) -> BundleEntry:
    sources, packages = bundle.sources(root), bundle_builder.packages_digest(bundle, target, root)
    with function_code.staging_folder(file.parent) as site:
        bundle_builder.install_packages(bundle, target, site, root)
        bundle_builder.zip_packages(site, file)
    bundle_builder.append_sources(sources, file, bundle)
    return BundleEntry.of(file, packages=packages, inputs=bundle_builder.bundle_digest(packages, sources))
