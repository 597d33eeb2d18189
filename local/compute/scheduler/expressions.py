"""The schedule expressions of EventBridge Scheduler, in UTC: `rate(5 minutes)` and `cron(0 3 * * ? *)`."""

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

RATE = re.compile(r"rate\(([1-9][0-9]{0,8}) (minute|hour|day)(s?)\)")
CRON = re.compile(r"cron\((.*)\)")
STEPPED = re.compile(r"(?:(?P<all>\*)|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[0-9]{1,4}))?")
NEAREST_WEEKDAY = re.compile(r"([1-9]|[12][0-9]|3[01])W")
WEEKDAY_OF_MONTH = re.compile(r"([1-7]|[A-Z]{3})(?:(L)|#([1-5]))")

UNIT_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}
MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)}
DAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
SATURDAY = 7
WEEK = 7

# The days of a month, in order, on which a cron expression runs.
DaysOfMonth = Callable[[int, int], list[int]]


class ExpressionError(ValueError):
    """The text is not a valid rate or cron expression."""


@dataclass(frozen=True)
class Rate:
    """A rate expression."""

    seconds: float


@dataclass(frozen=True, kw_only=True)
class Cron:
    """A cron expression, with the values that its fields match."""

    minutes: list[int]
    hours: list[int]
    days: DaysOfMonth
    months: list[int]
    years: list[int]

    def next_after(self, moment: datetime) -> datetime | None:
        """Return the first matching minute after `moment` (aware, UTC), or None if there is none."""
        earliest = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return next((time for time in self._times(earliest) if time >= earliest), None)

    def _times(self, earliest: datetime) -> Iterator[datetime]:
        for year in (year for year in self.years if year >= earliest.year):
            for month in self.months:
                for day in self.days(year, month):
                    if (year, month, day) >= (earliest.year, earliest.month, earliest.day):
                        yield from (
                            datetime(year, month, day, hour, minute, tzinfo=UTC)
                            for hour in self.hours
                            for minute in self.minutes
                        )


def parse(expression: str) -> Rate | Cron:
    """Parse a rate or cron expression.

    Raises:
        ExpressionError: The expression is invalid; the message says why.
    """
    if rate := RATE.fullmatch(expression):
        count = int(rate[1])
        if (count > 1) is not bool(rate[3]):
            raise ExpressionError(f"{expression}: the unit must be singular with 1 and plural otherwise")
        return Rate(count * UNIT_SECONDS[rate[2]])
    cron = CRON.fullmatch(expression)
    if cron is None:
        raise ExpressionError(f"{expression}: must be rate(...) or cron(...)")
    fields = cron[1].split()
    if len(fields) != 6:
        raise ExpressionError(f"{expression}: cron must have 6 fields, not {len(fields)}")
    minutes, hours, day_of_month, months, day_of_week, years = fields
    if (day_of_month == "?") is (day_of_week == "?"):
        raise ExpressionError(f"{expression}: either the day of month or the day of week must be ?")
    return Cron(
        minutes=_values(minutes, 0, 59),
        hours=_values(hours, 0, 23),
        days=_by_weekday(day_of_week) if day_of_month == "?" else _by_date(day_of_month),
        months=_values(months, 1, 12, MONTHS),
        years=_values(years, 1970, 2199, wraps=False),
    )


def _values(text: str, low: int, high: int, names: dict[str, int] | None = None, *, wraps: bool = True) -> list[int]:
    """Return the numbers that a list of values, ranges and steps matches, in order."""
    found: set[int] = set()
    for item in text.split(","):
        match = STEPPED.fullmatch(item)
        if match is None:
            raise ExpressionError(f"{item} must be a value, a range or a step")
        first = low if match["all"] else _number(match["first"], low, high, names)
        # A step after a single value continues to the upper bound.
        last = _number(match["last"], low, high, names) if match["last"] else None
        if last is None:
            last = high if match["all"] or match["step"] else first
        step, span = int(match["step"] or 1), high - low + 1
        if not 1 <= step < span:
            raise ExpressionError(f"{item}: a step must be from 1 to {span - 1}")
        if last < first and not wraps:
            raise ExpressionError(f"{item}: the range ends before it begins")
        found |= {low + (first - low + offset) % span for offset in range(0, (last - first) % span + 1, step)}
    return sorted(found)


def _number(text: str, low: int, high: int, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    number = int(text) if re.fullmatch(r"[0-9]{1,4}", text) else -1
    if not low <= number <= high:
        raise ExpressionError(f"{text} must be from {low} to {high}")
    return number


def _by_date(text: str) -> DaysOfMonth:
    if text == "L":
        return lambda year, month: [_length(year, month)]
    if nearest := NEAREST_WEEKDAY.fullmatch(text):
        return lambda year, month: _nearest_weekday(year, month, int(nearest[1]))
    days = _values(text, 1, 31)
    return lambda year, month: [day for day in days if day <= _length(year, month)]


def _by_weekday(text: str) -> DaysOfMonth:
    if one := WEEKDAY_OF_MONTH.fullmatch(text):
        weekday, which = _number(one[1], 1, 7, DAYS), slice(-1, None) if one[2] else slice(int(one[3]) - 1, int(one[3]))
        return lambda year, month: _on(year, month, {weekday})[which]
    # L alone is the last day of the week, which begins on Sunday.
    weekdays = {SATURDAY} if text == "L" else set(_values(text, 1, 7, DAYS))
    return lambda year, month: _on(year, month, weekdays)


def _on(year: int, month: int, weekdays: set[int]) -> list[int]:
    """Return the days of a month that are one of these weekdays (1 is Sunday)."""
    before = calendar.weekday(year, month, 1) + 1  # the number of days from Sunday to the first of the month
    return [day for day in range(1, _length(year, month) + 1) if (before + day - 1) % WEEK + 1 in weekdays]


def _nearest_weekday(year: int, month: int, day: int) -> list[int]:
    """Return the nearest day from Monday to Friday in the same month, as a list; empty if the month has no such day."""
    length = _length(year, month)
    if day > length:
        return []
    match calendar.weekday(year, month, day):
        case calendar.SATURDAY:
            return [day - 1 if day > 1 else day + 2]
        case calendar.SUNDAY:
            return [day + 1 if day < length else day - 2]
        case _:
            return [day]


def _length(year: int, month: int) -> int:
    return calendar.monthrange(year, month)[1]
