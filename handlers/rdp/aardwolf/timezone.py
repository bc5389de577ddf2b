"""Time zones as Windows knows them (MS-RDPBCGR 2.2.1.11.1.1.1.1)."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

NAME_UNITS = 31
"""UTF-16 units of a name."""
LAST = 5
"""The number of the last such day of a month."""
_DATE = struct.Struct("<8H")
_BIAS = struct.Struct("<i")
_NEVER = bytes(_DATE.size)
_WEEK = 7


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of the offset to UTC: when, and the offsets in minutes before and afterwards."""

    at: datetime
    before: int
    after: int

    def encode(self) -> bytes:
        """Return its local time before it, in each year: month, weekday, which one, hour."""
        local = self.at + timedelta(minutes=self.before)
        is_last = (local + timedelta(days=_WEEK)).month != local.month
        number = LAST if is_last else (local.day - 1) // _WEEK + 1
        weekday = local.isoweekday() % _WEEK
        return _DATE.pack(0, local.month, weekday, number, local.hour, local.minute, 0, 0)


def encode(name: str, year: int) -> bytes:
    """Return a TS_TIME_ZONE_INFORMATION of a zone with an IANA name, with the rules of a year; of
    UTC if the name is unknown."""
    try:
        zone = ZoneInfo(name)
    except (OSError, ValueError, LookupError):  # it may also contain anything
        name, zone = "UTC", None
    changes = [] if zone is None else _changes(zone, year)
    begin = next((change for change in changes if change.after > change.before), None)
    end = next((change for change in changes if change.after < change.before), None)
    standard = 0 if zone is None else _offset(zone, datetime(year, 1, 1, tzinfo=UTC))
    begins = ends = _NEVER
    daylight = standard
    if begin is not None and end is not None and len(changes) == 2:
        standard, daylight = begin.before, begin.after
        begins, ends = begin.encode(), end.encode()
    text = name.encode("utf-16-le")[: 2 * NAME_UNITS].ljust(2 * NAME_UNITS + 2, b"\0")
    return b"".join(
        (
            *(_BIAS.pack(-standard), text, ends, _BIAS.pack(0)),
            *(text, begins, _BIAS.pack(standard - daylight)),
        )
    )


def _changes(zone: ZoneInfo, year: int) -> list[_Change]:
    found = []
    at, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    before = _offset(zone, at)
    while at < end:
        later = at + timedelta(days=1)
        if (after := _offset(zone, later)) != before:
            low, high = at, later
            while high - low > timedelta(minutes=1):
                middle = low + (high - low) // 2
                low, high = (low, middle) if _offset(zone, middle) == after else (middle, high)
            found.append(_Change(high.replace(second=0, microsecond=0), before, after))
            before = after
        at = later
    return found


def _offset(zone: ZoneInfo, at: datetime) -> int:
    """Return the offset to UTC in minutes."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    return int(offset.total_seconds() // 60)
