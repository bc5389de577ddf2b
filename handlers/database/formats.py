"""Results as files: CSV (RFC 4180), tab-separated values and JSON (RFC 8259)."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar

from guacr.errors import BadRequestError
from handlers.database.adapter import Column, Row

_QUOTED = re.compile(r'[",\r\n]')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TAB_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Format(ABC):
    """Writes one file, into which several results may go."""

    mimetype: ClassVar[str]

    @abstractmethod
    def head(self, columns: Sequence[Column]) -> str:
        """What stands before the rows of a result."""

    @abstractmethod
    def rows(self, rows: Sequence[Row]) -> str:
        """Rows of the result that began last."""

    def tail(self) -> str:
        """What ends the file."""
        return ""


class Csv(Format):
    """Comma-separated values; NULL is nothing at all, an empty text is two quotes. Results have an
    empty line between them."""

    mimetype = "text/csv"

    def __init__(self) -> None:
        self._begun = False

    def head(self, columns: Sequence[Column]) -> str:
        """See `Format.head`."""
        between = "\r\n" if self._begun else ""
        self._begun = True
        return between + ",".join(_csv_value(column.name) for column in columns) + "\r\n"

    def rows(self, rows: Sequence[Row]) -> str:
        """See `Format.rows`."""
        return "".join(",".join(map(_csv_value, row)) + "\r\n" for row in rows)


class Tsv(Format):
    r"""Tab-separated values as PostgreSQL's COPY writes them: NULL is \N, control characters are
    escaped by backslashes."""

    mimetype = "text/tab-separated-values"

    def head(self, columns: Sequence[Column]) -> str:
        """See `Format.head`."""
        return "\t".join(_tsv_value(column.name) for column in columns) + "\n"

    def rows(self, rows: Sequence[Row]) -> str:
        """See `Format.rows`."""
        return "".join("\t".join(map(_tsv_value, row)) + "\n" for row in rows)


class Json(Format):
    """One array of an object a row; numbers are numbers, and what the database calls anything
    else is a string in the form that it prints."""

    mimetype = "application/json"

    def __init__(self) -> None:
        self._begun = False
        self._names: list[str] = []
        self._numeric: list[bool] = []

    def head(self, columns: Sequence[Column]) -> str:
        """See `Format.head`."""
        self._names = [json.dumps(name, ensure_ascii=False) for name in _distinct(columns)]
        self._numeric = [column.right for column in columns]
        return ""

    def rows(self, rows: Sequence[Row]) -> str:
        """See `Format.rows`."""
        parts: list[str] = []
        for row in rows:
            parts.append(",\n{" if self._begun else "[\n{")
            self._begun = True
            pairs = zip(self._names, row, self._numeric, strict=True)
            parts.append(", ".join(f"{name}: {_json(text, num)}" for name, text, num in pairs))
            parts.append("}")
        return "".join(parts)

    def tail(self) -> str:
        """See `Format.tail`."""
        return "\n]\n" if self._begun else "[]\n"


FORMATS: dict[str, type[Format]] = {".csv": Csv, ".json": Json, ".tsv": Tsv}
"""By the ending of the file's name."""


def format_of(name: str) -> Format:
    """The format that a file's name asks for.

    Raises:
        BadRequestError: it asks for none.
    """
    found = FORMATS.get(PurePath(name).suffix.lower())
    if found is None:
        raise BadRequestError(f"name a file that ends in {', '.join(FORMATS)}: its format is that")
    return found()


def _csv_value(text: str | None) -> str:
    if text is None:
        return ""
    if text == "" or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _tsv_value(text: str | None) -> str:
    return "\\N" if text is None else text.translate(_TAB_ESCAPES)


def _json(text: str | None, numeric: bool) -> str:
    if text is None:
        return "null"
    if numeric and _NUMBER.fullmatch(text):
        return text
    return json.dumps(text, ensure_ascii=False)


def _distinct(columns: Sequence[Column]) -> list[str]:
    """The columns' names, with numbers to those that were there before."""
    names: list[str] = []
    for column in columns:
        name, number = column.name, 2
        while name in names:
            name, number = f"{column.name}_{number}", number + 1
        names.append(name)
    return names
