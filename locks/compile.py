"""Writes locks/<group>.txt for every dependency group: all versions pinned with hashes, for every platform, no index address.

The development lock is resolved first and constrains the others, so that what is tested is what is bundled. The packages of the
`search` group then resolve the jars of OpenSearch: locks/opensearch.jgo.toml, with hashes and no address either.
Run with `make lock`; add `--upgrade` to take newer versions.
"""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from local.compute.opensearch.installation import JARS_LOCK, PACKAGES_LOCK, install_packages, run_jars_program

ROOT = Path(__file__).resolve().parent.parent
DEPLOYED = ("api", "container", "thumbnails", "maintenance", "migrate")
ON_FIRST_NEED = ("search",)


def compile_group(group: str, *extra: str) -> None:
    target = ROOT / "locks" / f"{group}.txt"
    command = [
        str(Path(sys.executable).with_name("uv")), "pip", "compile", "--quiet", "--universal", "--generate-hashes",
        "--no-emit-index-url", "--no-header", "--python-version", "3.11", "--group", f"pyproject.toml:{group}",
        "--output-file", str(target.relative_to(ROOT)), *extra, *sys.argv[1:],
    ]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True)


def compile_jars() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        install_packages(PACKAGES_LOCK, Path(temporary) / "packages")
        run_jars_program("lock", JARS_LOCK, Path(temporary) / "jars", Path(temporary) / "packages")


def main() -> None:
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]
    missing = {"bootstrap", "development", *DEPLOYED, *ON_FIRST_NEED} - set(groups)
    if missing:
        raise SystemExit(f"pyproject.toml lacks the dependency groups {sorted(missing)}")
    compile_group("bootstrap")
    compile_group("development")
    for group in (*DEPLOYED, *ON_FIRST_NEED):
        compile_group(group, "--constraint", "locks/development.txt")
    compile_jars()


if __name__ == "__main__":
    main()
