"""Fuzzes the character sets of hosts: cuts make no difference, and the terminal gets UTF-8."""

from __future__ import annotations

from handlers.terminal.hosttext import HostText
from terminal.text.charset import OutputDecoder, charset_named
from tests.fuzz.driver import main

NAMES = ("iso-8859-1", "cp437", "koi8-r", "gb18030", "big5-hkscs", "shift_jis", "euc-jp", "euc-kr")
SAMPLES = [
    bytes(range(256)), b"\x81\x30\x81\x30\x1b[31m", b"\x93\x1b[0m\xfa\x8f\xa2\xaf", b"\xa4\x40\xff",
    "日本語".encode("shift_jis"), "中文".encode("gbk"), b"\x1b[1;2", b"\x8e\xa2\x1b[7m\xa1",
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Decode `data`, whole and in parts, from each."""
    step = 1 + sum(data[:2]) % 7
    for name in NAMES:
        whole = _decode(name, [data])
        assert whole == _decode(name, [data[at : at + step] for at in range(0, len(data), step)])
        whole.decode()
        text = HostText(name)
        assert text.shown(data) + text.rest() == whole
        text.decode(data)


def _decode(name: str, parts: list[bytes]) -> bytes:
    charset = charset_named(name)
    assert charset is not None
    decoder = OutputDecoder(charset)
    return b"".join(map(decoder.take, parts)) + decoder.finish()


if __name__ == "__main__":
    main(one_input, SAMPLES)
