"""Margins at the sides, DECLRMM and DECSLRM: DEC STD 070 chapter 5, xterm's ctlseqs, vttest 11."""

from __future__ import annotations

from tests.terminal.conformance.case import Case

_ON = "\x1b[?69h\x1b[5;10s"
"""Columns 4 to 9, from 0."""
_ROWS = "\r\n".join(f"{letter}123456789abc" for letter in "ABCDEF")
_REGION = f"{_ROWS}{_ON}\x1b[2;4r"
"""Rows 1 to 3, too."""
_WITHIN, _LEFT, _RIGHT = "\x1b[3;7H", "\x1b[3;3H", "\x1b[3;15H"
"""Row 2: column 6, and columns before the left margin and behind the right one."""

_AT_RIGHT_END, _FIRST = "\x1b[3;10H", "\x1b[3;5H"

_CURSORS = (
    ("DECSLRM homes", f"\x1b[3;3H{_ON}", (0, 0)),
    ("DECSLRM homes to the margins in origin mode", f"\x1b[?6h{_ON}", (4, 0)),
    ("DECSLRM without DECLRMM is nothing", "\x1b[3;3H\x1b[5;10s", (2, 2)),
    ("DECSLRM of one column is nothing", "\x1b[?69h\x1b[3;3H\x1b[5;5s", (2, 2)),
    ("SCOSC without DECLRMM", f"{_ON}\x1b[?69l\x1b[3;3H\x1b[s\x1b[H\x1b[u", (2, 2)),
    ("CSI s with DECLRMM frees the margins", f"{_ON}\x1b[s{_WITHIN}\r", (0, 2)),
    ("DECLRMM off frees the margins", f"{_ON}\x1b[?69l\x1b[?69h{_WITHIN}\r", (0, 2)),
    ("DECLRMM twice", f"{_ON}\x1b[?69h{_WITHIN}\r", (4, 2)),
    ("RIS frees the margins", f"{_ON}\x1bc{_WITHIN}\r", (0, 2)),
    ("DECALN frees the margins", f"{_ON}\x1b#8{_WITHIN}\r", (0, 2)),
    ("CR goes to the margin", f"{_ON}{_WITHIN}\r", (4, 2)),
    ("CR from behind the margins", f"{_ON}{_RIGHT}\r", (4, 2)),
    ("CR from before the margins", f"{_ON}{_LEFT}\r", (0, 2)),
    ("NEL", f"{_ON}{_WITHIN}\x1bE", (4, 3)),
    ("LNM", f"{_ON}\x1b[20h{_WITHIN}\n", (4, 3)),
    ("CNL", f"{_ON}{_WITHIN}\x1b[E", (4, 3)),
    ("CPL", f"{_ON}{_WITHIN}\x1b[F", (4, 1)),
    ("CUF stops at the margin", f"{_ON}{_WITHIN}\x1b[99C", (9, 2)),
    ("CUF from behind the margins", f"{_ON}{_RIGHT}\x1b[99C", (19, 2)),
    ("CUB stops at the margin", f"{_ON}{_WITHIN}\x1b[99D", (4, 2)),
    ("CUB from before the margins", f"{_ON}{_LEFT}\x1b[99D", (0, 2)),
    ("BS stops at the margin", f"{_ON}{_FIRST}\b", (4, 2)),
    ("CUP", f"{_ON}\x1b[2;2H", (1, 1)),
    ("CUP in origin mode", f"{_ON}\x1b[2;4r\x1b[?6h\x1b[2;2H", (5, 2)),
    ("CUP far in origin mode", f"{_ON}\x1b[2;4r\x1b[?6h\x1b[99;99H", (9, 3)),
    ("HT stops at the margin", f"{_ON}{_WITHIN}\t\t", (9, 2)),
    ("HT from behind the margins", f"{_ON}\x1b[3;12H\t", (16, 2)),
    ("CBT", f"{_ON}{_WITHIN}\x1b[Z", (0, 2)),
    ("CBT in origin mode", f"{_ON}\x1b[?6h\x1b[3;4H\x1b[Z", (4, 2)),
    ("reverse wrap", f"\x1b[?1045h{_ON}{_FIRST}\b", (9, 1)),
    ("IL goes to the margin", f"{_ON}{_WITHIN}\x1b[L", (4, 2)),
    ("DL goes to the margin", f"{_ON}{_WITHIN}\x1b[M", (4, 2)),
    ("IL behind the margins stays", f"{_ON}{_RIGHT}\x1b[L", (14, 2)),
    ("DECRC restores", f"{_ON}{_RIGHT}\x1b7\x1b[H\x1b8", (14, 2)),
)
_SCREENS = (
    ("text wraps at the margin", f"{_ON}{_WITHIN}uvwxyz", ("", "", "      uvwx", "    yz")),
    ("text from before the margins", f"{_ON}abcdefghijkl", ("abcdefghij", "    kl")),
    ("text behind the margins", f"{_ON}\x1b[1;18Habcd", (" " * 17 + "abc", "    d")),
    ("no wrap", f"{_ON}\x1b[?7l{_WITHIN}uvwxyz", ("", "", "      uvwz")),
    ("wide text wraps at the margin", f"{_ON}{_AT_RIGHT_END}漢", ("", "", "", "    漢")),
    (
        "text scrolls between the margins",
        f"{_REGION}\x1b[4;9Hxyz",
        ("A123456789abc", "B123456789abc", "C1234567xyabc", "D123z     abc"),
    ),
    ("insert mode", f"{_REGION}{_WITHIN}\x1b[4hxy", ("", "", "C12345xy67abc")),
    ("ICH", f"{_REGION}{_WITHIN}\x1b[2@", ("", "", "C12345  67abc")),
    ("ICH of all", f"{_REGION}{_WITHIN}\x1b[99@", ("", "", "C12345    abc")),
    ("ICH behind the margins", f"{_REGION}\x1b[3;12H\x1b[@", ("", "", "C123456789abc")),
    ("DCH", f"{_REGION}{_WITHIN}\x1b[2P", ("", "", "C1234589  abc")),
    ("DCH of all", f"{_REGION}{_WITHIN}\x1b[99P", ("", "", "C12345    abc")),
    ("DCH before the margins", f"{_REGION}{_LEFT}\x1b[P", ("", "", "C123456789abc")),
    ("ECH knows no margins", f"{_REGION}{_WITHIN}\x1b[5X", ("", "", "C12345     bc")),
    ("EL knows no margins", f"{_REGION}{_WITHIN}\x1b[K", ("", "", "C12345")),
    (
        "SU",
        f"{_REGION}\x1b[S",
        ("A123456789abc", "B123456789abc", "C123456789abc", "D123      abc"),
    ),
    (
        "SD",
        f"{_REGION}\x1b[2T",
        ("A123456789abc", "B123      abc", "C123      abc", "D123456789abc"),
    ),
    (
        "IL",
        f"{_REGION}{_WITHIN}\x1b[L",
        ("A123456789abc", "B123456789abc", "C123      abc", "D123456789abc"),
    ),
    (
        "DL",
        f"{_REGION}{_WITHIN}\x1b[M",
        ("A123456789abc", "B123456789abc", "C123456789abc", "D123      abc"),
    ),
    (
        "IND at the bottom",
        f"{_REGION}\x1b[4;7H\x1bD",
        ("A123456789abc", "B123456789abc", "C123456789abc", "D123      abc"),
    ),
    (
        "IND at the bottom behind the margins",
        f"{_REGION}\x1b[4;15H\x1bDx",
        ("A123456789abc", "B123456789abc", "C123456789abc", "D123456789abc x"),
    ),
    (
        "RI at the top",
        f"{_REGION}\x1b[2;7H\x1bM",
        ("A123456789abc", "B123      abc", "C123456789abc", "D123456789abc"),
    ),
    (
        "RI at the top before the margins",
        f"{_REGION}\x1b[2;3H\x1bMx",
        ("A123456789abc", "B1x3456789abc", "C123456789abc", "D123456789abc"),
    ),
    (
        "what scrolls cuts wide characters",
        f"abc漢hijk漢n\r\nabcdefghijklmn{_ON}\x1b[S",
        ("abc efghij n", "abcd      klmn"),
    ),
)
_REPLIES = (
    ("CPR", f"{_ON}{_WITHIN}\x1b[6n", "\x1b[3;7R"),
    ("CPR in origin mode", f"{_ON}\x1b[?6h\x1b[3;2H\x1b[6n", "\x1b[3;2R"),
    ("DECRQSS", f"{_ON}\x1bP$qs\x1b\\", "\x1bP1$r5;10s\x1b\\"),
    ("DECRQSS at first", "\x1b[?69h\x1bP$qs\x1b\\", "\x1bP1$r1;20s\x1b\\"),
    ("DECRQSS without DECLRMM", "\x1bP$qs\x1b\\", "\x1bP0$r\x1b\\"),
)


def _whole(data: str, screen: tuple[str, ...]) -> tuple[str, ...]:
    """The screen with the rows around those that a case of the region is about."""
    if not data.startswith(_REGION):
        return screen
    rows = tuple(_ROWS.split("\r\n"))
    return tuple(new or old for new, old in zip(screen, rows, strict=False)) + rows[len(screen) :]


CASES = (
    *(Case(f"sides: {name}", data, cursor=cursor) for name, data, cursor in _CURSORS),
    *(Case(f"sides: {name}", data, _whole(data, screen)) for name, data, screen in _SCREENS),
    *(Case(f"sides: {name}", data, replies=reply) for name, data, reply in _REPLIES),
)
