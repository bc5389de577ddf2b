"""Files of recordings, as other programs would write them."""

from __future__ import annotations

import struct


def ttyrec_of(*records: tuple[float, str]) -> bytes:
    """A ttyrec of seconds and what is shown then."""
    parts = []
    for seconds, text in records:
        data, milliseconds = text.encode(), round(seconds * 1000)
        header = (milliseconds // 1000, milliseconds % 1000 * 1000, len(data))
        parts.append(struct.pack("<III", *header) + data)
    return b"".join(parts)
