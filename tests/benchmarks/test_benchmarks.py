"""Each benchmark once, in its smallest size: that it runs, compares like with like, and shows what it is to show."""

import os
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from benchmarks import __main__ as command
from benchmarks import api, api_contestants, node_packages, platforms, starts, thumbnails, uploads
from benchmarks.node_packages import NodeMissingError, NodePackages
from benchmarks.platforms import Start

pytestmark = pytest.mark.platform

TablesOf = Callable[[str], dict[str, dict[str, dict[str, str]]]]


def figure(cell: str) -> float:
    return float(cell.split(" ", maxsplit=1)[0].replace(",", ""))


@pytest.fixture(scope="module")
def started() -> Iterator[Start]:
    with platforms.running() as start:
        yield start


@pytest.fixture
def one_platform(started: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every benchmark finds the same platform, up already."""
    monkeypatch.setattr(platforms, "running", lambda: nullcontext(started))


@pytest.fixture
def without_node(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> NodePackages:
        raise NodeMissingError("it is not wanted here")

    monkeypatch.setattr(node_packages, "install", refuse)


@pytest.fixture
def with_node(pytestconfig: pytest.Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """What `make bench` has left in the user's cache is used; else the packages are installed into pytest's own."""
    if node_packages.find() is None:
        assert pytestconfig.cache
        monkeypatch.setenv("XDG_CACHE_HOME", str(pytestconfig.cache.mkdir("npm")))
    try:
        found = node_packages.install()
    except NodeMissingError as error:
        pytest.skip(f"no npm packages: {error}")
    monkeypatch.setattr(node_packages, "install", lambda: found)


class TestThumbnails:
    def test_without_node(self, without_node: None, tables_of: TablesOf) -> None:
        shown = thumbnails.measure(quick=True).markdown()
        tables = tables_of(shown)
        assert len(tables) == 3
        for table in tables.values():
            assert set(table) == {thumbnails.DECODE, thumbnails.FLOOR, thumbnails.WORKER}
            assert figure(table[thumbnails.WORKER]["× the worker, CPU"]) == 1
            assert figure(table[thumbnails.WORKER]["bytes made"]) > 10_000
            assert all(figure(row["ms"]) > 0 for row in table.values())
        assert "Not measured: sharp: it is not wanted here" in shown

    def test_with_sharp(self, with_node: None, tables_of: TablesOf) -> None:
        tables = tables_of(thumbnails.measure(quick=True).markdown())
        assert len(tables) == 3
        for table in tables.values():
            # About as many bytes for the same sizes and quality: it is the same work.
            made = {name: figure(table[name]["bytes made"]) for name in (thumbnails.WORKER, *thumbnails.SHARPS)}
            assert all(0.9 < bytes_made / made[thumbnails.WORKER] < 1.1 for bytes_made in made.values()), made

    def test_other_sizes_are_not_compared(self, with_node: None, monkeypatch: pytest.MonkeyPatch) -> None:
        real = thumbnails.render
        monkeypatch.setattr(thumbnails, "render", lambda *rest, **options: real(*rest, **options)[:2])
        with pytest.raises(ValueError, match="cannot be compared"):
            thumbnails.measure(quick=True)


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("one_platform")
class TestOnAPlatform:
    def test_api_without_node(self, without_node: None, tables_of: TablesOf) -> None:
        shown = api.measure(quick=True).markdown()
        for table in tables_of(shown).values():
            assert set(table) == {
                api_contestants.UVICORN,
                api_contestants.UNCOUNTED,
                api_contestants.IN_PROCESS,
                api_contestants.QUERY,
            }
            assert all(figure(row["requests/s"]) > 0 for row in table.values())
        assert "Not measured: Express: it is not wanted here" in shown

    def test_api_with_express(self, with_node: None, tables_of: TablesOf) -> None:
        listed, got = tables_of(api.measure(quick=True).markdown()).values()
        assert set(listed) == set(got) | {api_contestants.CONSTANT}
        assert {api_contestants.EXPRESS, api_contestants.EXPRESS_JSON} < set(got)
        assert figure(got[api_contestants.EXPRESS][f"× {api_contestants.EXPRESS}"]) == 1

    def test_other_answers_are_not_compared(self, without_node: None, monkeypatch: pytest.MonkeyPatch) -> None:
        def other(self: api_contestants.Contestants, name: str, path: str) -> bytes:
            return b"{}" if name == api_contestants.QUERY else real(self, name, path)

        real = api_contestants.Contestants.answer
        monkeypatch.setattr(api_contestants.Contestants, "answer", other)
        with pytest.raises(ValueError, match=f"{api_contestants.QUERY} answered something else"):
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
        shown = starts.measure(quick=True).markdown()
        steps, waits = tables_of(shown.replace("**in all**", "in all")).values()
        assert list(steps) == ["bundles", "emulator", "resources", "health check", starts.COMMAND, "in all"]
        parts = [figure(row[starts.WARM]) for step, row in steps.items() if step != "in all"]
        assert sum(parts) == pytest.approx(figure(steps["in all"][starts.WARM]), abs=0.05)
        assert len(waits) == starts.LONGEST
        assert "Not measured: cold starts" in shown


class TestForget:
    @pytest.mark.skipif(not hasattr(os, "posix_fadvise"), reason="this system cannot be asked to forget a file")
    def test_files_are_asked_for_and_kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "below").mkdir()
        file = tmp_path / "below" / "file"
        file.write_bytes(b"content")
        (tmp_path / "link").symlink_to(file)
        asked: list[Any] = []
        real = os.posix_fadvise

        def noting(descriptor: int, *rest: int) -> None:
            asked.append((str(Path(f"/proc/self/fd/{descriptor}").readlink()), *rest))
            real(descriptor, *rest)

        monkeypatch.setattr(os, "posix_fadvise", noting)
        starts.forget([tmp_path])
        assert asked == [(str(file), 0, 0, os.POSIX_FADV_DONTNEED)]
        assert file.read_bytes() == b"content"


class TestCommand:
    def test_unknown_name_is_refused(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            command.main(["thumbnails", "elephants"])
        assert ended.value.code == 2
        assert "no benchmark is called elephants; there are thumbnails, api, uploads, starts" in capsys.readouterr().err

    def test_quick_figures_are_not_kept(self, capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            command.main(["--quick", "--write"])
        assert ended.value.code == 2
        assert "nothing that is worth keeping" in capsys.readouterr().err

    def test_named_one_is_shown_with_the_machine(self, without_node: None, capsys: pytest.CaptureFixture[str]) -> None:
        command.main(["thumbnails", "--quick"])
        shown = capsys.readouterr().out
        assert shown.startswith("Measured ")
        assert "pillow " in shown.split("\n\n")[0]
        assert shown.split("\n\n")[1].startswith("## thumbnails (")
        assert thumbnails.WORKER in shown
