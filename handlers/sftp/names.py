"""The names of files: bytes on the host, text for users.

A name that is not in the host's character set is shown with a character of the private use area for
each byte above 0x7F, so that every file can be opened, renamed and deleted.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from guacr.api import BadRequestError

_BYTES = 0xEF00
"""U+EF80 to U+EFFF stand for the bytes 0x80 to 0xFF."""
_RUN = re.compile("[\uef80-\uefff]+|[^\uef80-\uefff]+")


def _utf_8(name: bytes) -> str:
    return name.decode(errors="replace")


def _as_utf_8(name: str) -> bytes:
    return name.encode(errors="replace")


class Names:
    """Converts names and paths; `decode` and `encode` are those of the host's character set."""

    __slots__ = ("_decode", "_encode")

    def __init__(
        self, decode: Callable[[bytes], str] = _utf_8, encode: Callable[[str], bytes] = _as_utf_8
    ) -> None:
        self._decode = decode
        self._encode = encode

    def decode(self, name: bytes) -> str:
        """Return a name as users see it; `encode` returns the same bytes."""
        text = self._decode(name)
        try:
            if self.encode(text) == name:
                return text
        except BadRequestError:
            pass  # U+FFFD, which the character set lacks
        return "".join(chr(byte if byte < 0x80 else _BYTES + byte) for byte in name)

    def encode(self, name: str) -> bytes:
        """Return the bytes of a name or path of a user.

        Raises:
            BadRequestError: the host's character set lacks one of its characters.
        """
        return b"".join(map(self._encode_run, _RUN.findall(name)))

    def _encode_run(self, run: str) -> bytes:
        if ord(run[0]) - _BYTES in range(0x80, 0x100):
            return bytes(ord(character) - _BYTES for character in run)
        return self._encode(run)
