"""Format values like SQL*Plus and SQLcl, with Oracle's default formats."""

from __future__ import annotations

import array
import datetime
import json
import math

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_SPECIAL = {math.inf: "Infinity", -math.inf: "-Infinity"}
_CHANGES = {"insert": "created", "update": "updated", "delete": "deleted", "merge": "merged"}
MICROSECONDS = 6
"""Fractional digits of Python's times; the server may have nine."""


def date(value: datetime.datetime) -> str:
    """Format a DATE as `DD-MON-RR`."""
    return f"{value.day:02}-{_MONTHS[value.month - 1]}-{value.year % 100:02}"


def timestamp(value: datetime.datetime, digits: int) -> str:
    """Format a TIMESTAMP as `DD-MON-RR HH.MI.SSXFF AM`, with its zone if known."""
    text = f"{date(value)} {value.hour % 12 or 12:02}.{value.minute:02}.{value.second:02}"
    if digits > 0:
        text += "." + f"{value.microsecond:06}"[:digits]
    text += " PM" if value.hour >= 12 else " AM"
    zone = value.strftime("%z")
    return f"{text} {zone[:3]}:{zone[3:5]}" if zone else text


def interval(value: datetime.timedelta, days: int, digits: int) -> str:
    """An INTERVAL DAY TO SECOND; `days` and `digits` are the precisions of its column."""
    sign, value = ("-", -value) if value < datetime.timedelta() else ("+", value)
    minutes, seconds = divmod(value.seconds, 60)
    fraction = "." + f"{value.microseconds:06}"[:digits] if digits > 0 else ""
    return (
        f"{sign}{value.days:0{max(days, 1)}} "
        f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}{fraction}"
    )


def years(value: tuple[int, int], digits: int) -> str:
    """An INTERVAL YEAR TO MONTH of years and months."""
    total = value[0] * 12 + value[1]
    number, months = divmod(abs(total), 12)
    return f"{'-' if total < 0 else '+'}{number:0{max(digits, 1)}}-{months:02}"


def plain(value: object) -> str | None:
    """Format a value that does not depend on its column."""
    match value:
        case None | str():
            return value
        case bool():
            return str(value).upper()
        case bytes():
            return value.hex().upper()
        case float():
            return "NaN" if math.isnan(value) else _SPECIAL.get(value, repr(value))
        case dict() | list():
            return json.dumps(value, default=plain, ensure_ascii=False)
        case array.array():
            return f"[{','.join(map(str, value))}]"
        case datetime.datetime():
            return value.isoformat()
    return str(value)


def position(statement: str, offset: int) -> int:
    """Convert the server's offset in bytes from 0 to characters from 1; 0 if unknown."""
    if offset <= 0:
        return 0
    return len(statement.encode()[:offset].decode(errors="ignore")) + 1


def affected(words: list[str], count: int, *, block: bool) -> str:
    """The message of SQL*Plus about a statement without rows."""
    if block and words[:1] != ["create"]:
        return "PL/SQL procedure successfully completed."
    if words[:1] and words[0] in _CHANGES:
        return f"{count} {'row' if count == 1 else 'rows'} {_CHANGES[words[0]]}."
    return f"{' '.join(words[:1]).capitalize()} complete."
