"""Parse JSON from a peer, with a single error for everything that can be wrong.

`json.loads` alone also raises RecursionError, accepts NaN, infinity and lone surrogates, and
guesses encodings; its result may be nested too deeply for other code.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from math import isfinite
from typing import Any, NoReturn

NESTING_MAX = 64
"""Maximum nesting of arrays and objects."""


class JsonError(ValueError):
    """The text is not JSON, or its value is not usable."""


def parse_json(text: bytes | str) -> Any:
    """Parse a text, or its UTF-8 (RFC 8259).

    Raises:
        JsonError: it is invalid; the message contains none of the peer's text.
    """
    try:
        plain = text.decode() if isinstance(text, bytes) else text
        value = json.loads(plain, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        raise JsonError("this is not JSON") from None
    _check(value)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(text)
    return number


def _check(value: Any) -> None:
    level = _containers([value])
    for _ in range(NESTING_MAX):
        if not level:
            return
        level = _containers(inner for outer in level for inner in _inner(outer))
    if level:
        raise JsonError(f"this JSON is nested more than {NESTING_MAX} deep")


def _inner(container: Any) -> Iterable[Any]:
    return container if isinstance(container, list) else [*container, *container.values()]


def _containers(values: Iterable[Any]) -> list[Any]:
    """Return the values that are containers, and check texts on the way."""
    found = []
    for value in values:
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise JsonError("this JSON contains an incomplete character") from None
        elif isinstance(value, list | dict):
            found.append(value)
    return found
