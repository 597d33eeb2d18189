"""Each benchmark once in its smallest size: it runs, compares the same work, and prints its tables."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import api, api_candidates, node_packages, platforms, starts, thumbnails, uploads
from benchmarks.node_packages import NodePackages, NodeUnavailableError
from benchmarks.platforms import StartedPlatform
from lambda_src.thumbnails.rendering import render

pytestmark = pytest.mark.platform

TablesOf = Callable[[str], dict[str, dict[str, dict[str, str]]]]


def figure(cell: str) -> float:
    return float(cell.split(" ", maxsplit=1)[0].replace(",", ""))


@pytest.fixture(scope="module")
def started_platform() -> Iterator[StartedPlatform]:
    with platforms.running_platform() as start:
        yield start


@pytest.fixture
def shared_platform(started_platform: StartedPlatform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the same running platform for every benchmark."""
    monkeypatch.setattr(platforms, "running_platform", lambda: nullcontext(started_platform))


@pytest.fixture
def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> NodePackages:
        raise NodeUnavailableError("disabled by the test")

    monkeypatch.setattr(node_packages, "install", fail)


@pytest.fixture
def with_node(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the packages in the user's cache, or install them into pytest's cache."""
    if node_packages.find() is None:
        assert pytestconfig.cache
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("npm")))
    try:
        found = node_packages.install()
    except NodeUnavailableError as error:
        pytest.skip(f"no npm packages: {error}")
    monkeypatch.setattr(node_packages, "install", lambda: found)


class TestThumbnails:
    def test_without_node(self, without_node: None, tables_of: TablesOf) -> None:
        output = thumbnails.measure(quick=True).markdown()
        tables = tables_of(output)
        assert len(tables) == 3
        for table in tables.values():
            assert set(table) == {thumbnails.DECODE, thumbnails.FLOOR, thumbnails.WORKER}
            assert figure(table[thumbnails.WORKER]["× the worker, CPU"]) == 1
            assert figure(table[thumbnails.WORKER]["bytes made"]) > 10_000
            assert all(figure(row["ms"]) > 0 for row in table.values())
        assert "Not measured: sharp: disabled by the test" in output

    def test_with_sharp(self, with_node: None, tables_of: TablesOf) -> None:
        tables = tables_of(thumbnails.measure(quick=True).markdown())
        assert len(tables) == 3
        for table in tables.values():
            # The outputs have about the same size, so the work is the same.
            byte_counts = {name: figure(table[name]["bytes made"]) for name in (thumbnails.WORKER, *thumbnails.SHARPS)}
            assert all(
                0.9 < bytes_made / byte_counts[thumbnails.WORKER] < 1.1 for bytes_made in byte_counts.values()
            ), byte_counts

    def test_different_sizes_raise_value_error(self, with_node: None, monkeypatch: pytest.MonkeyPatch) -> None:
        original = render
        monkeypatch.setattr(thumbnails, "render", lambda *arguments, **options: original(*arguments, **options)[:2])
        with pytest.raises(ValueError, match="cannot be compared"):
            thumbnails.measure(quick=True)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("shared_platform")
class TestWithPlatform:
    def test_api_without_node(self, without_node: None, tables_of: TablesOf) -> None:
        output = api.measure(quick=True).markdown()
        for table in tables_of(output).values():
            assert set(table) == {
                api_candidates.UVICORN,
                api_candidates.UNCOUNTED,
                api_candidates.IN_PROCESS,
                api_candidates.QUERY,
            }
            assert all(figure(row["requests/s"]) > 0 for row in table.values())
        assert "Not measured: Express: disabled by the test" in output

    def test_api_with_express(self, with_node: None, tables_of: TablesOf) -> None:
        list_table, get_table = tables_of(api.measure(quick=True).markdown()).values()
        assert set(list_table) == set(get_table) | {api_candidates.CONSTANT}
        assert {api_candidates.EXPRESS, api_candidates.EXPRESS_JSON} < set(get_table)
        assert figure(get_table[api_candidates.EXPRESS][f"× {api_candidates.EXPRESS}"]) == 1

    def test_different_responses_raise_value_error(self, without_node: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def other(self: api_candidates.Candidates, name: str, path: str) -> bytes:
            return b"{}" if name == api_candidates.QUERY else original(self, name, path)

        original = api_candidates.Candidates.fetch
        monkeypatch.setattr(api_candidates.Candidates, "fetch", other)
        with pytest.raises(ValueError, match=f"the response of {api_candidates.QUERY} differs"):
            api.measure(quick=True)

    def test_uploads(self, tables_of: TablesOf) -> None:
        tables = tables_of(uploads.measure(quick=True).markdown())
        assert len(tables) == 2
        for table in tables.values():
            middle = [figure(table[words]["p50 ms"]) for words in uploads.STEPS.values()]
            sent, completed, visible, waited, worked = middle
            assert 0 < sent < completed < visible
            assert 0 < waited < visible
            assert 0 < worked < visible

    def test_starts(self, tables_of: TablesOf) -> None:
        output = starts.measure(quick=True).markdown()
        steps, waits = tables_of(output.replace("**in all**", "in all")).values()
        assert list(steps) == ["bundles", "emulator", "resources", "health check", starts.COMMAND, "in all"]
        parts = [figure(row[starts.WARM]) for step, row in steps.items() if step != "in all"]
        assert sum(parts) == pytest.approx(figure(steps["in all"][starts.WARM]), abs=0.05)
        assert len(waits) == starts.LONGEST
        assert "Not measured: cold starts" in output


class TestDropFromPageCache:
    @pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot drop files from the page cache")
    def test_every_file_is_dropped_and_unchanged(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "below").mkdir()
        file = tmp_path / "below" / "file"
        file.write_bytes(b"content")
        (tmp_path / "link").symlink_to(file)
        calls: list[Any] = []
        original = os.posix_fadvise

        def record_call(descriptor: int, *arguments: int) -> None:
            calls.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), *arguments))
            original(descriptor, *arguments)

        monkeypatch.setattr(os, "posix_fadvise", record_call)
        starts.drop_from_page_cache([tmp_path])
        assert calls == [(str(file), 0, 0, os.POSIX_FADV_DONTNEED)]
        assert file.read_bytes() == b"content"


class TestCommand:
    def test_unknown_benchmark_is_a_usage_error(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_info:
            command.main(["thumbnails", "elephants"])
        assert exit_info.value.code == 2
        assert (
            "benchmark elephants not found; must be one of thumbnails, api, uploads, starts" in capsys.readouterr().err
        )

    def test_quick_and_write_cannot_be_combined(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as exit_info:
            command.main(["--quick", "--write"])
        assert exit_info.value.code == 2
        assert "--quick and --write cannot be combined" in capsys.readouterr().err

    def test_output_has_the_machine_and_the_named_benchmark(
        self, without_node: None, capsys: pytest.CaptureFixture[str]
    ) -> None:
        command.main(["thumbnails", "--quick"])
        output = capsys.readouterr().out
        assert output.startswith("Measured ")
        assert "pillow " in output.split("\n\n")[0]
        assert output.split("\n\n")[1].startswith("## thumbnails (")
        assert thumbnails.WORKER in output
