"""Results as files: CSV (RFC 4180), tab-separated values and JSON (RFC 8259)."""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import PurePath
from typing import ClassVar

from typing_extensions import override

from guacr.api import BadRequestError
from handlers.database.adapter import Column, Row

_QUOTED = re.compile(r'[",\r\n]')
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?")
_TAB_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class Format(ABC):
    """Formats a file of one or more results."""

    mimetype: ClassVar[str]

    @abstractmethod
    def head(self, columns: Sequence[Column]) -> str:
        """The text before the rows of a result."""

    @abstractmethod
    def rows(self, rows: Sequence[Row]) -> str:
        """The text of rows of the current result."""

    def tail(self) -> str:
        """The text at the end of the file."""
        return ""


class Csv(Format):
    """Comma-separated values; NULL is an empty field, an empty text is two quotes. Results are
    separated by an empty line."""

    mimetype = "text/csv"

    def __init__(self) -> None:
        self._begun = False

    @override
    def head(self, columns: Sequence[Column]) -> str:
        between = "\r\n" if self._begun else ""
        self._begun = True
        return between + ",".join(_csv_value(column.name) for column in columns) + "\r\n"

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        return "".join(",".join(map(_csv_value, row)) + "\r\n" for row in rows)


class Tsv(Format):
    r"""Tab-separated values in the format of PostgreSQL's COPY: NULL is \N, control characters are
    escaped with backslashes."""

    mimetype = "text/tab-separated-values"

    @override
    def head(self, columns: Sequence[Column]) -> str:
        return "\t".join(_tsv_value(column.name) for column in columns) + "\n"

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        return "".join("\t".join(map(_tsv_value, row)) + "\n" for row in rows)


class Json(Format):
    """An array with one object per row; numbers are numbers, everything else is a string as printed
    by the database."""

    mimetype = "application/json"

    def __init__(self) -> None:
        self._begun = False
        self._names: list[str] = []
        self._numeric: list[bool] = []

    @override
    def head(self, columns: Sequence[Column]) -> str:
        self._names = [json.dumps(name, ensure_ascii=False) for name in _distinct(columns)]
        self._numeric = [column.right for column in columns]
        return ""

    @override
    def rows(self, rows: Sequence[Row]) -> str:
        parts: list[str] = []
        for row in rows:
            parts.append(",\n{" if self._begun else "[\n{")
            self._begun = True
            pairs = zip(self._names, row, self._numeric, strict=True)
            parts.append(", ".join(f"{name}: {_json(text, num)}" for name, text, num in pairs))
            parts.append("}")
        return "".join(parts)

    @override
    def tail(self) -> str:
        return "\n]\n" if self._begun else "[]\n"


FORMATS: dict[str, type[Format]] = {".csv": Csv, ".json": Json, ".tsv": Tsv}
"""Formats by file name ending."""


def format_of(name: str) -> Format:
    """The format for a file name.

    Raises:
        BadRequestError: the ending is unknown.
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
    """The names of the columns, with numbers appended to duplicates."""
    names: list[str] = []
    for column in columns:
        name, number = column.name, 2
        while name in names:
            name, number = f"{column.name}_{number}", number + 1
        names.append(name)
    return names
