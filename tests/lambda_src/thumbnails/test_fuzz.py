"""Randomly mutated images: each is rendered or rejected within the function's memory, without a crash."""

from collections import Counter
from pathlib import Path

import pytest

from tests.lambda_src.thumbnails.images import seeds
from tests.lambda_src.thumbnails.limited import MAX_MEGABYTES, limited_workers

OUTCOMES = {"rendered", "CORRUPT_IMAGE", "SUSPICIOUS_IMAGE", "UNSUPPORTED_FORMAT", "TOO_MANY_PIXELS"}
MAX_SECONDS = 2  # of CPU time


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    for name, content in seeds():
        (tmp_path / name).write_bytes(content)
    found = sorted(tmp_path.iterdir())
    assert len(found) == 40
    return found


def run_mutations(paths: list[Path], mutations: int) -> float:
    """Run the mutations, evenly over the seeds; check the outcomes and return the seconds of the slowest."""
    tasks = [{"path": str(paths[number % len(paths)]), "mutation": number // len(paths)} for number in range(mutations)]
    with limited_workers() as workers:
        done = workers.run(tasks)
    counted = Counter(each.outcome for each in done)
    slowest, task = max(zip((each.seconds for each in done), tasks, strict=True), key=lambda pair: pair[0])
    peak = max(each.peak_megabytes for each in done)
    figures = f"{len(done)} mutations: {dict(counted)}; slowest {slowest:.2f} s ({task}); peak {peak:.0f} MB"
    print(figures)
    unexpected = [(task, each) for task, each in zip(tasks, done, strict=True) if each.outcome not in OUTCOMES]
    assert unexpected == []
    assert peak <= MAX_MEGABYTES
    assert min(counted["rendered"], counted["CORRUPT_IMAGE"]) > mutations / 20, (
        "both valid and broken images are tested"
    )
    return slowest


class TestMutations:
    def test_seeds_are_rendered(self, paths: list[Path]) -> None:
        with limited_workers(count=1) as workers:
            done = workers.run({"path": str(path)} for path in paths)
        assert {path.name: each.outcome for path, each in zip(paths, done, strict=True)} == {
            path.name: "rendered" for path in paths
        }

    def test_2000_mutations_have_expected_outcomes(self, paths: list[Path]) -> None:
        run_mutations(paths, 2_000)

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_200_000_mutations_have_expected_outcomes(self, paths: list[Path]) -> None:
        assert run_mutations(paths, 200_000) <= MAX_SECONDS
