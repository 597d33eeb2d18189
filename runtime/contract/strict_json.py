"""JSON in the narrow sense, so that nothing later has to fear what a parser let through. No web framework here."""

import json
import math
from typing import Any, NoReturn

MAX_DEPTH = 32
MAX_VALUES = 20_000
# What Postgres' bigint holds, and more than any field of ours takes.
MAX_INTEGER_DIGITS = 19


def parse(body: bytes) -> Any:
    """The value of a JSON text. json.JSONDecodeError, which quotes nothing of the text, for what is no JSON and for:
    duplicate keys, NaN and infinities, integers beyond 19 digits, NUL, lone surrogates, more than 32 levels or 20,000
    values."""
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(error.msg, "", 0) from None
    except UnicodeDecodeError:
        _refuse("the text is not UTF-8")
    except RecursionError:
        _refuse(f"more than {MAX_DEPTH} levels")
    _inspect(value)
    return value


def _inspect(value: Any) -> None:
    """Walks the whole value without recursion, for it may be nested as deeply as the parser could follow."""
    todo, seen = [(value, 1)], 0
    while todo:
        item, depth = todo.pop()
        seen += 1
        if seen > MAX_VALUES:
            _refuse(f"more than {MAX_VALUES} values")
        if isinstance(item, str):
            _inspect_text(item)
        elif isinstance(item, dict | list):
            if depth > MAX_DEPTH:
                _refuse(f"more than {MAX_DEPTH} levels")
            if isinstance(item, dict):
                for key in item:
                    _inspect_text(key)
            children = item.values() if isinstance(item, dict) else item
            todo.extend((child, depth + 1) for child in children)


def _inspect_text(text: str) -> None:
    # Postgres stores neither: NUL ends a string there, and half a surrogate pair has no UTF-8 form.
    if "\0" in text:
        _refuse("a string contains NUL")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        _refuse("a string contains half a surrogate pair")


def _integer(digits: str) -> int:
    if len(digits.lstrip("-")) > MAX_INTEGER_DIGITS:
        _refuse(f"an integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse("a number is too large")
    return number


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        _refuse("an object has the same key twice")
    return built


def _refuse_constant(_: str) -> NoReturn:
    _refuse("NaN and infinities are not JSON")


def _refuse(reason: str) -> NoReturn:
    raise json.JSONDecodeError(reason, "", 0)
