"""HTML as Windows' clipboard has it: "HTML Format", which begins with the places of its parts
(https://learn.microsoft.com/windows/win32/dataxchg/html-clipboard-format)."""

from __future__ import annotations

import re

HEADER_MAX = 4096
"""Bytes of a header that are read."""
_PLACE = re.compile(rb"^(StartHTML|EndHTML|StartFragment|EndFragment):\s*(-?[0-9]{1,12})\s*$", re.M)
_HEADER = (
    "Version:0.9\r\nStartHTML:{:010d}\r\nEndHTML:{:010d}\r\n"
    "StartFragment:{:010d}\r\nEndFragment:{:010d}\r\n"
)
_BEGIN, _END = b"<!--StartFragment-->", b"<!--EndFragment-->"
_BEFORE, _AFTER = b"<html><body>\r\n" + _BEGIN, _END + b"\r\n</body></html>"


def encode(html: bytes) -> bytes:
    """Return HTML in UTF-8 as Windows wants it."""
    html = html.partition(b"\0")[0].decode(errors="replace").encode()
    if html.count(_BEGIN) != 1 or html.count(_END) != 1 or html.find(_BEGIN) > html.find(_END):
        html = _BEFORE + html.replace(_BEGIN, b"").replace(_END, b"") + _AFTER
    start = len(_HEADER.format(0, 0, 0, 0))
    fragment = start + html.find(_BEGIN) + len(_BEGIN)
    header = _HEADER.format(start, start + len(html), fragment, start + html.find(_END))
    return header.encode() + html + b"\0"


def decode(data: bytes, limit: int) -> bytes:
    """Return the HTML in UTF-8 of what a host has copied: the whole of it, which contains the
    styles and the table of copied cells, or the copied part if the whole has more than `limit`
    bytes. Empty if that has, too, or if there is none."""
    places = {name: int(place) for name, place in _PLACE.findall(data[:HEADER_MAX])}
    body = data[: places.get(b"EndHTML", 0)] if places.get(b"EndHTML", 0) > 0 else data
    body = body.rstrip(b"\0")
    start = places.get(b"StartHTML", -1)
    if not 0 < start < len(body):
        start = max(body.find(b"<"), 0)
    whole = _as_utf8(body[start:])
    if len(whole) <= limit:
        return whole
    part = _as_utf8(data[places.get(b"StartFragment", 0) : max(places.get(b"EndFragment", 0), 0)])
    return part if len(part) <= limit else b""


def _as_utf8(html: bytes) -> bytes:
    return html.decode(errors="replace").replace("\0", "").encode()
