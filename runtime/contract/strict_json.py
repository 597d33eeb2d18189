"""A strict JSON parser: what it accepts, Postgres can store. Independent of the web framework."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_VALUES = 20_000
# The size of Postgres' bigint; no field needs more.
MAX_INTEGER_DIGITS = 19


def parse(body: bytes) -> Any:
    """Return the value of a JSON text.

    Raises:
        json.JSONDecodeError: The text is not valid JSON, or contains duplicate keys, NaN or infinities, integers of more than 19
            digits, NUL, lone surrogates, more than 32 levels, or more than 20,000 values. The error quotes nothing of the text.
    """
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_reject_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, "", 0) from None
    except UnicodeDecodeError:
        _reject("the text is not UTF-8")
    except RecursionError:
        _reject(f"it has more than {MAX_DEPTH} levels")
    _check(value)
    return value


def _check(value: Any) -> None:
    """Check all parts of a value, without recursion: it may be nested as deeply as the parser allows."""
    pending, count = [(value, 1)], 0
    while pending:
        item, depth = pending.pop()
        count += 1
        if count > MAX_VALUES:
            _reject(f"it has more than {MAX_VALUES} values")
        if isinstance(item, str):
            _check_text(item)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                _reject(f"it has more than {MAX_DEPTH} levels")
            if isinstance(item, dict):
                for key in item:
                    _check_text(key)
            children = item.values() if isinstance(item, dict) else item
            pending.extend((child, depth + 1) for child in children)


def _check_text(text: str) -> None:
    # Postgres can store neither: its text has no NUL, and a lone surrogate has no UTF-8 encoding.
    if "\0" in text:
        _reject("a string contains NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        _reject("a string contains a lone surrogate")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        _reject(f"an integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _reject("a number is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        _reject("an object has a duplicate key")
    return members


def _reject_constant(_: str) -> NoReturn:
    _reject("NaN and Infinity are not JSON")


def _reject(reason: str) -> NoReturn:
    raise json.JSONDecodeError(reason, "", 0)
