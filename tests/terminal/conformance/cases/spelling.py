"""Sequences as few programs write them: with numbers too many, none, or 0, and in origin mode
(ECMA-48, DEC STD 070, and what xterm makes of them)."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_AT = "\x1b[3;5H"
_SURPLUS = {
    "CUF": ("\x1b[10;3C", (10, 0)),
    "CUF and an empty one": ("\x1b[10;C", (10, 0)),
    "CUF of none": ("\x1b[;3C", (1, 0)),
    "CUU": (f"{_AT}\x1b[1;9A", (4, 1)),
    "CUD": (f"{_AT}\x1b[2;9;9B", (4, 4)),
    "CUB": (f"{_AT}\x1b[2;1D", (2, 2)),
    "CNL": (f"{_AT}\x1b[2;1E", (0, 4)),
    "CPL": (f"{_AT}\x1b[1;1F", (0, 1)),
    "CHA": (f"{_AT}\x1b[9;1G", (8, 2)),
    "HPA": (f"{_AT}\x1b[9;1`", (8, 2)),
    "HPR": (f"{_AT}\x1b[2;1a", (6, 2)),
    "VPA": (f"{_AT}\x1b[2;1d", (4, 1)),
    "VPR": (f"{_AT}\x1b[2;1e", (4, 4)),
    "CUP": ("\x1b[2;3;4H", (2, 1)),
    "HVP": ("\x1b[2;3;4f", (2, 1)),
    "CHT": ("\x1b[1;1I", (8, 0)),
    "CBT": ("\x1b[1;20H\x1b[1;1Z", (16, 0)),
    "REP": ("a\x1b[3;2b", (4, 0)),
}
_EDITED = {
    "ICH": ("abc\r\x1b[2;1@", ("  abc",)),
    "DCH": ("abc\r\x1b[2;1P", ("c",)),
    "ECH": ("abc\r\x1b[2;1X", ("  c",)),
    "ED": ("abc\x1b[2;1J", ()),
    "EL": ("abc\r\x1b[0;1K", ()),
    "IL": ("a\r\x1b[1;2L", ("", "a")),
    "DL": ("\na\x1b[1;1H\x1b[1;2M", ("a",)),
    "SU": ("\na\x1b[1;2S", ("a",)),
    "DECSTBM": ("\x1b[2;3;4r\na\nb\nc", ("", " b", "  c")),
    "DSR": ("\x1b[6;1n", None),
}
_DEFAULTS = {
    "CUF": ("\x1b[0C", (1, 0)),
    "CUU": (f"{_AT}\x1b[00A", (4, 1)),
    "CUD": (f"{_AT}\x1b[0B", (4, 3)),
    "CUB": (f"{_AT}\x1b[0D", (3, 2)),
    "REP": ("a\x1b[0b", (2, 0)),
    "CHT": ("\x1b[0I", (8, 0)),
    "CBT": ("\x1b[1;20H\x1b[0Z", (16, 0)),
}
_ORIGIN = "\x1b[?69h\x1b[3;9s\x1b[2;4r\x1b[?6h"
_IN_ORIGIN_MODE = {
    "CHA": (f"{_ORIGIN}\x1b[2;2H\x1b[4G", (5, 2)),
    "CHA of none": (f"{_ORIGIN}\x1b[2;2H\x1b[G", (2, 2)),
    "CHA beyond the margin": (f"{_ORIGIN}\x1b[2;2H\x1b[99G", (8, 2)),
    "HPA": (f"{_ORIGIN}\x1b[2;2H\x1b[4`", (5, 2)),
    "HPR": (f"{_ORIGIN}\x1b[2;2H\x1b[2a", (5, 2)),
    "VPA": (f"{_ORIGIN}\x1b[2;2H\x1b[3d", (3, 3)),
    "VPA of none": (f"{_ORIGIN}\x1b[2;2H\x1b[d", (3, 1)),
    "VPA beyond the margin": (f"{_ORIGIN}\x1b[2;2H\x1b[99d", (3, 3)),
    "VPR": (f"{_ORIGIN}\x1b[1;2H\x1b[e", (3, 2)),
    "surplus CHA": (f"{_ORIGIN}\x1b[2;2H\x1b[4;1G", (5, 2)),
    "CHA after it": (f"{_ORIGIN}\x1b[?6l\x1b[4G", (3, 0)),
    "CHA after RIS": (f"{_ORIGIN}\x1bc\x1b[4G", (3, 0)),
    "CHA after DECRC": (f"{_ORIGIN}\x1b7\x1b[?6l\x1b8\x1b[2;2H\x1b[4G", (5, 2)),
}
_COLUMNS = {
    "40 and 3": "\x1b[?40h\x1b[?3h",
    "3 among others": "\x1b[?40h\x1b[?7;3h",
    "both at once": "\x1b[?40;3h",
    "reset": "\x1b[?40h\x1b[?3l",
    "restored": "\x1b[?40h\x1b[?3s\x1b[?3r",
    "with zeros": "\x1b[?040h\x1b[?003h",
}

CASES = (
    *(Case(f"surplus: {name}", data, None, at) for name, (data, at) in _SURPLUS.items()),
    *(Case(f"surplus: {name}", data, shown) for name, (data, shown) in _EDITED.items()),
    Case("surplus: DSR is answered", "\x1b[6;1n", replies="\x1b[1;1R"),
    Case("surplus: TBC", "\x1b[1;9H\x1b[0;3g\r\t", cursor=(16, 0)),
    *(Case(f"explicit 0: {name}", data, None, at) for name, (data, at) in _DEFAULTS.items()),
    Case("explicit 0: IL", "a\r\x1b[0L", ("", "a")),
    Case("explicit 0: DL", "\na\x1b[1;1H\x1b[0M", ("a",)),
    Case("explicit 0: ICH", "abc\r\x1b[0@", (" abc",)),
    Case("explicit 0: DCH", "abc\r\x1b[0P", ("bc",)),
    Case("explicit 0: ECH", "abc\r\x1b[0X", (" bc",)),
    Case("explicit 0: SU", "\na\x1b[0S", ("a",)),
    *(Case(f"origin mode: {name}", data, None, at) for name, (data, at) in _IN_ORIGIN_MODE.items()),
    *(
        Case(f"no 132 columns: {name}", f"abc{data}\x1b[99C", ("abc",), (19, 0))
        for name, data in _COLUMNS.items()
    ),
    Case("modes beside DECCOLM", "\x1b[?3;25l\x1b[?25$p", replies="\x1b[?25;2$y"),
    Case("line drawing and wide", "\x1b(0q漢q", ("─漢─",), (4, 0)),
    Case("line drawing and a letter", "\x1b(0qéqя", ("─é─я",), (4, 0)),
    Case("line drawing and a mark", "\x1b(0qe\u0301q", ("─\u240a\u0301─",), (3, 0)),
    Case("line drawing and a flag", "\x1b(0q\U0001f1eb\U0001f1f7q", ("─\U0001f1eb\U0001f1f7─",)),
    Case("British and wide", "\x1b(A#漢#", ("£漢£",), (4, 0)),
    Case("line drawing in G1", "\x1b)0\x0eq漢q\x0f漢q", ("─漢─漢q",)),
    Case("line drawing in G2", "\x1b*0\x1bnq漢q", ("─漢─",)),
    Case("line drawing and a title", "\x1b(0\x1b]2;漢é\x07q", ("─",), title="漢é"),
    Case("line drawing after RIS", "\x1b(0\x1bcq漢", ("q漢",)),
    Case("DECREQTPARM", "\x1b[x\x1b[0x", replies="\x1b[2;1;1;128;128;1;0x" * 2),
    Case("DECREQTPARM 1", "\x1b[1x", replies="\x1b[3;1;1;128;128;1;0x"),
    Case("DECREQTPARM 2", "\x1b[2x", replies=""),
    Case("DECXCPR in origin mode", f"{_ORIGIN}\x1b[2;2H\x1b[?6n", replies="\x1b[?2;2R"),
)
