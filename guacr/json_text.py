"""JSON of a peer's: a value, or one kind of error, whatever is wrong with the text.

`json.loads` alone raises RecursionError as well, takes NaN and the halves of surrogate pairs, and
guesses encodings; what it returns may be nested so deeply that nothing else can handle it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, NoReturn

NESTING_MAX = 64
"""Arrays and objects within one another."""


class JsonError(ValueError):
    """The text is not JSON, or no value of it can be used."""


def parse_json(text: bytes | str) -> Any:
    """The value that a text, or its UTF-8, stands for (RFC 8259).

    Raises:
        JsonError: it stands for none; no text of the peer's is in the message.
    """
    try:
        plain = text.decode() if isinstance(text, bytes) else text
        value = json.loads(plain, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise JsonError("this is not JSON") from None
    _check(value)
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


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
    """Those of the values that hold others; texts are looked at on the way."""
    found = []
    for value in values:
        if isinstance(value, str):
            try:
                value.encode()
            except UnicodeEncodeError:
                raise JsonError("this JSON holds half a character") from None
        elif isinstance(value, list | dict):
            found.append(value)
    return found
