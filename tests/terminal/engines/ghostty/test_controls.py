"""The filter in front of libghostty: sequences cut anywhere, hostile ones, and those of others."""

from __future__ import annotations

from contextlib import closing

import pytest

from terminal.engines.contents import Position
from terminal.engines.ghostty.controls import MAX_HELD
from tests.terminal.engine import Heard, lines, start

_ALL = (
    b"one\x1b]P1ff8800two\x1b]R\x1b[2;2H\x1b[42;1;1;2;9$x\x1b[1;31mab\x1b[1;1;2;4;7$r\x1b6\x1b9"
    b"\x1b[2'}\x1b[1'~\x1b[ @\x1b[ A\x1b[1;1;2;3;1;3;3;1$v\x1b[?15n\x1b[11t\x1bP$q*x\x1b\\"
    b"\x1bP+q7878\x1b\\\x1b]2;a\x07\x1b[22t\x1b]2;b\x07\x1b[23t\x1b]4;1;#123456789\x1b\\\x1b]4;1;?\x07"
    b"\x1bkc\x1b\\\x1b[!p\x1b[?6n\x1b]P1zx\x1b]P\r\n"
    b"\x1b[?40h\x1b[?3h\x1b[?69h\x1b[3;9s\x1b[2;4r\x1b[?6h\x1b[2;2H"
    b"\x1b[3;1G\x1b[2d\x1b(0q\xe6\xbc\xa2q\x1b(B\x1b[?6l\x1b[?69l\x1b[1;9H\x1b[0;1Cx\x1b[x"
    b"\x1b]8;id=1;http://a/\x07l\x1b]8;id=1;\x1b\\\x1b[5;1Hlast\xe6\xbc\xa2"
)


def _shown(parts: list[bytes]) -> tuple[list[str], bytes, list[str], bytes]:
    heard = Heard()
    with closing(start(20, 5, heard)) as emulator:
        for part in parts:
            emulator.feed(part)
        palette = emulator.update(full=True).colours.palette
        return lines(emulator), heard.replies, heard.titles, palette


def test_sequences_may_be_cut_anywhere() -> None:
    whole = _shown([_ALL])
    assert "last漢" in whole[0]
    assert whole[2] == ["a", "b", "a", "c"]
    for cut in range(1, len(_ALL)):
        assert _shown([_ALL[:cut], _ALL[cut:]]) == whole, cut
    assert _shown([bytes([byte]) for byte in _ALL]) == whole


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
@pytest.mark.parametrize("parameters", [b"", b"id=1", b"id=1:x=2", b":"])
def test_a_link_without_an_address_ends_one(parameters: bytes, end: bytes) -> None:
    data = b"\x1b]8;id=1;http://a/" + end + b"a\x1b]8;" + parameters + b";" + end + b"b"
    for cut in range(len(data)):
        with closing(start(20, 5)) as emulator:
            emulator.feed(data[:cut])
            emulator.feed(data[cut:])
            links = [emulator.hyperlink_at(Position(column, 0)) for column in (0, 1)]
            assert (lines(emulator)[0], links) == ("ab", ["http://a/", None])


@pytest.mark.parametrize(
    "string",
    [b"\x1b]0;" + b"t" * 20_000 + b"\x07", b"\x1bP$q" + b"x" * 20_000 + b"\x1b\\",
     b"\x1b]4;1;#" + b"f" * 20_000 + b"\x1b\\", b"\x1b[" + b"1;" * 20_000 + b"$x",
     b"\x1bP+q" + b"41;" * 20_000 + b"\x1b\\", b"\x1bPtmux;\x1b\x1b]2;x\x07\x1b\\"],
    ids=["title", "DECRQSS", "colour", "parameters", "XTGETTCAP", "tmux"],
)  # fmt: skip
@pytest.mark.parametrize("size", [1000, 65536])
def test_long_strings_change_nothing_that_follows(string: bytes, size: int) -> None:
    data = b"one" + string + b"\x1b[5;1Htwo"
    shown = _shown([data[at : at + size] for at in range(0, len(data), size)])
    assert shown[0][0].startswith("one")
    assert shown[0][-1].endswith("two")


def test_a_sequence_that_never_ends_is_not_kept() -> None:
    heard = Heard()
    with closing(start(20, 5, heard)) as emulator:
        for _ in range(100):
            emulator.feed(b"\x1bP$q" + b"x" * MAX_HELD)
        emulator.feed(b"\x1b\\after")
        assert lines(emulator)[0] == "after"


def test_rectangles_leave_the_viewport_and_anchors() -> None:
    with closing(start(20, 5)) as emulator:
        emulator.feed(b"\r\n".join(b"line %d" % number for number in range(50)))
        anchor = emulator.anchor(Position(0, 10))
        assert anchor is not None
        emulator.scroll_to(10)
        emulator.feed(b"\x1b[1;1;2;4;1;4;4;1$v")
        assert emulator.scrollbar.offset == 10
        assert lines(emulator)[0] == "line 10"
        assert anchor.position() == Position(0, 10)
        emulator.scroll_to_bottom()
        assert lines(emulator) == ["line 45", "line 46", "line 47", "linline", "linline"]
        anchor.close()


def test_no_status_line_takes_text_away() -> None:
    assert _shown([b"one\x1b[1$}two\x1b[0$}"])[0][0] == "onetwo"


def test_replies_to_guacrs_own_questions_are_not_the_hosts() -> None:
    assert _shown([b"\x1b[2;3r\x1b[?69h\x1b[1;1;2;2$z\x1b6"])[1] == b""
