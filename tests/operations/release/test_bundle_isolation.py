"""Local bundles on their own: without installed packages, checkout or network."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from local.compute.lambda_ import function_code
from operations.release.bundles import BUNDLES, Bundle
from operations.release.local_bundles import LocalBundles

# Loads a module, forbids network access, and prints the file of each loaded module.
LOADER = dedent(
    """
    import importlib, json, sys

    def forbid(event, arguments):
        if event.startswith("socket.") and event != "socket.__new__":
            raise RuntimeError(f"{event} {arguments} while loading")

    sys.addaudithook(forbid)
    sys.path.insert(0, ".")
    importlib.import_module(sys.argv[1])
    print(json.dumps({name: getattr(module, "__file__", None) for name, module in sys.modules.items()}))
    """
)


def load(folder: Path, module: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-P", "-s", "-S", "-c", LOADER, module],
        cwd=folder,
        # Lambda always sets these.
        env={"AWS_REGION": "us-east-1", "LANG": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda bundle: bundle.name)
class TestLoading:
    def loaded(self, bundle: Bundle, bundles: LocalBundles) -> tuple[Path, dict[str, Any]]:
        folder = function_code.extract(str(bundles.folder / f"{bundle.name}.zip"), bundles.cache)
        module = bundle.handler.rpartition(".")[0] if bundle.handler else "runtime.app"
        done = load(folder, module)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert module in found
        return folder, found

    def test_handler_loads_with_only_its_bundle_and_no_network(self, bundle: Bundle, bundles: LocalBundles) -> None:
        folder, modules = self.loaded(bundle, bundles)
        standard = Path(json.__file__).parents[1]

        def is_standard(file: Path) -> bool:
            return file.is_relative_to(standard) and "site-packages" not in file.parts

        foreign_files = {
            name: file
            for name, file in modules.items()
            if file and not (folder / file).is_relative_to(folder) and not is_standard(Path(file))
        }
        assert foreign_files == {}
        assert str(folder / "runtime" / "settings.py") in {str(folder / file) for file in modules.values() if file}

    def test_only_the_api_loads_a_web_framework(self, bundle: Bundle, bundles: LocalBundles) -> None:
        _, modules = self.loaded(bundle, bundles)
        assert ("fastapi" in modules) == (bundle.packages == ("runtime",))


class TestLocalBundles:
    def test_image_is_the_unpacked_container_bundle(self, bundles: LocalBundles) -> None:
        file = bundles.folder / "container.zip"
        assert bundles.image == function_code.folder_of(file, bundles.cache)
        assert (bundles.image / "runtime" / "__main__.py").is_file() and (bundles.image / "uvicorn").is_dir()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        assert bundles.config == {"bundles": str(bundles.folder), "image_digest": f"sha256:{digest}"}


class TestLoader:
    def test_network_access_while_loading_raises(self, tmp_path: Path) -> None:
        (tmp_path / "calling.py").write_text("import socket\nsocket.create_connection(('127.0.0.1', 9))\n")
        assert "socket.getaddrinfo" in load(tmp_path, "calling").stderr
