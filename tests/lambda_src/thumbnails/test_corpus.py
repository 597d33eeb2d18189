"""Images that were made to break decoders, within the function's limits: each is a picture or a refusal, and nothing else."""

from pathlib import Path

import pytest

from tests.lambda_src.thumbnails import pillow_corpus
from tests.lambda_src.thumbnails.images import hostile
from tests.lambda_src.thumbnails.limited import MOST_MEGABYTES, limited_workers

# What comes of each of Pillow's images: one line each, the outcome and the path.
OUTCOMES = Path(__file__).with_name("pillow_corpus_outcomes.txt")
FLOOR = 1_000


@pytest.fixture(scope="session")
def corpus(request, tmp_path_factory) -> Path:
    cache = request.config.cache.mkdir("pillow-sources")
    return pillow_corpus.images(cache, tmp_path_factory.mktemp("pillow"))


@pytest.fixture(scope="session")
def files(corpus) -> list[Path]:
    return sorted(path for path in corpus.rglob("*") if path.is_file())


@pytest.fixture(scope="session")
def listed() -> dict[str, str]:
    lines = (line.split(maxsplit=1) for line in OUTCOMES.read_text().splitlines())
    return {path: outcome for outcome, path in lines}


class TestPillowsImages:
    def test_each_comes_out_as_listed(self, corpus, files, listed, tmp_path):
        assert len(files) >= FLOOR
        with limited_workers() as workers:
            # A document's picture is all of its image at its own size, so all of it is decoded.
            done = workers.run({"path": str(path), "entity_type": "document"} for path in files)
        found = {str(path.relative_to(corpus)): each.outcome for path, each in zip(files, done, strict=True)}
        table = tmp_path / OUTCOMES.name
        table.write_text("".join(f"{outcome:<18} {path}\n" for path, outcome in found.items()))
        both = {path: (listed.get(path), found.get(path)) for path in sorted({*listed, *found})}
        changed = {path: (before, now) for path, (before, now) in both.items() if before != now}
        assert changed == {}, f"what came out is in {table}"
        assert max(each.peak_megabytes for each in done) <= MOST_MEGABYTES

    def test_handler_ends_the_job_of_each_kind_at_once(self, bench, corpus, files, listed):
        kinds = {}
        for path in files:
            outcome = listed[str(path.relative_to(corpus))]
            kinds.setdefault((outcome, path.suffix if outcome == "rendered" else None), path)
        self.handled(bench, corpus, listed, list(kinds.values()), least=10)

    @pytest.mark.long
    @pytest.mark.timeout(1_800)
    def test_handler_ends_the_job_of_every_one_at_once(self, bench, corpus, files, listed):
        self.handled(bench, corpus, listed, files, least=FLOOR)

    def handled(self, bench, corpus, listed, paths, least):
        """One attempt each, no message comes back, and the job's error is the listed outcome."""
        assert len(paths) >= least
        uploads = [bench.upload(path.read_bytes()) for path in paths]
        with limited_workers(environment=bench.environment) as workers:
            done = workers.run({"event": bench.event(bench.notification(upload))} for upload in uploads)
        for path, upload, each in zip(paths, uploads, done, strict=True):
            assert (each.outcome, each.answer) == ("answered", {"batchItemFailures": []}), path
            job, outcome = bench.job(upload.job_id), listed[str(path.relative_to(corpus))]
            assert (job["error_code"] or "rendered") == outcome, path
            assert (job["status"], job["retry_count"]) == ("completed" if outcome == "rendered" else "failed", 0), path
        assert max(each.peak_megabytes for each in done) <= MOST_MEGABYTES


class TestGeneratedImages:
    def test_each_comes_out_as_foreseen(self, tmp_path):
        expected, tasks = {}, []
        for number, (name, content, outcome) in enumerate(hostile()):
            path = tmp_path / str(number)
            path.write_bytes(content)
            expected[name] = outcome
            tasks.append({"path": str(path), "entity_type": "episode"})
        with limited_workers() as workers:
            done = workers.run(tasks)
        assert {name: each.outcome for name, each in zip(expected, done, strict=True)} == expected
        assert max(each.peak_megabytes for each in done) <= MOST_MEGABYTES
