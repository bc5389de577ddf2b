"""Erasing, inserting, scrolling and wrapping: ECMA-48, DEC STD 070, vttest's screens 1, 2 and 8."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_FILL = "1\r\n2\r\n3\r\n4\r\n5\r\n6"
_ROW = "abcdefghij"
_MID = "\x1b[1;5H"
_FULL = "abcdefghijklmnopqrst"

_ON_A_ROW = {
    "EL": ("\x1b[K", "abcd"),
    "EL 0": ("\x1b[0K", "abcd"),
    "EL 1": ("\x1b[1K", "     fghij"),
    "EL 2": ("\x1b[2K", ""),
    "EL 3 is nothing": ("\x1b[3K", _ROW),
    "DECSEL": ("\x1b[?K", "abcd"),
    "DECSEL 1": ("\x1b[?1K", "     fghij"),
    "ED": ("\x1b[J", "abcd"),
    "ED 1": ("\x1b[1J", "     fghij"),
    "ED 2": ("\x1b[2J", ""),
    "ED 3 keeps the screen": ("\x1b[3J", _ROW),
    "DECSED": ("\x1b[?J", "abcd"),
    "ECH": ("\x1b[X", "abcd fghij"),
    "ECH 3": ("\x1b[3X", "abcd   hij"),
    "ECH 99": ("\x1b[99X", "abcd"),
    "ICH": ("\x1b[@", "abcd efghij"),
    "ICH 3": ("\x1b[3@", "abcd   efghij"),
    "ICH 99": ("\x1b[99@", "abcd"),
    "DCH": ("\x1b[P", "abcdfghij"),
    "DCH 3": ("\x1b[3P", "abcdhij"),
    "DCH 99": ("\x1b[99P", "abcd"),
    "replace": ("XY", "abcdXYghij"),
    "IRM": ("\x1b[4hXY", "abcdXYefghij"),
    "IRM off": ("\x1b[4h\x1b[4lXY", "abcdXYghij"),
    "REP": ("X\x1b[3b", "abcdXXXXij"),
    "REP 1": ("X\x1b[b", "abcdXXghij"),
    "REP after a control": ("X\r\x1b[b", "XbcdXfghij"),
    "IL": ("\x1b[L", ""),
    "DL": ("\x1b[M", ""),
    "DECSTR ends IRM": ("\x1b[4h\x1b[!pX", "abcdXfghij"),
}
_ON_A_SCREEN = {
    "SU": ("\x1b[S", "23456"),
    "SU 2": ("\x1b[2S", "3456"),
    "SU 99": ("\x1b[99S", ""),
    "SD": ("\x1b[T", " 12345"),
    "SD 2": ("\x1b[2T", "  1234"),
    "SD 99": ("\x1b[99T", ""),
    "IL at the top": ("\x1b[H\x1b[L", " 12345"),
    "IL 2 in the middle": ("\x1b[3H\x1b[2L", "12  34"),
    "IL 99": ("\x1b[3H\x1b[99L", "12"),
    "DL at the top": ("\x1b[H\x1b[M", "23456"),
    "DL 2 in the middle": ("\x1b[3H\x1b[2M", "1256"),
    "DL 99": ("\x1b[3H\x1b[99M", "12"),
    "LF at the bottom": ("\n", "23456"),
    "IND at the bottom": ("\x1bD", "23456"),
    "NEL at the bottom": ("\x1bE", "23456"),
    "RI at the top": ("\x1b[H\x1bM", " 12345"),
    "ED from the middle": ("\x1b[3;1H\x1b[J", "12"),
    "ED 1 to the middle": ("\x1b[3;1H\x1b[1J", "   456"),
    "region LF": ("\x1b[2;4r\x1b[4H\n", "134 56"),
    "region LF outside": ("\x1b[2;4r\x1b[6H\n", "123456"),
    "region RI": ("\x1b[2;4r\x1b[2H\x1bM", "1 2356"),
    "region RI outside": ("\x1b[2;4r\x1b[H\x1bM", "123456"),
    "region SU": ("\x1b[2;4r\x1b[S", "134 56"),
    "region SD": ("\x1b[2;4r\x1b[T", "1 2356"),
    "region SU 99": ("\x1b[2;4r\x1b[99S", "1   56"),
    "region IL": ("\x1b[2;4r\x1b[3H\x1b[L", "12 356"),
    "region IL outside": ("\x1b[2;4r\x1b[5H\x1b[L", "123456"),
    "region DL": ("\x1b[2;4r\x1b[3H\x1b[M", "124 56"),
    "region DL outside": ("\x1b[2;4r\x1b[H\x1b[M", "123456"),
    "region IL 99": ("\x1b[2;4r\x1b[3H\x1b[99L", "12  56"),
    "region at the top": ("\x1b[1;3r\x1b[3H\n", "23 456"),
    "region at the bottom": ("\x1b[4;6r\x1b[6H\n", "12356"),
    "region reset": ("\x1b[2;4r\x1b[r\x1b[6H\n", "23456"),
    "region reset by DECSTR": ("\x1b[2;4r\x1b[!p\x1b[6H\n", "23456"),
    "region with a default bottom": ("\x1b[5r\x1b[6H\n", "12346"),
    "region with a default top": ("\x1b[;2r\x1b[2H\n", "2 3456"),
    "DECALN ends the region": ("\x1b[2;4r\x1b#8\x1b[6H\n\x1b[H\x1b[J", ""),
    "alternate screen": ("\x1b[?1049h", ""),
    "alternate screen and back": ("\x1b[?1049hX\x1b[?1049l", "123456"),
    "47 and back": ("\x1b[?47h\x1b[HX\x1b[?47l", "123456"),
    "1047 and back": ("\x1b[?1047h\x1b[HX\x1b[?1047l", "123456"),
    "1047 is cleared on leaving": ("\x1b[?1047h\x1b[HX\x1b[?1047l\x1b[?1047h", ""),
    "1049 is cleared on entry": ("\x1b[?1049hX\x1b[?1049l\x1b[?1049h", ""),
    "1049 twice": ("\x1b[?1049h\x1b[?1049h\x1b[?1049l", "123456"),
    "leaving where one never was": ("\x1b[?1047l", "123456"),
    "RIS leaves the alternate screen": ("\x1b[?1049hX\x1bc", ""),
    "DECSC of each screen": ("\x1b[2;1H\x1b7\x1b[?47h\x1b[4H\x1b7\x1b[?47l\x1b8X", "1X3456"),
}
_WRAPS = {
    "full row": (_FULL, (_FULL,), (19, 0)),
    "wrap": (f"{_FULL}u", (_FULL, "u"), (1, 1)),
    "the last column flag survives SGR": (f"{_FULL}\x1b[1mu", (_FULL, "u"), (1, 1)),
    "CR clears it": (f"{_FULL}\ru", ("u" + _FULL[1:],), (1, 0)),
    "BS clears it": (f"{_FULL}\bX", (_FULL[:18] + "Xt",), (19, 0)),
    "CUU clears it": (f"{_FULL}\x1b[AX", (_FULL[:19] + "X",), (19, 0)),
    "CUP clears it": (f"{_FULL}\x1b[1;20HX", (_FULL[:19] + "X",), (19, 0)),
    "CUF clears it": (f"{_FULL}\x1b[CX", (_FULL[:19] + "X",), (19, 0)),
    "CUB goes back one": (f"{_FULL}\x1b[DX", (_FULL[:18] + "Xt",), (19, 0)),
    "EL clears it": (f"{_FULL}\x1b[KX", (_FULL[:19] + "X",), (19, 0)),
    "LF keeps the column": (f"{_FULL}\nX", (_FULL, " " * 19 + "X"), (19, 1)),
    "DECSC keeps it": (f"{_FULL}\x1b7\x1b[H\x1b8u", (_FULL, "u"), (1, 1)),
    "DECAWM off": (f"\x1b[?7l{_FULL}uvw", (_FULL[:19] + "w",), (19, 0)),
    "RM does not reach DECAWM": (f"\x1b[224l{_FULL}u", (_FULL, "u"), (1, 1)),
    "DECAWM off and on": (f"\x1b[?7l\x1b[?7h{_FULL}u", (_FULL, "u"), (1, 1)),
    "wrap at the bottom scrolls": (
        f"\x1b[6;1H{_FULL}u",
        ("", "", "", "", _FULL, "u"),
        (1, 5),
    ),
    "wrap in a region": (
        f"\x1b[1;2r\x1b[2;1H{_FULL}u",
        (_FULL, "u"),
        (1, 1),
    ),
    "three rows": ("x" * 45, ("x" * 20, "x" * 20, "x" * 5), (5, 2)),
    "REP wraps": ("x\x1b[24b", ("x" * 20, "x" * 5), (5, 1)),
    "a tab does not wrap": ("\x1b[1;19H\tX", (" " * 19 + "X",), (19, 0)),
    "IRM drops what passes the end": (
        f"{_FULL}\x1b[1;1H\x1b[4hX",
        ("X" + _FULL[:19],),
        (1, 0),
    ),
}


def _rows(text: str) -> tuple[str, ...]:
    return tuple(char.strip() for char in text)


CASES = (
    *(
        Case(name, f"{_ROW}{_MID}{data}", (wanted,) if name != "IL" else ("", _ROW))
        for name, (data, wanted) in _ON_A_ROW.items()
    ),
    *(Case(name, _FILL + data, _rows(wanted)) for name, (data, wanted) in _ON_A_SCREEN.items()),
    *(
        Case(f"wrap: {name}", data, wanted, cursor)
        for name, (data, wanted, cursor) in _WRAPS.items()
    ),
    Case("DECALN", "\x1b#8", ("E" * 20,) * 6),
    Case(
        "vttest 1: a frame of stars",
        "\x1b[6;1H"
        + "*" * 20
        + "\x1b[1;1H"
        + "*" * 20
        + "".join(f"\x1b[{row};1H*\x1b[{row};20H*" for row in range(2, 6)),
        ("*" * 20, *["*" + " " * 18 + "*"] * 4, "*" * 20),
    ),
    Case("vttest 1: CUB and CUF within", "a\x1b[2Cb\x1b[2Dc", ("a cb",)),
    Case("vttest 1: controls within sequences", "A B\x1b[2\bC D", ("A B  D",)),
    Case("vttest 1: CR within a sequence", "D\x1b[\r2CE", ("D E",)),
    Case("vttest 1: VT within a sequence", "A\x1b[1\vAB", ("AB",)),
    Case("vttest 1: leading zeros", "\x1b[00000000002;000000003HX", ("", "  X")),
    Case("vttest 2: origin mode", "\x1b[2;5r\x1b[?6h\x1b[1;1HX\x1b[99;1HY", ("", "X", "", "", "Y")),
    Case("vttest 8: insert mode", "AB\x1b[1;2H\x1b[4h******", ("A******B",)),
    Case("vttest 8: delete characters", "AB*****C\x1b[1;3H\x1b[5P", ("ABC",)),
)
