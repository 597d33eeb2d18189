"""Files of records: what is read of CSV and NDJSON, what is refused, and that what was written is read again."""

import csv
import json
from typing import Any

import pytest

from runtime.contract.record_files import MAX_LINES, FileFormat, read_lines, write_csv, write_ndjson
from runtime.errors import InvalidInputError
from runtime.features.episodes.schemas import EpisodeUpdate
from runtime.features.episodes.service import EPISODE_FILES

CSV, NDJSON = FileFormat.CSV, FileFormat.NDJSON
HEADER = EPISODE_FILES.header


def read(text: str | bytes, form: FileFormat = CSV) -> list[tuple[int, dict[str, Any], str | None]]:
    content = text.encode() if isinstance(text, str) else text
    return [tuple(line) for line in read_lines(content, form, EpisodeUpdate, HEADER)]


class TestCsv:
    def test_cells_are_what_their_fields_are(self) -> None:
        text = 'title,episode_number,tags,metadata,rating,publish_date\nOne,3,a; b,"{""a"": [1]}",8.5,2026-01-02\n'
        (line,) = read(text)
        assert line == (
            2,
            {
                "title": "One",
                "episode_number": 3,
                "tags": ["a", "b"],
                "metadata": {"a": [1]},
                "rating": "8.5",
                "publish_date": "2026-01-02",
            },
            None,
        )

    def test_empty_cells_and_lines_say_nothing(self) -> None:
        assert read("title,status\nOne,\n\n,draft\n") == [(2, {"title": "One"}, None), (4, {"status": "draft"}, None)]

    def test_lines_are_counted_where_they_begin(self) -> None:
        text = 'title,description\n"A","one\ntwo\nthree"\nB,\n'
        assert [line[0] for line in read(text)] == [2, 5]

    @pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
    @pytest.mark.parametrize("end", ["\n", "\r\n"])
    def test_spreadsheets_have_ways_of_their_own(self, bom: bytes, end: str) -> None:
        assert read(bom + f"title{end}Grüße{end}".encode()) == [(2, {"title": "Grüße"}, None)]

    def test_a_bad_cell_refuses_its_line_alone(self) -> None:
        found = read("title,episode_number\nOne,1\nTwo,x\nThree,1,2\nFour,99999999999999999999\n")
        assert [line[2] for line in found] == [
            None,
            "episode_number is not valid JSON: Expecting value",
            "The line has 3 cells, but the header has 2",
            "episode_number is not valid JSON: an integer has more than 19 digits",
        ]

    @pytest.mark.parametrize("header", ["", "title,colour", "title,title", "Title", "title;status"])
    def test_another_header_is_refused(self, header: str) -> None:
        with pytest.raises(
            InvalidInputError,
            match="The first line must contain column names, each at most once: episode_id, show_name",
        ):
            read(f"{header}\nOne,1\n")

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"title\n\xff\n", "The file is not UTF-8"),
            (b"title\nA\0B\n", "The file contains NUL"),
            (b'title\n"A\n', "The file is not valid CSV"),
            (b"title\n", "The file has no records"),
            (b"title\n" + b"A\n" * (MAX_LINES + 1), "The file has more than 1000 records"),
        ],
    )
    def test_what_is_no_such_file_is_refused_whole(self, content: bytes, message: str) -> None:
        with pytest.raises(InvalidInputError, match=message) as refused:
            read(content)
        assert [problem.field for problem in refused.value.problems] == ["body"]


class TestNdjson:
    def test_each_line_is_an_object(self) -> None:
        found = read('{"title": "One"}\n\n[1]\n{"title": NaN}\n{"a": 1, "a": 2}\n{"title": "\\ud800"}\n{', NDJSON)
        assert found == [
            (1, {"title": "One"}, None),
            (3, {}, "The line is not a JSON object"),
            (4, {}, "The line is not valid JSON: NaN and Infinity are not JSON"),
            (5, {}, "The line is not valid JSON: an object has a duplicate key"),
            (6, {}, "The line is not valid JSON: a string contains a lone surrogate"),
            (7, {}, "The line is not valid JSON: Expecting property name enclosed in double quotes"),
        ]

    def test_a_text_may_hold_what_ends_a_line_elsewhere(self) -> None:
        assert (
            read(json.dumps({"title": "a\u2028b\x85c"}, ensure_ascii=False), NDJSON)[0][1]["title"] == "a\u2028b\x85c"
        )


# Texts that a spreadsheet would run, and that CSV has to quote.
ROW = {
    "title": "=cmd|' /C calc'!A0, \"quoted\"\nand more",
    "description": "'already",
    "director": "-1+1",
    "writer": "@me",
    "tags": ["a;b", "=c"],
    "metadata": {"é": [1, None, True]},
    "episode_number": 3,
    "rating": 8.5,
    "category": None,
    "status": "draft",
}


class TestWriting:
    def test_what_is_written_is_read_again(self) -> None:
        ((_, read_again, _),) = read(write_csv([ROW], tuple(ROW)))
        assert read_again == {
            name: str(value) if name == "rating" else value for name, value in ROW.items() if value is not None
        }
        ((_, read_again, _),) = read(write_ndjson([ROW], tuple(ROW)), NDJSON)
        assert read_again == ROW

    def test_no_cell_is_a_formula(self) -> None:
        cells = list(csv.reader(write_csv([ROW], tuple(ROW)).splitlines(keepends=True)))[1]
        assert [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))] == []
