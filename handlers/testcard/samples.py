"""The first content of the test card's memory: texts, tables and a picture."""

from __future__ import annotations

import struct
import zlib

TEXT = """\
These files are in the memory of the session, and vanish with it.

They are for trying a client: download, upload, rename and delete them, or create folders.
Names may contain every character: ä ö ü ß 日本語 🙂
"""
ROWS = "Month;Sessions;Minutes\n" + "".join(
    f"{month:02};{month * 7 % 12 + 5};{month * 311 % 900 + 100}\n" for month in range(1, 13)
)
SIDE = 256
"""Pixels of the picture in each direction."""


def _picture() -> bytes:
    """Return a PNG (ISO/IEC 15948): red to the right, green downwards."""
    rows = (
        b"\0" + b"".join(bytes((x, y, 255 - (x + y) // 2)) for x in range(SIDE))
        for y in range(SIDE)
    )
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


SAMPLES: dict[str, bytes | None] = {
    "/About these files.txt": TEXT.encode(),
    "/Colours.png": _picture(),
    "/Reports": None,
    **{f"/Reports/{year}.csv": ROWS.encode() for year in (2024, 2025, 2026)},
}
"""Contents by path; None for directories."""
