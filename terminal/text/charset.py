"""Character sets of hosts that do not speak UTF-8: conversion from and to UTF-8.

A terminal engine reads only UTF-8, so output is decoded before it. Every set here has ASCII in its
first 128 places, and no second byte of a character is a control, so that escape sequences pass
unchanged. The ISO 8859 sets keep the controls of the upper half (C1), which all others lack.
"""

from __future__ import annotations

import codecs
import re
from encodings.aliases import aliases

from guacr.errors import BadRequestError, shorten
from terminal.text.charset_cells import TwoCells

_ISO = {f"iso8859_{part}" for part in (*range(1, 12), *range(13, 17))}
_DOS = {
    f"cp{page}"
    for page in (437, 720, 737, 775, 850, 852, 855, 857, 858, 860, 861, 862, 863, 865, 866, 869)
}
_WIDE = {"cp932", "cp949", "cp950", "big5hkscs", "euc_jp", "gbk", "gb18030"}
_EIGHT_BITS = {f"cp{page}" for page in (874, *range(1250, 1259))} | {
    "koi8_r", "koi8_u", "koi8_t", "kz1048", "mac_roman", "tis_620", "hp_roman8",
}  # fmt: skip
_SUPERSETS = {
    "big5": "cp950", "euc_kr": "cp949", "gb2312": "gbk", "shift_jis": "cp932",
    "windows_31j": "cp932", "latin_1": "iso8859_1",
}  # fmt: skip
"""The larger set that hosts mean when they name the smaller one."""
_UTF_8 = {"", "utf8"}

NAMES = (
    "utf-8, iso-8859-1 to iso-8859-16, windows-1250 to windows-1258, koi8-r, koi8-u, gbk, gb18030, "
    "big5, big5-hkscs, shift_jis, euc-jp, euc-kr, cp437, cp850 and other code pages of DOS, "
    "tis-620, mac-roman, hp-roman8"
)

_PLACES = dict(
    zip(
        "\x01\x02\x03\x04\x06\x10\x12\x14\x15\x16\x17\x19\x1c\x1d\x1e\x1f\x7f",
        "☺☻♥♦♠►↕¶§▬↨↓∟↔▲▼⌂",
        strict=True,
    )
)
"""The characters that DOS shows for codes that do not control a terminal."""
_DOS_CODES = re.compile(f"[{''.join(_PLACES)}]")
_C1 = re.compile("[\x80-\x9f]")
_SGR = re.compile(rb"(\x1b\[[0-9;]{0,40}m)")
_SGR_BEGUN = re.compile(rb"\x1b(?:\[[0-9;]{0,40})?\Z")


class Charset:
    """One character set; see `charset_named`."""

    __slots__ = ("codec", "has_c1", "is_dos", "is_wide", "name")

    def __init__(self, name: str, codec: str) -> None:
        self.name = name
        """The name as it was given."""
        self.codec = codec
        """Python's name for the codec."""
        self.has_c1 = codec in _ISO
        """True if the bytes 0x80 to 0x9F are controls."""
        self.is_dos = codec in _DOS
        self.is_wide = codec in _WIDE
        """True if every two-byte character takes two cells."""

    def decode(self, data: bytes) -> str:
        """Decode a complete text from the host; invalid bytes become U+FFFD."""
        return data.decode(self.codec, "replace")

    def encode(self, text: str) -> bytes:
        """Encode a text for the host.

        Raises:
            UnicodeEncodeError: the set lacks one of its characters.
        """
        return text.encode(self.codec)

    def decoder(self) -> codecs.IncrementalDecoder:
        """A decoder for text that arrives in parts."""
        return codecs.getincrementaldecoder(self.codec)("replace")


class OutputDecoder:
    """Converts a host's output, cut anywhere, for an engine: UTF-8, with C1 as escape sequences."""

    __slots__ = ("_cells", "_charset", "_decoder", "_held")

    def __init__(self, charset: Charset) -> None:
        self._charset = charset
        self._decoder = charset.decoder()
        self._cells = TwoCells(charset.codec) if charset.is_wide else None
        self._held = b""
        """A sequence that began within a character."""

    def take(self, data: bytes) -> bytes:
        """Convert more output; the first byte of a character waits for its second."""
        charset = self._charset
        if self._cells is not None:
            text = self._cells.take(self._around_colours(data))
        else:
            text = self._decoder.decode(data)
            if charset.is_dos:
                text = _DOS_CODES.sub(lambda match: _PLACES[match[0]], text)
        if charset.has_c1:
            return _C1.sub(_escaped, text).encode()
        return _C1.sub("\N{REPLACEMENT CHARACTER}", text).encode()

    def finish(self) -> bytes:
        """Return the incomplete input at the end of the output."""
        rest, self._held = self._held, b""
        return self._decoder.decode(rest, True).encode()

    def _around_colours(self, data: bytes) -> str:
        """Move a colour change between the two bytes of a character before the character."""
        *parts, last = _SGR.split(self._held + data)
        self._held = b""
        texts = []
        for place, part in enumerate(parts):
            texts.append(part.decode("ascii") if place % 2 else self._decoder.decode(part))
        begun = _SGR_BEGUN.search(last)
        end = begun.start() if begun else len(last)
        texts.append(self._decoder.decode(last[:end]))
        if self._decoder.getstate()[0]:
            self._held = last[end:]
        else:
            texts.append(last[end:].decode("ascii"))
        return "".join(texts)


def charset_named(name: str) -> Charset | None:
    """The character set with a name, regardless of case and hyphens; None for UTF-8.

    Raises:
        BadRequestError: the name is unknown; the message lists the supported ones.
    """
    plain = _plain(name)
    if plain in _UTF_8:
        return None
    codec = _CODECS.get(plain)
    if codec is None:
        raise BadRequestError(f"parameter encoding must be one of {NAMES}, not {shorten(name)}")
    return Charset(name.strip(), codec)


def _plain(name: str) -> str:
    bare = re.sub("[-_ .]", "", name.strip().lower())
    return re.sub(r"^(?:windows|win|ibm|dos)(?=\d)", "cp", bare)


def _known() -> dict[str, str]:
    """Codecs by simplified name, including Python's aliases."""
    codecs_here = _ISO | _DOS | _WIDE | _EIGHT_BITS
    found = {_plain(codec): codec for codec in codecs_here}
    for alias, codec in [*aliases.items(), *((codec, codec) for codec in _SUPERSETS)]:
        codec = _SUPERSETS.get(codec, codec)
        if codec in codecs_here:
            found.setdefault(_plain(alias), codec)
    return found


def _escaped(control: re.Match[str]) -> str:
    return f"\x1b{chr(ord(control[0]) - 0x40)}"


_CODECS = _known()
