"""`platform import` and `platform export`: what is told of a report and a place to go on, without any platform."""

import json
from pathlib import Path

import pytest

from operations.record_files import Part
from operations.transfer import Report, _place


def part(*lines: int) -> Part:
    return Part(content=b"x", lines=lines)


def line(number: int, status: str = "created") -> dict[str, object]:
    return {"line": number, "status": status, "id": None, "errors": []}


class TestReport:
    def test_lines_are_those_of_the_whole_file(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2, 5), part(6)
        report.add(first, [line(2), line(3, "refused")])
        report.add(second, [line(2)])
        assert report.done() == {first.key, second.key}
        told = [(entry["line"], entry["status"]) for entry in report.of([first.key, second.key])]
        assert told == [(2, "created"), (5, "refused"), (6, "created")]

    def test_a_part_that_was_cut_off_is_not_done(self, tmp_path: Path) -> None:
        report, first, second = Report(tmp_path / "r"), part(2), part(3, 4)
        report.add(first, [line(2)])
        with report.path.open("a") as file:
            file.write(json.dumps(line(3)) + "\n" + '{"line": 4, "sta')
        assert report.done() == {first.key}
        report.add(second, [line(2, "skipped"), line(3)])
        told = [(entry["line"], entry["status"]) for entry in report.of([first.key, second.key])]
        assert told == [(2, "created"), (3, "skipped"), (4, "created")]

    def test_none_yet_is_empty(self, tmp_path: Path) -> None:
        report = Report(tmp_path / "missing")
        assert (report.done(), report.of(["x"])) == (set(), [])


class TestPlace:
    def test_what_is_sure_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "part").write_bytes(b"12345 and more")
        (tmp_path / "next").write_text('{"next": "/there", "bytes": 5}')
        assert _place(tmp_path / "part", tmp_path / "next") == ("/there", 5)

    @pytest.mark.parametrize("noted", ["", "{", "{}", "[]", '{"next": "/there", "bytes": 6}'])
    def test_what_is_not_is_begun_anew(self, tmp_path: Path, noted: str) -> None:
        (tmp_path / "part").write_bytes(b"12345")
        (tmp_path / "next").write_text(noted)
        assert _place(tmp_path / "part", tmp_path / "next") is None
        assert _place(tmp_path / "missing", tmp_path / "next") is None
