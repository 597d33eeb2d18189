"""Validation of component arguments: every message names the class, the field and the valid values."""

import re
from collections.abc import Collection, Iterable
from typing import Any

import pulumi

# The retention periods that CloudWatch Logs accepts.
LOG_RETENTION_DAYS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip

HOST_NAME = re.compile(r"([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
# Only a message can prove that the address exists.
MAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class ArgumentError(ValueError):
    """An argument that AWS or the component does not allow. `field` is the argument's name."""

    def __init__(self, arguments: object, field: str, problem: str) -> None:
        super().__init__(f"{type(arguments).__name__}.{field}: {problem}")
        self.field = field


def is_plain(value: object) -> bool:
    """Return whether the value is known while the program runs. Outputs are not: AWS validates them at deployment."""
    return value is not None and not isinstance(value, pulumi.Output)


def check(arguments: object, field: str, holds: bool, problem: str) -> None:
    """Validate a condition; `problem` is the rest of the message and begins with "must".

    Raises:
        ArgumentError: The condition does not hold.
    """
    if not holds:
        raise ArgumentError(arguments, field, problem)


def check_range(arguments: object, field: str, low: int, high: int) -> None:
    """Validate that the field, if it is plain, is an integer from `low` to `high`, both included.

    Raises:
        ArgumentError: The value is outside the range or not an integer.
    """
    value: Any = getattr(arguments, field)
    if is_plain(value):
        whole = isinstance(value, int) and not isinstance(value, bool)
        check(arguments, field, whole and low <= value <= high, f"must be from {low} to {high}, not {value!r}")


def check_choice(arguments: object, field: str, choices: Collection[object]) -> None:
    """Validate that the field, if it is plain, is one of `choices`.

    Raises:
        ArgumentError: The value is not one of them.
    """
    value: Any = getattr(arguments, field)
    if is_plain(value):
        listed = ", ".join(str(choice) for choice in choices)
        check(arguments, field, value in choices, f"must be one of {listed}, not {value!r}")


def check_unique(arguments: object, field: str, values: Iterable[object]) -> None:
    """Validate that no value occurs twice: child resources are named after the values, and names are unique.

    Raises:
        ArgumentError: A value is repeated.
    """
    listed = list(values)
    twice = sorted({str(value) for value in listed if listed.count(value) > 1})
    check(arguments, field, not twice, f"must not repeat {', '.join(twice)}")
