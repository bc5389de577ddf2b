"""HTTP as far as a WebSocket is opened with it (RFC 9112, RFC 6455 4.1), without I/O."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

HEAD_END, LINE_END = b"\r\n\r\n", b"\r\n"
HEADERS_MAX = 128
"""Lines in the head of an answer."""
SWITCHED = 101
_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of WebSocket (RFC 6455 1.3)."""
_TEXT = "latin-1"


class HttpError(Exception):
    """The bytes are not those of an answer, or exceed a limit."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The head of an answer."""

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in small letters, and values."""

    def values(self, name: str) -> list[str]:
        """Return what the headers of a name contain, which are separated by commas."""
        found = (value for known, value in self.headers if known == name)
        return [part.strip() for value in found for part in value.split(",")]

    def has(self, name: str, value: str) -> bool:
        """Return whether the headers of a name contain a value, in letters of any case."""
        return value in (each.lower() for each in self.values(name))

    @property
    def is_chunked(self) -> bool:
        """True if the body consists of chunks."""
        return self.has("transfer-encoding", "chunked")

    @property
    def size(self) -> int | None:
        """The bytes of the body; None if it ends with the connection.

        Raises:
            HttpError: it is not stated as a number.
        """
        stated = self.values("content-length")
        if not stated:
            return None
        if len(set(stated)) > 1 or not stated[0].isascii() or not stated[0].isdigit():
            raise HttpError("an answer does not state its size")
        return int(stated[0][:10])

    def accepts(self, key: str) -> bool:
        """Return whether this opens the WebSocket that was requested with a key."""
        proof = base64.b64encode(hashlib.sha1(key.encode() + _KEY).digest()).decode()  # noqa: S324
        is_upgraded = self.has("upgrade", "websocket") and self.has("connection", "upgrade")
        return is_upgraded and self.values("sec-websocket-accept") == [proof]


def request(method: str, path: str, headers: Iterable[tuple[str, str]]) -> bytes:
    """Return a request without a body. The values are printable texts."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode(_TEXT, "replace")


def parse(head: bytes) -> Answer:
    """Return the head of an answer, of which the last bytes are `HEAD_END`.

    Raises:
        HttpError: it is invalid.
    """
    first, *lines = head.removesuffix(HEAD_END).decode(_TEXT).split("\r\n")
    version, _, rest = first.partition(" ")
    status = rest[:3]
    if version not in ("HTTP/1.1", "HTTP/1.0") or not status.isascii() or not status.isdigit():
        raise HttpError("an answer does not begin with an HTTP status")
    if len(lines) > HEADERS_MAX:
        raise HttpError(f"an answer has more than {HEADERS_MAX} headers")
    return Answer(int(status), tuple(map(_header, lines)))


def _header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise HttpError("a header has no value")
    return name.lower(), value.strip()


def chunk_size(line: bytes) -> int:
    """Return the bytes of a chunk, of which this is the first line.

    Raises:
        HttpError: it is invalid.
    """
    try:
        return int(line.partition(b";")[0].strip()[:8], 16)
    except ValueError:
        raise HttpError("a chunk does not state its size") from None
