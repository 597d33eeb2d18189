"""Configuration with placeholders for a release, for programs that are evaluated and not deployed."""

from collections.abc import Mapping
from pathlib import Path

from operations.release.bundles import BUNDLES


def placeholder_config(project: str, folder: Path) -> Mapping[str, str]:
    """Create empty bundles in `folder`, and return the configuration that names them and a placeholder image digest."""
    for bundle in BUNDLES:
        (folder / f"{bundle.name}.zip").touch()
    return {f"{project}:bundles": str(folder), f"{project}:image_digest": f"sha256:{'0' * 64}"}
