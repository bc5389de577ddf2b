"""Moving: ECMA-48 8.3, DEC STD 070 chapter 5, xterm's ctlseqs."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_AT = "\x1b[3;10H"
"""Column 9, row 2, from 0."""

_MOVES = (
    ("CUU", "A", {"": (9, 1), "1": (9, 1), "2": (9, 0), "99": (9, 0)}),
    ("CUD", "B", {"": (9, 3), "1": (9, 3), "3": (9, 5), "99": (9, 5)}),
    ("CUF", "C", {"": (10, 2), "1": (10, 2), "5": (14, 2), "99": (19, 2)}),
    ("CUB", "D", {"": (8, 2), "1": (8, 2), "5": (4, 2), "99": (0, 2)}),
    ("CNL", "E", {"": (0, 3), "2": (0, 4), "99": (0, 5)}),
    ("CPL", "F", {"": (0, 1), "2": (0, 0), "99": (0, 0)}),
    ("CHA", "G", {"": (0, 2), "1": (0, 2), "7": (6, 2), "99": (19, 2)}),
    ("HPA", "`", {"": (0, 2), "7": (6, 2), "99": (19, 2)}),
    ("HPR", "a", {"": (10, 2), "5": (14, 2), "99": (19, 2)}),
    ("VPA", "d", {"": (9, 0), "1": (9, 0), "4": (9, 3), "99": (9, 5)}),
    ("VPR", "e", {"": (9, 3), "2": (9, 4), "99": (9, 5)}),
    ("CHT", "I", {"": (16, 2), "2": (19, 2), "99": (19, 2)}),
    ("CBT", "Z", {"": (8, 2), "2": (0, 2), "99": (0, 2)}),
    ("HPB", "j", {"": (8, 2), "3": (6, 2)}),
    ("VPB", "k", {"": (9, 1), "2": (9, 0)}),
    ("CUP", "H", {"": (0, 0), "2": (0, 1), "2;3": (2, 1), ";3": (2, 0), "99;99": (19, 5)}),
    ("HVP", "f", {"": (0, 0), "2": (0, 1), "2;3": (2, 1), ";3": (2, 0), "99;99": (19, 5)}),
    ("CUP zero", "H", {"0;0": (0, 0), "0;5": (4, 0), "65535;65535": (19, 5)}),
)
_ONES = (
    ("BS", "\b", (8, 2)),
    ("two BS", "\b\b", (7, 2)),
    ("HT", "\t", (16, 2)),
    ("LF", "\n", (9, 3)),
    ("VT", "\v", (9, 3)),
    ("FF", "\f", (9, 3)),
    ("CR", "\r", (0, 2)),
    ("IND", "\x1bD", (9, 3)),
    ("NEL", "\x1bE", (0, 3)),
    ("RI", "\x1bM", (9, 1)),
    ("NUL", "\0", (9, 2)),
    ("BEL", "\a", (9, 2)),
    ("LNM LF", "\x1b[20h\n", (0, 3)),
    ("LNM off LF", "\x1b[20h\x1b[20l\n", (9, 3)),
    ("DECSC and DECRC", "\x1b7\x1b[H\x1b8", (9, 2)),
    ("SCOSC and SCORC", "\x1b[s\x1b[H\x1b[u", (9, 2)),
    ("1048", "\x1b[?1048h\x1b[H\x1b[?1048l", (9, 2)),
    ("1049 restores", "\x1b[?1049h\x1b[H\x1b[?1049l", (9, 2)),
    ("1049 keeps on entry", "\x1b[?1049h", (9, 2)),
    ("47 keeps", "\x1b[?47h", (9, 2)),
    ("DECRC twice", "\x1b7\x1b[H\x1b8\x1b[H\x1b8", (9, 2)),
    ("DECRC of nothing is home", "\x1b8", (0, 0)),
    ("DECALN homes", "\x1b#8", (0, 0)),
    ("DECSTBM homes", "\x1b[2;4r", (0, 0)),
    ("DECOM homes", "\x1b[?6h", (0, 0)),
    ("DECOM off homes", "\x1b[?6l", (0, 0)),
    ("DECOM homes to the margin", "\x1b[2;4r\x1b[?6h", (0, 1)),
    ("DECOM counts from the margin", "\x1b[2;4r\x1b[?6h\x1b[2;3H", (2, 2)),
    ("DECOM stops at the margin", "\x1b[2;4r\x1b[?6h\x1b[9;3H", (2, 3)),
    ("DECOM VPA", "\x1b[2;4r\x1b[?6h\x1b[2d", (0, 2)),
    ("CUU stops at the margin", "\x1b[2;4r\x1b[3;3H\x1b[9A", (2, 1)),
    ("CUU from above the margin", "\x1b[3;4r\x1b[2;3H\x1b[9A", (2, 0)),
    ("CUD stops at the margin", "\x1b[2;4r\x1b[3;3H\x1b[9B", (2, 3)),
    ("CUD from below the margin", "\x1b[2;3r\x1b[5;3H\x1b[9B", (2, 5)),
    ("RI above the margin", "\x1b[3;4r\x1b[2;3H\x1bM", (2, 0)),
    ("IND below the margin", "\x1b[2;3r\x1b[5;3H\x1bD", (2, 5)),
    ("IND at the last row below the margin", "\x1b[2;3r\x1b[6;3H\x1bD", (2, 5)),
    ("DECSTBM of one row is none", "\x1b[2;2r", (9, 2)),
    ("DECSTBM upside down is none", "\x1b[4;2r", (9, 2)),
    ("RIS homes", "\x1bc", (0, 0)),
    ("DECSTR stays", "\x1b[!p", (9, 2)),
    ("SGR stays", "\x1b[1m", (9, 2)),
    ("ED stays", "\x1b[2J", (9, 2)),
    ("EL stays", "\x1b[2K", (9, 2)),
    ("SU stays", "\x1b[S", (9, 2)),
    ("SD stays", "\x1b[T", (9, 2)),
    ("IL goes to the first column", "\x1b[L", (0, 2)),
    ("DL goes to the first column", "\x1b[M", (0, 2)),
    ("ICH stays", "\x1b[3@", (9, 2)),
    ("DCH stays", "\x1b[3P", (9, 2)),
    ("ECH stays", "\x1b[3X", (9, 2)),
)
_TABS = (
    ("default stops", "\t\t", (16, 0)),
    ("the last column stops", "\t\t\t\t", (19, 0)),
    ("HTS", "\x1b[1;5H\x1bH\r\t", (4, 0)),
    ("TBC 0", "\x1b[1;9H\x1b[g\r\t", (16, 0)),
    ("TBC 3", "\x1b[3g\t", (19, 0)),
    ("TBC 3 and HTS", "\x1b[3g\x1b[1;5H\x1bH\r\t", (4, 0)),
    ("DECST8C", "\x1b[3g\x1b[?5W\t", (8, 0)),
    ("RIS sets them anew", "\x1b[3g\x1bc\t", (8, 0)),
    ("CBT stops at a stop", "\x1b[1;18H\x1b[Z", (16, 0)),
    ("CBT with HTS", "\x1b[1;5H\x1bH\x1b[1;8H\x1b[Z", (4, 0)),
    ("CHT with HTS", "\x1b[1;5H\x1bH\r\x1b[I", (4, 0)),
)
_LONG = "x" * 25
"""A line that goes on in the next row."""
_REVERSE_WRAPS = (
    ("off", f"{_LONG}\x1b[2;1H\b", (0, 1)),
    ("BS", f"\x1b[?45h{_LONG}\x1b[2;1H\b", (19, 0)),
    ("CUB", f"\x1b[?45h{_LONG}\x1b[9D", (16, 0)),
    ("CUB far", f"\x1b[?45h{_LONG}\x1b[99D", (0, 0)),
    ("CUB over two rows", f"\x1b[?45h{_LONG}{_LONG}\x1b[45D", (5, 0)),
    ("HPB", f"\x1b[?45h{_LONG}\x1b[9j", (16, 0)),
    ("not onto a row that was not wrapped", "\x1b[?45habc\r\n\b", (0, 1)),
    ("not without DECAWM", f"\x1b[?45h{_LONG}\x1b[?7l\x1b[2;1H\b", (0, 1)),
    ("the last column flag counts", f"\x1b[?45h{'x' * 20}\b", (19, 0)),
    ("the last column flag counts for CUB", f"\x1b[?45h{'x' * 20}\x1b[3D", (17, 0)),
    ("the last column flag is gone", f"\x1b[?45h{'x' * 20}\b\b", (18, 0)),
    ("stops at the margin", f"\x1b[?45h{_LONG}\x1b[2;4r\x1b[2;3H\x1b[9D", (0, 1)),
    ("above the margin", "\x1b[?45h\x1b[3;5r\x1b[H\b", (0, 2)),
    ("reset", f"\x1b[?45h\x1b[?45l{_LONG}\x1b[2;1H\b", (0, 1)),
    ("extended, any row", "\x1b[?1045habc\r\n\b", (19, 0)),
    ("extended, around the screen", "\x1b[?1045h\b", (19, 5)),
    ("extended, around the region", "\x1b[?1045h\x1b[2;4r\x1b[2;1H\x1b[21D", (19, 2)),
    ("extended, above the region", "\x1b[?1045h\x1b[3;5r\x1b[2;1H\x1b[99D", (0, 0)),
    ("extended, not without DECAWM", "\x1b[?1045h\x1b[?7l\x1b[2;1H\b", (0, 1)),
)

CASES = (
    *(
        Case(f"{name} {parameters}", f"{_AT}\x1b[{parameters}{final}", cursor=cursor)
        for name, final, moves in _MOVES
        for parameters, cursor in moves.items()
    ),
    *(Case(name, _AT + data, cursor=cursor) for name, data, cursor in _ONES),
    *(Case(f"tabs: {name}", data, cursor=cursor) for name, data, cursor in _TABS),
    *(Case(f"reverse wrap: {name}", data, cursor=cursor) for name, data, cursor in _REVERSE_WRAPS),
)
