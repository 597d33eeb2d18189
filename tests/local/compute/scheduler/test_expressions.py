"""Rate and cron expressions. The expected dates are from calendars."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.schedule import expression_problem
from local.compute.scheduler.expressions import Cron, ExpressionError, Rate, parse


def times(expression: str, after: str, count: int = 1) -> list[str]:
    """Return the next `count` times of a cron expression, to the minute."""
    cron = parse(f"cron({expression})")
    assert isinstance(cron, Cron)
    found: list[str] = []
    moment = datetime.fromisoformat(after).replace(tzinfo=UTC)
    while len(found) < count and (following := cron.next_after(moment)) is not None:
        moment = following
        found.append(f"{moment:%Y-%m-%d %H:%M}")
    return found


class TestRate:
    @pytest.mark.parametrize(
        ("expression", "seconds"),
        [
            ("rate(1 minute)", 60),
            ("rate(5 minutes)", 300),
            ("rate(1 hour)", 3_600),
            ("rate(36 hours)", 129_600),
            ("rate(1 day)", 86_400),
            ("rate(2 days)", 172_800),
        ],
    )
    def test_rate_is_converted_to_seconds(self, expression: str, seconds: float) -> None:
        assert parse(expression) == Rate(seconds)


class TestNextAfter:
    def test_next_time_is_a_whole_minute_after_the_moment(self) -> None:
        assert times("0 3 * * ? *", "2026-11-21T02:59:59.999") == ["2026-11-21 03:00"]
        assert times("0 3 * * ? *", "2026-11-21T03:00") == ["2026-11-22 03:00"]
        assert times("* * * * ? *", "2026-12-31T23:59:30") == ["2027-01-01 00:00"]

    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            # From Saturday 2026-11-21, 13:07.
            ("*/15 * * * ? *", ["2026-11-21 13:15", "2026-11-21 13:30", "2026-11-21 13:45", "2026-11-21 14:00"]),
            ("50/5 * * * ? *", ["2026-11-21 13:50", "2026-11-21 13:55", "2026-11-21 14:50"]),
            ("0 8-16/4 * * ? *", ["2026-11-21 16:00", "2026-11-22 08:00", "2026-11-22 12:00"]),
            ("5,1,3 0 1 * ? *", ["2026-12-01 00:01", "2026-12-01 00:03", "2026-12-01 00:05", "2027-01-01 00:01"]),
            ("0 22-1 * * ? *", ["2026-11-21 22:00", "2026-11-21 23:00", "2026-11-22 00:00", "2026-11-22 01:00"]),
            ("0 10 ? * MON-FRI *", ["2026-11-23 10:00", "2026-11-24 10:00"]),
            ("0 10 ? * 1 *", ["2026-11-22 10:00", "2026-11-29 10:00"]),
            ("0 10 ? * SAT-SUN *", ["2026-11-22 10:00", "2026-11-28 10:00"]),
            ("0 10 ? * L *", ["2026-11-28 10:00", "2026-12-05 10:00"]),
            ("15 10 ? * 6L *", ["2026-11-27 10:15", "2026-12-25 10:15", "2027-01-29 10:15"]),
            ("0 0 ? * TUE#2 *", ["2026-12-08 00:00", "2027-01-12 00:00"]),
            ("0 0 ? * 6#5 *", ["2027-01-29 00:00", "2027-04-30 00:00"]),
            ("0 0 L * ? *", ["2026-11-30 00:00", "2026-12-31 00:00", "2027-01-31 00:00", "2027-02-28 00:00"]),
            ("0 0 31 * ? *", ["2026-12-31 00:00", "2027-01-31 00:00", "2027-03-31 00:00"]),
            ("0 0 29 FEB ? *", ["2028-02-29 00:00", "2032-02-29 00:00"]),
            ("0 0 ? FEB SUN#5 *", ["2032-02-29 00:00", "2060-02-29 00:00"]),
            # 2027-05-01 is a Saturday, 2027-05-15 too, 2027-05-16 a Sunday, 2027-02-28 a Sunday and the month's last.
            ("0 0 1W 5 ? 2027", ["2027-05-03 00:00"]),
            ("0 0 15W 5 ? 2027", ["2027-05-14 00:00"]),
            ("0 0 16W 5 ? 2027", ["2027-05-17 00:00"]),
            ("0 0 28W 2 ? 2027", ["2027-02-26 00:00"]),
            ("0 0 12W 5 ? 2027", ["2027-05-12 00:00"]),
            ("0 0 30W 2 ? 2027", []),
            ("0 0 1 1 ? 2028/3", ["2028-01-01 00:00", "2031-01-01 00:00"]),
            ("0 0 1 JUN,MAR ? 2027", ["2027-03-01 00:00", "2027-06-01 00:00"]),
            ("0 0 30 2 ? *", []),
            ("0 0 * * ? 2025", []),
        ],
    )
    def test_times_follow_the_calendar(self, expression: str, expected: list[str]) -> None:
        found = times(expression, "2026-11-21T13:07", max(len(expected), 1))
        assert found == expected

    @given(
        minutes=st.sets(st.integers(0, 59), min_size=1, max_size=4),
        hours=st.sets(st.integers(0, 23), min_size=1, max_size=4),
        days=st.sets(st.integers(1, 31), min_size=1, max_size=4),
        seconds=st.integers(0, 366 * 24 * 3600),
    )
    def test_no_matching_minute_is_skipped(
        self, minutes: set[int], hours: set[int], days: set[int], seconds: int
    ) -> None:
        start = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
        fields = [",".join(map(str, numbers)) for numbers in (minutes, hours, days)]
        cron = parse(f"cron({' '.join(fields)} * ? *)")
        assert isinstance(cron, Cron)
        minute = start.replace(second=0, microsecond=0) + timedelta(minutes=1)
        while not (minute.minute in minutes and minute.hour in hours and minute.day in days):
            minute += (
                timedelta(minutes=1)
                if minute.hour in hours and minute.day in days
                else timedelta(minutes=60 - minute.minute)
            )
        assert cron.next_after(start) == minute


FIELD_TEXT = st.text("0123456789*/-,?LW#MONSATJAFEB", max_size=7)
NUMBERS = st.integers(-1, 61).map(str)
RANGES = st.tuples(NUMBERS, NUMBERS).map("-".join)
STEPS = st.tuples(st.one_of(st.just("*"), NUMBERS, RANGES), NUMBERS).map("/".join)
DAY_WORDS = st.tuples(st.sampled_from(["SUN", "FRI", "5", "8"]), st.sampled_from(["", "L", "#2", "#6", "W"])).map(
    "".join
)
FIELD = st.one_of(
    st.sampled_from(["*", "?", "L", "JAN", "2027", "00003", "*/0001", "*/00001"]),
    NUMBERS,
    RANGES,
    STEPS,
    DAY_WORDS,
    FIELD_TEXT,
)


class TestInvalidExpressions:
    @pytest.mark.parametrize(
        ("expression", "problem"),
        [
            ("at(2030-01-01T00:00:00)", r"must be rate\(\.\.\.\) or cron\(\.\.\.\)"),
            ("rate(1 minutes)", "singular with 1"),
            ("rate(5 minute)", "plural otherwise"),
            ("rate(0 minutes)", "must be rate"),
            ("cron(0 3 * * ?)", "must have 6 fields, not 5"),
            ("cron(0 3 * * * *)", r"must be \?"),
            ("cron(0 3 ? * ? *)", r"must be \?"),
            ("cron(60 3 * * ? *)", "60 must be from 0 to 59"),
            ("cron(0 3 * * ? 2030-2026)", "ends before it begins"),
            ("cron(*/0 3 * * ? *)", "a step must be from 1 to 59"),
            ("cron(x! 3 * * ? *)", "must be a value, a range or a step"),
        ],
    )
    def test_invalid_expression_raises_expression_error(self, expression: str, problem: str) -> None:
        with pytest.raises(ExpressionError, match=problem):
            parse(expression)

    @given(st.lists(FIELD, min_size=6, max_size=6))
    def test_component_and_scheduler_accept_the_same_cron_expressions(self, fields: list[str]) -> None:
        self._same(f"cron({' '.join(fields)})")

    @given(place=st.integers(0, 5), field=FIELD)
    def test_component_and_scheduler_accept_the_same_fields(self, place: int, field: str) -> None:
        fields = ["0", "3", "*", "*", "?", "*"]
        if place == 4:
            fields[2] = "?"
        fields[place] = field
        self._same(f"cron({' '.join(fields)})")

    @given(st.integers(-1, 12), st.sampled_from(["minute", "hour", "day", "week", "second"]), st.sampled_from("s "))
    def test_component_and_scheduler_accept_the_same_rates(self, count: int, unit: str, ending: str) -> None:
        self._same(f"rate({count} {unit}{ending.strip()})")

    def _same(self, expression: str) -> None:
        try:
            parse(expression)
            runs = True
        except ExpressionError:
            runs = False
        assert (expression_problem(expression) == "") is runs, expression
