"""Requirement markers read from the source, compared with those that pytest collects."""

import os
from collections import defaultdict
from pathlib import Path
from textwrap import dedent

import pytest

from operations.project import checkout
from operations.requirements.markers import MarkerError, find_marked_tests

pytest_plugins = ["pytester"]

# Every supported form of a marker, and text that only resembles one.
FORMS = '''
    """A text about requirement("X-0")."""
    import pytest

    both_markers = pytest.mark.requirement("X-1", "X-2")
    CASES = [pytest.param(1, marks=pytest.mark.requirement("X-3")), pytest.param(2, marks=[both_markers])]

    @pytest.mark.requirement("X-4")
    def test_function(): ...

    @pytest.mark.requirement("X-5")
    async def test_coroutine(): ...

    @both_markers
    def test_by_name(): ...

    @pytest.mark.parametrize("case", CASES)
    def test_cases_by_name(case): ...

    @pytest.mark.parametrize("case", [pytest.param(1, marks=pytest.mark.requirement("X-6")), 2])
    def test_cases(case): ...

    @pytest.mark.requirement("X-7")
    class TestMarked:
        def test_one(self): ...
        def test_two(self): ...

    class TestNested:
        pytestmark = [pytest.mark.requirement("X-8"), pytest.mark.requirement("X-9")]
        class TestInner:
            @pytest.mark.requirement("X-10")
            def test_inner(self): ...

    @pytest.mark.requirement("X-11")
    class TestEmpty: ...

    @pytest.mark.requirement("X-12")
    class NotCollected:
        def test_it(self): ...

    @pytest.mark.requirement("X-13")
    def no_test():
        return pytest.mark.requirement("X-14")

    def test_unmarked(): ...
'''
WHOLE_FILE = """
    from pytest import mark

    pytestmark: list = [mark.requirement("Y-1")]

    def test_one(): ...

    class TestMore:
        def test_two(self): ...
"""


def write_files(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.py").write_text(dedent(text))
    return folder


def by_test(tests: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for marked_test in find_marked_tests(tests):
        found[marked_test.test].add(marked_test.id)
    return found


def effective_ids(node_id: str, found: dict[str, set[str]]) -> set[str]:
    """Return the ids that apply to a collected test: those of the function, its classes and its file."""
    parts = node_id.partition("[")[0].split("::")
    return set().union(*(found.get("::".join(parts[:count]), set()) for count in range(1, len(parts) + 1)))


class TestFindMarkedTests:
    def test_markers_are_those_that_pytest_collects(self, pytester: pytest.Pytester) -> None:
        tests = write_files(
            pytester.path / "tests",
            test_forms=FORMS,
            test_whole=WHOLE_FILE,
            more_test=FORMS.replace("X-", "Z-"),
            helper=FORMS.replace("X-", "W-"),
        )
        # Hypothesis's plugin would be loaded again at the end of the run.
        settings = ("-p", "no:hypothesispytest", "-c", os.devnull)
        collected, _ = pytester.inline_genitems(*settings, f"--rootdir={pytester.path}", tests)
        found = by_test(tests)
        # In pytest a parameter's marker belongs to that case; here it belongs to the whole function.
        functions: dict[str, set[str]] = defaultdict(set)
        for item in collected:
            ids = {requirement_id for mark in item.iter_markers("requirement") for requirement_id in mark.args}
            functions[item.nodeid.partition("[")[0]] |= ids
        assert functions.keys() >= {
            "tests/test_forms.py::TestNested::TestInner::test_inner",
            "tests/test_whole.py::test_one",
        }
        assert {node: effective_ids(node, found) for node in functions} == functions
        assert set().union(*found.values()) == set().union(*functions.values())

    def test_all_markers_of_this_run_are_found(self, request: pytest.FixtureRequest) -> None:
        found = by_test(checkout.ROOT / "tests")
        assert found
        missed = {
            item.nodeid: ids
            for item in request.session.items
            if (
                ids := {requirement_id for mark in item.iter_markers("requirement") for requirement_id in mark.args}
                - effective_ids(item.nodeid, found)
            )
        }
        assert missed == {}

    @pytest.mark.parametrize("argument", ["IDS", "*IDS", 'f"X-{1}"', "1"])
    def test_ids_that_are_not_literals_raise_marker_error(self, tmp_path: Path, argument: str) -> None:
        marker = f"import pytest\nIDS = 'X-1'\n@pytest.mark.requirement({argument})\ndef test_it(): ...\n"
        with pytest.raises(MarkerError, match=r"tests/test_it\.py:3: .* string literals"):
            find_marked_tests(write_files(tmp_path / "tests", test_it=marker))

    def test_duplicate_markers_count_once(self, tmp_path: Path) -> None:
        marker = 'import pytest\n@pytest.mark.requirement("X-1")\n@pytest.mark.requirement("X-1")\ndef test_it(): ...\n'
        assert [
            marked_test.id for marked_test in find_marked_tests(write_files(tmp_path / "tests", test_it=marker))
        ] == ["X-1"]
