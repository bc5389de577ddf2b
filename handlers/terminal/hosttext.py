"""Between the text of people and terminal, which is UTF-8, and the bytes of a host."""

from __future__ import annotations

import codecs
import re

from guacr.errors import BadRequestError
from terminal.charset import Charset, OutputDecoder, charset_named

_MOUSE = re.compile(rb"(?:\x1b\[M.{3})+", re.DOTALL)
"""Reports of the mouse, whose coordinates are bytes and no characters."""


class HostText:
    """What the parameter `encoding` asks for; for UTF-8 everything passes as it is.

    Raises:
        BadRequestError: there is no such character set.
    """

    __slots__ = ("_charset", "_output")

    def __init__(self, encoding: str = "") -> None:
        self._charset: Charset | None = charset_named(encoding)
        self._output = OutputDecoder(self._charset) if self._charset else None

    @property
    def charset(self) -> Charset | None:
        """None for UTF-8."""
        return self._charset

    def shown(self, output: bytes) -> bytes:
        """Output of the host's, cut anywhere, for the terminal."""
        return output if self._output is None else self._output.take(output)

    def rest(self) -> bytes:
        """What has been held back of the output, which has ended."""
        return b"" if self._output is None else self._output.finish()

    def decoder(self) -> codecs.IncrementalDecoder:
        """For a text of the host's that comes in parts."""
        if self._charset is not None:
            return self._charset.decoder()
        return codecs.getincrementaldecoder("utf-8")("replace")

    def decode(self, data: bytes) -> str:
        """A whole text of the host's."""
        return self._charset.decode(data) if self._charset else data.decode(errors="replace")

    def encode(self, text: str, what: str = "this") -> bytes:
        """A text for the host, none of which is replaced.

        Raises:
            BadRequestError: the host's character set lacks one of its characters; `what` is the
                subject of the sentence, which does not hold them.
        """
        if self._charset is None:
            return text.encode(errors="replace")
        try:
            return self._charset.encode(text)
        except UnicodeEncodeError:
            raise BadRequestError(
                f"{what} has a character that {self._charset.name} does not have: the host can "
                "take no text with it (parameter encoding)"
            ) from None

    def typed(self, data: bytes) -> bytes:
        """What the terminal makes of keys, pastes and queries, in UTF-8, for the host.

        Raises:
            BadRequestError: see `encode`.
        """
        if self._charset is None or data.isascii() or _MOUSE.fullmatch(data):
            return data
        return self.encode(data.decode(errors="replace"), "what was typed or pasted")
