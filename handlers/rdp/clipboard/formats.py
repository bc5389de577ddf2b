"""The formats of Windows' clipboard, and the mimetypes that they correspond to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from handlers.clipboard import html, images
from handlers.clipboard.images import ImageError
from handlers.rdp.clipboard import file_list, text
from handlers.rdp.clipboard.file_list import Tree
from handlers.rdp.clipboard.text import CF_TEXT, CF_UNICODETEXT, TooLongError

TEXT, HTML, PNG = "text/plain", "text/html", "image/png"
TYPES = (TEXT, HTML, PNG)
FILES = "files"
"""The type that stands for a list of files, which users see as a folder."""
CF_DIB, CF_DIBV5 = 8, 17
HTML_NAME, PNG_NAME = "HTML Format", "PNG"
HTML_NUMBER, PNG_NUMBER = 0xD010, 0xD011
"""The client's own numbers for formats with names."""
PADDING = bytes(14)
"""Follows a bitmap for a host: xrdp 0.9 cuts off as many bytes as a file header has."""
SMALL = 1 << 14
"""Bytes of a text that is converted at once, and not on a thread."""
HEADERS = 1 << 16
"""Bytes of HTML on a host in addition to those that users get."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A format of a host that is requested.

    Args:
        mimetype: what users get, or `FILES`.
        kind: the number of the format on the host.
        size_max: bytes that are received.
        decode: returns what users get, of what has been received; it is empty if there is nothing,
            a tree for `FILES`, and raises `TooLongError` or `ImageError`.
    """

    mimetype: str
    kind: int
    size_max: int
    decode: Callable[[bytes], bytes | Tree]


def wanted_of(
    formats: Mapping[str, int], types: Iterable[str], limit: int, line_ends: str
) -> list[Wanted]:
    """Return what to request of what has been copied on a host, in this order. An image is only
    requested if there is no text, since programs copy a picture of the text as well.

    Args:
        formats: the host's formats by name.
        types: the mimetypes that users accept.
        limit: bytes of the clipboard.
        line_ends: the parameter normalize-clipboard.
    """
    found: list[Wanted] = []
    kind = next((kind for kind in text.FORMATS if str(kind) in formats), None)
    if kind is not None and TEXT in types:
        decode = partial(_decode_text, kind=kind, line_ends=line_ends, limit=limit)
        found.append(Wanted(TEXT, kind, text.largest(limit) + 1, decode))
    if HTML_NAME in formats and HTML in types:
        decode = partial(html.decode, limit=limit)
        found.append(Wanted(HTML, formats[HTML_NAME], limit + HEADERS, decode))
    if file_list.NAME in formats and FILES in types:
        found.append(Wanted(FILES, formats[file_list.NAME], file_list.SIZE_MAX, _files))
    if found or PNG not in types:
        return found
    if PNG_NAME in formats:
        decode = partial(_checked, limit=limit)
        return [Wanted(PNG, formats[PNG_NAME], limit + 1, decode)]
    kind = next((kind for kind in (CF_DIB, CF_DIBV5) if str(kind) in formats), None)
    if kind is not None:
        decode = partial(_from_bitmap, limit=limit)
        return [Wanted(PNG, kind, images.BITMAP_MAX, decode)]
    return []


def offered(types: Iterable[str]) -> dict[str, int]:
    """Return the formats in which a host is offered what users have copied."""
    found: dict[str, int] = {}
    for mimetype in types:
        found |= _OFFERED.get(mimetype, {})
    return found


def encode(contents: Mapping[str, bytes], kind: int, line_ends: str) -> bytes | None:
    """Return what users have copied in a format of `offered`; None if there is none. It takes a
    second for images, and may run on any thread."""
    if kind in text.FORMATS:
        return text.encode(contents[TEXT], kind, line_ends) if contents.get(TEXT) else None
    if kind == HTML_NUMBER:
        return html.encode(contents[HTML]) if contents.get(HTML) else None
    if kind == PNG_NUMBER:
        return contents.get(PNG)
    if kind == CF_DIB and PNG in contents:
        try:
            return images.to_bitmap(contents[PNG]) + PADDING
        except ImageError:
            return None
    return None


def is_slow(contents: Mapping[str, bytes], kind: int) -> bool:
    """Return whether `encode` should run on a thread."""
    return kind == CF_DIB or any(len(contents.get(mimetype, b"")) > SMALL for mimetype in _TEXTS)


_TEXTS = (TEXT, HTML)
_OFFERED: dict[str, dict[str, int]] = {
    TEXT: {str(CF_UNICODETEXT): CF_UNICODETEXT, str(CF_TEXT): CF_TEXT},
    HTML: {HTML_NAME: HTML_NUMBER},
    PNG: {PNG_NAME: PNG_NUMBER, str(CF_DIB): CF_DIB},
}


def _files(data: bytes) -> Tree:
    return Tree(file_list.parse(data))


def _decode_text(data: bytes, *, kind: int, line_ends: str, limit: int) -> bytes:
    return text.decode(data, kind, line_ends, limit)


def _checked(data: bytes, *, limit: int) -> bytes:
    if len(data) > limit:
        raise TooLongError
    return images.checked(data)


def _from_bitmap(data: bytes, *, limit: int) -> bytes:
    png = images.from_bitmap(data)
    if len(png) > limit:
        raise TooLongError
    return png
