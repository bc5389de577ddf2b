"""The number of cells that characters occupy: as many as the hosts' programs expect."""

from __future__ import annotations

import ctypes
import locale
import re
import unicodedata
from collections.abc import Callable, Iterator

import pytest

from terminal.engines.contents import Position, Span
from terminal.engines.ghostty.characters import FROM_LIBRARY
from terminal.engines.pyte.widths import width_of
from terminal.text.widths import EXCEPTIONS
from tests.terminal.conformance.case import ENGINES, open_engine, screen_of
from tests.terminal.engine import Heard

Wcwidth = Callable[[str], int]

FLAG = "\U0001f1eb\U0001f1f7"
STRINGS = (
    *("plain", "é", "e\u0301", "漢字", "ｶﾞ", "ガ", "한글", "\u1112\u1161\u11ab", "กำ", "น้ำ", "ไทย"),
    *("कि", "क्ष", "हिन्दी", "বাংলা", "தமிழ்", "తెలుగు", "ಕನ್ನಡ", "മലയാളം", "සිංහල", "မြန်မာ", "ខ្មែរ"),
    *(
        "⚠\ufe0f",
        "❤\ufe0f",
        "⌚\ufe0e",
        "1\ufe0f\u20e3",
        "👍\U0001f3fd",
        "👨\u200d👩\u200d👧",
        FLAG,
    ),
    *(f"{FLAG}x{FLAG}", "🏴\u200d☠\ufe0f", "🧑\U0001f3fb\u200d🚀", "☰", "㉈", "\u3164", "\u2e3a"),
    *(
        "a\u00adb",
        "a\u200bb",
        "a\u2060b",
        "±§…“”",
        "עִבְרִית",
        "العَرَبِيَّة",
        "Tiếng Viê\u0323t",
        "\ufff9a",
    ),
    *("\U00020000", "𝒜", "\ue0b0", "\U0001d306", "─│█", "⠿", "①", "½", "ﬁ", "\u302e", "་བོད"),
)


@pytest.fixture(scope="module")
def wcwidth() -> Iterator[Wcwidth]:
    """wcwidth(3) of this machine."""
    before = locale.setlocale(locale.LC_CTYPE)
    library = ctypes.CDLL(None)
    library.wcwidth.argtypes = [ctypes.c_wchar]
    locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    if library.wcwidth("☰") == 2:
        pytest.skip("the C library goes by Unicode 16")
    yield lambda char: int(library.wcwidth(char))
    locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.parametrize("name", ENGINES)
def test_the_cursor_is_where_a_program_believes_it_to_be(name: str, wcwidth: Wcwidth) -> None:
    heard = Heard()
    emulator = open_engine(name, heard, columns=80)
    for text in STRINGS:
        heard.replies = b""
        emulator.feed(f"\r{text}\x1b[6n".encode())
        assert heard.replies == b"\x1b[1;%dR" % (1 + sum(map(wcwidth, text))), text
    emulator.close()


@pytest.mark.parametrize("name", ENGINES)
def test_every_character_has_the_cells_of_wcwidth(name: str, wcwidth: Wcwidth) -> None:
    assigned = [
        chr(code)
        for code in range(0xA0, 0x110000)
        if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs", "Zl", "Zp")
    ]
    if name == "pyte":
        assert [char for char in assigned if width_of(char) != wcwidth(char)] == []
        return
    heard = Heard()
    emulator = open_engine(name, heard)
    for start in range(0, len(assigned), 1000):
        part, heard.replies = assigned[start : start + 1000], b""
        emulator.feed("".join(f"\rx{char}\x1b[6n" for char in part).encode())
        columns = [int(column) - 2 for column in re.findall(rb";(\d+)R", heard.replies)]
        assert columns == list(map(wcwidth, part))
    emulator.close()


@pytest.mark.parametrize("name", ENGINES)
def test_what_is_counted_otherwise_is_read_as_it_was_sent(name: str) -> None:
    heard = Heard()
    emulator = open_engine(name, heard, columns=400)
    text = "".join(chr(code) for code, width in EXCEPTIONS.items() if width)
    emulator.feed(f"{text}\x1b]2;{text[:40]}\x07\x1b]8;;http://{FLAG}/\x07x".encode())
    assert screen_of(emulator)[0] == f"{text}x"
    assert emulator.text(Span(Position(0, 0), Position(399, 0))) == f"{text}x"
    assert heard.titles == [text[:40]]
    cells = sum(EXCEPTIONS.values())
    assert emulator.hyperlink_at(Position(cells, 0)) == f"http://{FLAG}/"
    update = emulator.update(full=True)
    assert [chr(code) for code in update.codes[0].tolist() if code] == [*text, "x"]
    search = emulator.search(text[-3:])
    while not search.step():
        pass
    assert search.total == 1
    search.close()
    emulator.close()


@pytest.mark.parametrize("name", ENGINES)
def test_characters_may_be_cut_anywhere(name: str) -> None:
    data = f"a{FLAG}漢☰\x1b]2;{FLAG}\x07㉈é".encode()
    for cut in range(1, len(data)):
        heard = Heard()
        emulator = open_engine(name, heard)
        emulator.feed(data[:cut])
        emulator.feed(data[cut:])
        assert screen_of(emulator)[0] == f"a{FLAG}漢☰㉈é"
        assert heard.titles == [FLAG]
        emulator.close()


def test_what_stands_in_for_others_is_not_taken_from_a_host() -> None:
    emulator = open_engine("ghostty", Heard())
    emulator.feed(f"{chr(min(FROM_LIBRARY))}{chr(max(FROM_LIBRARY))}x".encode())
    assert screen_of(emulator)[0] == "\ufffd\ufffdx"
    emulator.close()
