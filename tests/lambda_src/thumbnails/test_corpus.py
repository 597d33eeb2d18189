"""Images that were made to break decoders, under the function's limits: each is rendered or rejected."""

from pathlib import Path

import pytest

from tests.lambda_src.thumbnails import pillow_corpus
from tests.lambda_src.thumbnails.conftest import Bench
from tests.lambda_src.thumbnails.images import hostile
from tests.lambda_src.thumbnails.limited import MAX_MEGABYTES, limited_workers

# The expected outcome of each of Pillow's images: one line with outcome and path.
OUTCOMES = Path(__file__).with_name("pillow_corpus_outcomes.txt")
FLOOR = 1_000


@pytest.fixture(scope="session")
def corpus(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    cache = request.config.cache.mkdir("pillow-sources")
    return pillow_corpus.images(cache, tmp_path_factory.mktemp("pillow"))


@pytest.fixture(scope="session")
def files(corpus: Path) -> list[Path]:
    return sorted(path for path in corpus.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def listed() -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in OUTCOMES.read_text().splitlines())
    return {path: outcome for outcome, path in lines}


class TestPillowTestImages:
    def test_pillow_images_have_listed_outcomes(
        self, corpus: Path, files: list[Path], listed: dict[str, str], tmp_path: Path
    ) -> None:
        assert len(files) >= FLOOR
        with limited_workers() as workers:
            # A document's variant has the size of its image, so the whole image is decoded.
            done = workers.run({"path": str(path), "entity_type": "document"} for path in files)
        found = {str(path.relative_to(corpus)): each.outcome for path, each in zip(files, done, strict=True)}
        table = tmp_path / OUTCOMES.name
        table.write_text("".join(f"{outcome:<18} {path}\n" for path, outcome in found.items()))
        both = {path: (listed.get(path), found.get(path)) for path in sorted({*listed, *found})}
        changed = {path: (before, now) for path, (before, now) in both.items() if before != now}
        assert changed == {}, f"the actual outcomes are in {table}"
        assert max(each.peak_megabytes for each in done) <= MAX_MEGABYTES

    def test_job_of_each_outcome_ends_at_first_attempt(
        self, bench: Bench, corpus: Path, files: list[Path], listed: dict[str, str]
    ) -> None:
        kinds: dict[tuple[str, str | None], Path] = {}
        for path in files:
            outcome = listed[str(path.relative_to(corpus))]
            kinds.setdefault((outcome, path.suffix if outcome == "rendered" else None), path)
        self.assert_jobs_end_at_first_attempt(bench, corpus, listed, list(kinds.values()), least=10)

    @pytest.mark.long
    @pytest.mark.timeout(1_800)
    def test_job_of_every_image_ends_at_first_attempt(
        self, bench: Bench, corpus: Path, files: list[Path], listed: dict[str, str]
    ) -> None:
        self.assert_jobs_end_at_first_attempt(bench, corpus, listed, files, least=FLOOR)

    def assert_jobs_end_at_first_attempt(
        self, bench: Bench, corpus: Path, listed: dict[str, str], paths: list[Path], least: int
    ) -> None:
        """Assert that each job ends at the first attempt with the listed outcome, and no message is returned."""
        assert len(paths) >= least
        uploads = [bench.upload(path.read_bytes()) for path in paths]
        with limited_workers(environment=bench.environment) as workers:
            done = workers.run({"event": bench.event(bench.notification(upload))} for upload in uploads)
        for path, upload, each in zip(paths, uploads, done, strict=True):
            assert (each.outcome, each.answer) == ("answered", {"batchItemFailures": []}), path
            job, outcome = bench.job(upload.job_id), listed[str(path.relative_to(corpus))]
            assert (job["error_code"] or "rendered") == outcome, path
            assert (job["status"], job["retry_count"]) == ("completed" if outcome == "rendered" else "failed", 0), path
        assert max(each.peak_megabytes for each in done) <= MAX_MEGABYTES


class TestGeneratedImages:
    def test_hostile_images_have_expected_outcomes(self, tmp_path: Path) -> None:
        expected, tasks = {}, []
        for number, (name, content, outcome) in enumerate(hostile()):
            path = tmp_path / str(number)
            path.write_bytes(content)
            expected[name] = outcome
            tasks.append({"path": str(path), "entity_type": "episode"})
        with limited_workers() as workers:
            done = workers.run(tasks)
        assert {name: each.outcome for name, each in zip(expected, done, strict=True)} == expected
        assert max(each.peak_megabytes for each in done) <= MAX_MEGABYTES
