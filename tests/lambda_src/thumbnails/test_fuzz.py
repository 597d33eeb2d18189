"""Sound images, broken at random: each is a picture or a refusal, within the function's memory, and nothing dies of it."""

from collections import Counter

import pytest

from tests.lambda_src.thumbnails.images import seeds
from tests.lambda_src.thumbnails.limited import MOST_MEGABYTES, limited_workers

OUTCOMES = {"rendered", "CORRUPT_IMAGE", "SUSPICIOUS_IMAGE", "UNSUPPORTED_FORMAT", "TOO_MANY_PIXELS"}
MOST_SECONDS = 2  # of processor time


@pytest.fixture
def paths(tmp_path):
    for name, content in seeds():
        (tmp_path / name).write_bytes(content)
    found = sorted(tmp_path.iterdir())
    assert len(found) == 40
    return found


def tally(paths, mutations):
    """The mutations' outcomes, counted; each seed has its share of them."""
    tasks = [{"path": str(paths[number % len(paths)]), "mutation": number // len(paths)} for number in range(mutations)]
    with limited_workers() as workers:
        done = workers.run(tasks)
    counted = Counter(each.outcome for each in done)
    slowest, task = max(zip((each.seconds for each in done), tasks, strict=True), key=lambda pair: pair[0])
    peak = max(each.peak_megabytes for each in done)
    figures = f"{len(done)} mutations: {dict(counted)}; slowest {slowest:.2f} s ({task}); peak {peak:.0f} MB"
    print(figures)
    strange = [(task, each) for task, each in zip(tasks, done, strict=True) if each.outcome not in OUTCOMES]
    assert strange == []
    assert peak <= MOST_MEGABYTES
    assert min(counted["rendered"], counted["CORRUPT_IMAGE"]) > mutations / 20, "whole and broken ones are both tried"
    return slowest


class TestMutations:
    def test_seeds_are_sound(self, paths):
        with limited_workers(count=1) as workers:
            done = workers.run({"path": str(path)} for path in paths)
        assert {path.name: each.outcome for path, each in zip(paths, done, strict=True)} == {
            path.name: "rendered" for path in paths
        }

    def test_2000(self, paths):
        tally(paths, 2_000)

    @pytest.mark.long
    @pytest.mark.timeout(3_600)
    def test_200_000(self, paths):
        assert tally(paths, 200_000) <= MOST_SECONDS
