"""Character sets: which there are, and what becomes of output that is cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from terminal.text.charset import OutputDecoder, charset_named

TEXTS = {
    "iso-8859-1": "naïve ÿ £5",
    "latin9": "prix: 5 €",
    "iso-8859-5": "Привет",
    "windows-1250": "příliš žluťoučký",
    "windows-1251": "Привет",
    "koi8-r": "Привет ─│┌ Ъ",
    "koi8-u": "їжак",
    "cp437": "╔══╗ ░▒▓ é",
    "cp850": "╔══╗ Ñandú",
    "cp866": "Привет ░",
    "gbk": "中文。",
    "gb2312": "中文。",
    "gb18030": "中文 😀",
    "big5": "中文 許功蓋",
    "big5-hkscs": "中文",
    "shift_jis": "日本語 ｱｲｳ 表示 ソ",
    "euc-jp": "日本語 ｱｲｳ",
    "euc-kr": "한국어",
    "tis-620": "ภาษาไทย",
}
SEQUENCES = "\x1b[1;31m\x1b]0;a title\x07\x1b(0qq\x1b(B\r\n\t\x1b[?25l\x0e\x0f\x1b[0m"


def shown(name: str, data: bytes, size: int = 0) -> str:
    charset = charset_named(name)
    assert charset is not None
    output = OutputDecoder(charset)
    pieces = [data[at : at + size] for at in range(0, len(data), size)] if size else [data]
    return (b"".join(map(output.take, pieces)) + output.finish()).decode()


@pytest.mark.parametrize(("name", "text"), TEXTS.items(), ids=TEXTS)
@pytest.mark.parametrize("size", [0, 1, 2, 3])
def test_both_ways_and_cut_anywhere(name: str, text: str, size: int) -> None:
    charset = charset_named(name)
    assert charset is not None
    whole = text + SEQUENCES + text + "\r\n" + SEQUENCES
    data = charset.encode(whole)
    assert shown(name, data, size) == whole
    assert charset.decode(charset.encode(text)) == text


PIECES = st.sampled_from(
    [b"\x1b", b"[", b"]", b"0;", b"1m", b"m", b"2J", b"\\", b"\x07", b"\x18", b"a", b"\n", b"0"]
    + [bytes([code]) for code in (0x80, 0x81, 0x8E, 0x8F, 0x95, 0x9B, 0xA1, 0xC0, 0xE4, 0xFE, 0xFF)]
)


@given(st.sampled_from(sorted(TEXTS)), st.lists(PIECES, max_size=12), st.integers(0, 30))
def test_any_bytes_are_the_same_wherever_they_are_cut(
    name: str, pieces: list[bytes], cut: int
) -> None:
    charset, data = charset_named(name), b"".join(pieces)
    assert charset is not None
    output = OutputDecoder(charset)
    parts = output.take(data[:cut]), output.take(data[cut:]), output.finish()
    assert b"".join(parts).decode() == shown(name, data) == shown(name, data, 1)


@pytest.mark.parametrize("name", ["", "utf-8", "UTF8", " utf-8 "])
def test_utf_8_needs_none(name: str) -> None:
    assert charset_named(name) is None


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("latin1", "iso-8859-1"), ("ISO_8859-1", "iso-8859-1"), ("l1", "iso-8859-1"),
        ("cp1251", "windows-1251"), ("win1251", "windows-1251"), ("KOI8R", "koi8-r"),
        ("sjis", "shift_jis"), ("Shift-JIS", "shift_jis"), ("windows-31j", "shift_jis"),
        ("ms932", "shift_jis"), ("eucJP", "euc-jp"), ("ks_c_5601-1987", "euc-kr"),
        ("ibm437", "cp437"), ("437", "cp437"), ("850", "cp850"), ("cp936", "gbk"),
    ],
)  # fmt: skip
def test_other_names(name: str, same: str) -> None:
    found, wanted = charset_named(name), charset_named(same)
    assert found is not None
    assert wanted is not None
    every = bytes(range(256))
    assert found.decode(every) == wanted.decode(every)


@pytest.mark.parametrize(
    "name",
    [
        "iso-8859-12", "iso-8859-17", "rot13", "zip", "bz2", "hex", "base64", "idna",
        "punycode", "utf-7", "utf-16", "utf-32", "iso-2022-jp", "hz", "cp037", "cp500", "cp864",
        "johab", "mbcs", "oem", "unicode_escape", "raw_unicode_escape", "undefined", "charmap",
        "os", "../koi8", "koi8\0r", "x" * 100_000, "é",
    ],
)  # fmt: skip
def test_what_is_no_character_set_here(name: str) -> None:
    with pytest.raises(BadRequestError) as raised:
        charset_named(name)
    sentence = str(raised.value)
    assert sentence.startswith("parameter encoding must be one of utf-8, iso-8859-1 to")
    assert len(sentence) < 500


def test_controls_of_eight_bits_are_sequences_in_iso_8859() -> None:
    data = b"\x9b1mbold\x9b0m\x85\x9d0;title\x9c\xa9"
    assert shown("latin1", data) == "\x1b[1mbold\x1b[0m\x1bE\x1b]0;title\x1b\\©"


@pytest.mark.parametrize("name", ["windows-1252", "koi8-r", "cp437", "gbk", "shift_jis", "euc-jp"])
def test_they_are_none_elsewhere(name: str) -> None:
    text = shown(name, bytes(range(0x80, 0xA0)) + b" ")
    assert not any("\x80" <= c < "\xa0" for c in text)
    assert "\x1b" not in text


@pytest.mark.parametrize("name", sorted({*TEXTS}))
def test_no_byte_takes_a_sequence_with_it(name: str) -> None:
    for byte in range(0x80, 0x100):
        text = shown(name, bytes([byte]) + b"\x1b[2J\r\n")
        assert text.endswith("\x1b[2J\r\n"), byte


def test_codes_that_control_a_terminal_do_so_on_dos() -> None:
    codes = "\0\5\a\b\t\n\v\f\r\x0e\x0f\x11\x13\x18\x1a\x1b"
    assert shown("cp437", codes.encode()) == codes
    assert shown("cp850", b"\1\3\x10\x1e\x7f") == "☺♥►▲⌂"
    assert shown("koi8-r", b"\1\3\x10\x1e\x7f") == "\1\3\x10\x1e\x7f"


# ---- cells


@pytest.mark.parametrize(
    ("name", "text", "wide"),
    [
        ("shift_jis", "→表", "→ 表"),
        ("shift_jis", "ｱ", "ｱ"),
        ("euc-jp", "ｱЯ", "ｱЯ "),
        ("gbk", "Привет", "П р и в е т "),
        ("big5", "┌─┐", "┌───┐ "),
        ("big5", "█▌", "███ "),
        ("shift_jis", "┏━┓", "┏━━━┓ "),
        ("gb18030", "ï😀", "ï😀"),
        ("koi8-r", "Привет", "Привет"),
    ],
)
def test_characters_of_two_bytes_have_two_cells(name: str, text: str, wide: str) -> None:
    charset = charset_named(name)
    assert charset is not None
    assert shown(name, charset.encode(text)) == wide


@pytest.mark.parametrize("end", ["\x07", "\x1b\\"])
@pytest.mark.parametrize("size", [0, 1])
def test_titles_have_no_cells(end: str, size: int) -> None:
    data = f"→\x1b]0;→{end}→".encode("shift_jis")
    assert shown("shift_jis", data, size) == f"→ \x1b]0;→{end}→ "


@pytest.mark.parametrize("size", [0, 1, 2])
def test_colours_may_change_within_a_character(size: int) -> None:
    """As bulletin boards in Big5 do it."""
    first, second = "中".encode("big5")
    data = bytes([first]) + b"\x1b[1;33m" + bytes([second]) + b"\x1b[m."
    assert shown("big5", data, size) == "\x1b[1;33m中\x1b[m."
