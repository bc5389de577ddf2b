"""Time zones with and without daylight saving time."""

from __future__ import annotations

import struct

import pytest

from handlers.rdp.aardwolf import timezone

NEVER = (0,) * 8


@pytest.mark.parametrize(
    ("zone", "bias", "ends", "begins", "more"),
    [
        ("Europe/Berlin", -60, (0, 10, 0, 5, 3, 0, 0, 0), (0, 3, 0, 5, 2, 0, 0, 0), -60),
        ("America/New_York", 300, (0, 11, 0, 1, 2, 0, 0, 0), (0, 3, 0, 2, 2, 0, 0, 0), -60),
        ("Australia/Sydney", -600, (0, 4, 0, 1, 3, 0, 0, 0), (0, 10, 0, 1, 2, 0, 0, 0), -60),
        ("Asia/Kolkata", -330, NEVER, NEVER, 0),
        ("", 0, NEVER, NEVER, 0),
        ("Nowhere/\0", 0, NEVER, NEVER, 0),
        ("../../etc/passwd", 0, NEVER, NEVER, 0),
    ],
)
def test_zones(
    zone: str, bias: int, ends: tuple[int, ...], begins: tuple[int, ...], more: int
) -> None:
    data = timezone.encode(zone, 2026)
    assert len(data) == 172
    assert struct.unpack_from("<i", data) == (bias,)
    assert struct.unpack_from("<8Hi", data, 68) == (*ends, 0)
    assert struct.unpack_from("<8Hi", data, 152) == (*begins, more)
    name = data[4:68].decode("utf-16-le").rstrip("\0")
    assert name == (zone if bias else "UTC")
    assert data[88:152] == data[4:68]
