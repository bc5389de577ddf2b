"""Conversion between the UTF-8 text of people and terminal, and the bytes of a host."""

from __future__ import annotations

import codecs
import re

from guacr.api import BadRequestError
from terminal.text.charset import Charset, OutputDecoder, charset_named

_MOUSE = re.compile(rb"(?:\x1b\[M.{3})+", re.DOTALL)
"""Reports of the mouse, whose coordinates are bytes, not characters."""


class HostText:
    """The character set in the parameter `encoding`; UTF-8 is passed on unchanged.

    Raises:
        BadRequestError: the character set is unknown.
    """

    __slots__ = ("_charset", "_output")

    def __init__(self, encoding: str = "") -> None:
        self._charset: Charset | None = charset_named(encoding)
        self._output = OutputDecoder(self._charset) if self._charset else None

    @property
    def charset(self) -> Charset | None:
        """The host's character set; None for UTF-8."""
        return self._charset

    def shown(self, output: bytes) -> bytes:
        """Decode output of the host, cut anywhere, for the terminal."""
        return output if self._output is None else self._output.take(output)

    def rest(self) -> bytes:
        """Return the rest of the output that was held back, at its end."""
        return b"" if self._output is None else self._output.finish()

    def decoder(self) -> codecs.IncrementalDecoder:
        """Return a decoder for a text of the host that arrives in parts."""
        if self._charset is not None:
            return self._charset.decoder()
        return codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes) -> str:
        """Decode a complete text of the host."""
        return self._charset.decode(data) if self._charset else data.decode(errors="replace")

    def encode(self, text: str, what: str = "this") -> bytes:
        """Encode a text for the host, without replacing any character.

        Raises:
            BadRequestError: the host's character set lacks one of its characters; `what` is the
                subject of the sentence, which does not contain the text.
        """
        if self._charset is None:
            return text.encode(errors="replace")
        try:
            return self._charset.encode(text)
        except UnicodeEncodeError:
            raise BadRequestError(
                f"{what} has a character that {self._charset.name} does not have: the host cannot "
                "accept text that contains it (parameter encoding)"
            ) from None

    def typed(self, data: bytes) -> bytes:
        """Encode, for the host, what the terminal generates in UTF-8 from keys, pastes and queries.

        Raises:
            BadRequestError: as for `encode`.
        """
        if self._charset is None or data.isascii() or _MOUSE.fullmatch(data):
            return data
        return self.encode(data.decode(errors="replace"), "what was typed or pasted")
