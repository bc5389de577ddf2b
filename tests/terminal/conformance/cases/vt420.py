"""Rectangles, columns, protected cells and reports: DEC STD 070, the VT420's and VT520's manuals,
and xterm's ctlseqs. The checksums are those of an xterm 379."""

from __future__ import annotations

from terminal.engines.contents import Attributes, Style, Underline
from tests.terminal.conformance.case import Case, rows

_SQUARE = "\r\n".join(f"{letter}{letter.lower()}0123" for letter in "ABCDEF")
"""Six rows of six characters."""
_MARGINS = "\x1b[?69h\x1b[2;4s\x1b[2;4r"
"""Rows 1 to 3, columns 1 to 3, from 0."""


_A, _B, _C, _D, _E, _F = (f"{letter}{letter.lower()}0123" for letter in "ABCDEF")

_RECTANGLES = (
    ("DECERA", "\x1b[2;2;3;4$z", (_A, "B   23", "C   23", _D, _E, _F)),
    ("DECERA to the ends", "\x1b[5;3$z", (_A, _B, _C, _D, "Ee", "Ff")),
    ("DECERA of all", "\x1b[$z", ("",) * 6),
    ("DECERA beyond the ends", "\x1b[5;3;9999;9999$z", (_A, _B, _C, _D, "Ee", "Ff")),
    ("DECERA upside down", "\x1b[3;2;2;4$z", (_A, _B, _C, _D, _E, _F)),
    ("DECERA from the right", "\x1b[2;4;3;2$z", (_A, _B, _C, _D, _E, _F)),
    ("DECERA does not know margins", f"{_MARGINS}\x1b[1;1;2;2$z",
     ("  0123", "  0123", _C, _D, _E, _F)),
    ("DECERA in origin mode", f"{_MARGINS}\x1b[?6h\x1b[1;1;2;9$z",
     (_A, "B   23", "C   23", _D, _E, _F)),
    ("DECFRA", "\x1b[42;2;2;3;4$x", (_A, "B***23", "C***23", _D, _E, _F)),
    ("DECFRA of Latin-1", "\x1b[233;2;2;2;3$x", (_A, "Béé123", _C, _D, _E, _F)),
    ("DECFRA of a control", "\x1b[7;2;2;3;4$x", (_A, _B, _C, _D, _E, _F)),
    ("DECFRA without a character", "\x1b[;2;2;3;4$x", (_A, _B, _C, _D, _E, _F)),
    ("DECCRA", "\x1b[1;1;2;3;1;4;4;1$v", (_A, _B, _C, "Dd0Aa0", "Ee0Bb0", _F)),
    ("DECCRA over itself", "\x1b[1;1;5;5;1;2;2;1$v",
     (_A, "BAa012", "CBb012", "DCc012", "EDd012", "FEe012")),
    ("DECCRA up over itself", "\x1b[2;2;6;6;1;1;1;1$v",
     ("b01233", "c01233", "d01233", "e01233", "f01233", _F)),
    ("DECCRA beyond the ends", "\x1b[1;1;2;2;1;6;6;1$v",
     (_A, _B, _C, _D, _E, "Ff012Aa")),
    ("DECCRA to nowhere", "\x1b[1;1;2;2;1;7;99;1$v", (_A, _B, _C, _D, _E, _F)),
    ("DECSERA", "\x1b[2;2H\x1b[1\"qxy\x1b[0\"q\x1b[2;1;3;4${",
     (_A, " xy 23", "    23", _D, _E, _F)),
    ("DECSED of all", "\x1b[2;2H\x1b[1\"qxy\x1b[0\"q\x1b[?2J", ("", " xy")),
    ("DECSED to the end", "\x1b[2;2H\x1b[1\"qxy\x1b[2\"q\x1b[2;1H\x1b[?J", (_A, " xy")),
    ("DECSEL of all", "\x1b[2;2H\x1b[1\"qxy\x1b[0\"q\x1b[?2K", (_A, " xy", _C, _D, _E, _F)),
    ("ED does not know DECSCA", "\x1b[1\"qxy\x1b[2J", ()),
    ("SGR 0 leaves DECSCA", "\x1b[2;2H\x1b[1\"q\x1b[mxy\x1b[0\"q\x1b[?2K",
     (_A, " xy", _C, _D, _E, _F)),
    ("DECIC", "\x1b[3;3H\x1b[2'}", tuple(f"{r[:2]}  {r[2:]}" for r in (_A, _B, _C, _D, _E, _F))),
    ("DECIC between margins", f"{_MARGINS}\x1b[3;3H\x1b[2'}}",
     (_A, "Bb  23", "Cc  23", "Dd  23", _E, _F)),
    ("DECIC outside of margins", f"{_MARGINS}\x1b[3;5H\x1b[2'}}", (_A, _B, _C, _D, _E, _F)),
    ("DECIC of many", "\x1b[3;3H\x1b[99999'}", ("Aa", "Bb", "Cc", "Dd", "Ee", "Ff")),
    ("DECDC", "\x1b[3;3H\x1b[2'~", tuple(f"{r[:2]}{r[4:]}" for r in (_A, _B, _C, _D, _E, _F))),
    ("DECDC between margins", f"{_MARGINS}\x1b[3;3H\x1b['~",
     (_A, "Bb1 23", "Cc1 23", "Dd1 23", _E, _F)),
    ("SL", "\x1b[2 @", tuple(r[2:] for r in (_A, _B, _C, _D, _E, _F))),
    ("SL between margins", f"{_MARGINS}\x1b[3;3H\x1b[ @",
     (_A, "B01 23", "C01 23", "D01 23", _E, _F)),
    ("SR", "\x1b[2 A", tuple(f"  {r}" for r in (_A, _B, _C, _D, _E, _F))),
    ("SR between margins", f"{_MARGINS}\x1b[3;3H\x1b[ A",
     (_A, "B b023", "C c023", "D d023", _E, _F)),
    ("DECBI at the margin", f"{_MARGINS}\x1b[3;2H\x1b6",
     (_A, "B b023", "C c023", "D d023", _E, _F)),
    ("DECFI at the margin", f"{_MARGINS}\x1b[3;4H\x1b9",
     (_A, "B01 23", "C01 23", "D01 23", _E, _F)),
    ("DECBI in the first column", "\x1b[3;1H\x1b6",
     tuple(f" {r}" for r in (_A, _B, _C, _D, _E, _F))),
)  # fmt: skip

_CURSORS = (
    ("DECBI", "\x1b[3;3H\x1b6", (1, 2)),
    ("DECFI", "\x1b[3;3H\x1b9", (3, 2)),
    ("DECERA leaves the cursor", "\x1b[3;3H\x1b[1;1;6;6$z", (2, 2)),
    ("DECCRA leaves the cursor", "\x1b[3;3H\x1b[1;1;2;2;1;4;4;1$v", (2, 2)),
    ("DECIC leaves the cursor", "\x1b[3;3H\x1b[2'}", (2, 2)),
    ("DECSTR leaves the cursor", "\x1b[3;3H\x1b[!p", (2, 2)),
)

_BOLD = Style(attributes=Attributes.BOLD)
_STYLES = (
    ("DECCARA", "ab\x1b[1;1;1;1;1;31$r", _BOLD),
    ("DECCARA leaves colours", "\x1b[31ma\x1b[1;1;1;1;4$r",
     Style(foreground=1, underline=Underline.SINGLE)),
    ("DECCARA of nothing", "\x1b[1;3ma\x1b[1;1;1;1$r", Style(attributes=Attributes.ITALIC)),
    ("DECRARA", "\x1b[7ma\x1b[1;1;1;1;1;7$t", _BOLD),
    ("DECRARA twice", "a\x1b[1;1;1;1;1$t\x1b[1;1;1;1;1$t", Style()),
    ("DECFRA in the pen", "\x1b[1m\x1b[42;1;1;2;2$x", _BOLD),
    ("DECCRA with styles", "\x1b[3;3H\x1b[1ma\x1b[m\x1b[3;3;3;3;1;1;1;1$v", _BOLD),
    ("DECSERA leaves styles", "\x1b[1ma\x1b[1;1;1;1${", _BOLD),
    ("DECERA takes styles", "\x1b[1ma\x1b[m\x1b[1;1;1;1$z", Style()),
)  # fmt: skip

_REPLIES = {
    "DECSACE at first": ("\x1bP$q*x\x1b\\", "\x1bP1$r0*x\x1b\\"),
    "DECSACE of rectangles": ("\x1b[2*x\x1bP$q*x\x1b\\", "\x1bP1$r2*x\x1b\\"),
    "DECRQSS DECSCA": ('\x1b[1"q\x1bP$q"q\x1b\\', '\x1bP1$r1"q\x1b\\'),
    "DECSTR ends DECSCA": ('\x1b[1"q\x1b[!p\x1bP$q"q\x1b\\', '\x1bP1$r0"q\x1b\\'),
    "DECSTR ends DECCKM": ("\x1b[?1h\x1b[!p\x1b[?1$p", "\x1b[?1;2$y"),
    "DECSTR ends DECOM": ("\x1b[?6h\x1b[!p\x1b[?6$p", "\x1b[?6;2$y"),
    "DECSTR shows the cursor": ("\x1b[?25l\x1b[!p\x1b[?25$p", "\x1b[?25;1$y"),
    "DECSTR frees the margins": ("\x1b[2;4r\x1b[!p\x1bP$qr\x1b\\", "\x1bP1$r1;6r\x1b\\"),
    "DECSTR ends DECLRMM": ("\x1b[?69h\x1b[!p\x1b[?69$p", "\x1b[?69;2$y"),
    "DECSTR leaves the mouse": ("\x1b[?1000h\x1b[!p\x1b[?1000$p", "\x1b[?1000;1$y"),
    "DECSTR forgets the cursor": ("\x1b[3;3H\x1b7\x1b[!p\x1b8\x1b[6n", "\x1b[1;1R"),
    "DECRQSS DECSLPP": ("\x1bP$qt\x1b\\", "\x1bP1$r6t\x1b\\"),
    "DECRQSS DECSNLS": ("\x1bP$q*|\x1b\\", "\x1bP1$r6*|\x1b\\"),
    "DECRQSS DECSCPP": ("\x1bP$q$|\x1b\\", "\x1bP1$r20$|\x1b\\"),
    "XTGETTCAP": ("\x1bP+q436F;524742\x1b\\", "\x1bP1+r436F=323536\x1b\\\x1bP1+r524742=38\x1b\\"),
    "XTGETTCAP unknown": ("\x1bP+q7878\x1b\\", "\x1bP0+r\x1b\\"),
    "DECXCPR": ("\x1b[2;3H\x1b[?6n", "\x1b[?2;3R"),
    "DSR of a printer": ("\x1b[?15n", "\x1b[?13n"),
    "DSR of user-defined keys": ("\x1b[?25n", "\x1b[?20n"),
    "DSR of a keyboard": ("\x1b[?26n", "\x1b[?27;1n"),
    "DSR of a locator": ("\x1b[?55n\x1b[?56n", "\x1b[?50n\x1b[?57;0n"),
    "DSR of macros": ("\x1b[?62n", "\x1b[0*{"),
    "DSR of memory": ("\x1b[?63;9n", "\x1bP9!~0000\x1b\\"),
    "DSR of integrity": ("\x1b[?75n", "\x1b[?70n"),
    "DSR of sessions": ("\x1b[?85n", "\x1b[?83n"),
    "the window's state": ("\x1b[11t", "\x1b[1t"),
    "the window's place": ("\x1b[13t", "\x1b[3;0;0t"),
    "the screen's size": ("\x1b[19t", "\x1b[9;6;20t"),
    "no title is told": ("\x1b]2;a\x07\x1b[21t\x1b[20t", ""),
    "no checksum is told": ("a\x1b[1;1;1;1;1;1*y", ""),
}  # fmt: skip

_TITLES = (
    ("titles are restored", "\x1b]2;a\x07\x1b[22;0;0t\x1b]2;b\x07\x1b[23;0;0t", "a"),
    ("one title is restored", "\x1b]2;a\x07\x1b[22;2t\x1b]2;b\x07\x1b[23;2t", "a"),
    ("the icon's title alone", "\x1b]2;a\x07\x1b[22;1t\x1b]2;b\x07\x1b[23;1t", "b"),
    ("no title was kept", "\x1b]2;a\x07\x1b[23t", "a"),
    ("ESC k, as for GNU Screen", "\x1bka title\x1b\\", "a title"),
    ("ESC k without a title", "\x1b]2;a\x07\x1bk\x1b\\", ""),
    ("OSC 1 is no title", "\x1b]2;a\x07\x1b]1;b\x07", "a"),
)

_PALETTE = (
    ("ESC k shows nothing", "one\x1bktitle\x1b\\two", rows("onetwo")),
    ("ESC ] R", "one\x1b]Rtwo", rows("onetwo")),
    ("ESC ] P", "one\x1b]P1ff8800two", rows("onetwo")),
    ("ESC ] P of digits", "one\x1b]PFfaAbB02", rows("one2")),
    ("ESC ] P broken off", "one\x1b]P1ffxtwo", rows("onetwo")),
    ("ESC ] P before a control", "one\x1b]P1ff\r\ntwo", rows("one", "two")),
    ("ESC ] P before a sequence", "one\x1b]P1ff\x1b[2Dtwo", rows("otwo")),
    ("palette sequences in a row", "\x1b]P1ff0000\x1b]P200ff00\x1b]Rx", rows("x")),
)

_MEMORY = (
    Case("memory lock", "a\r\nb\r\n\x1bl" + "\n" * 9 + "c", rows("a", "b", "", "", "", "c")),
    Case("memory unlock", "a\r\nb\r\n\x1bl\x1bm" + "\n" * 5 + "\rc", rows("", "", "", "", "", "c")),
)

CASES = (
    *(Case(name, f"{_SQUARE}{data}", screen) for name, data, screen in _RECTANGLES),
    *(Case(name, f"{_SQUARE}{data}", cursor=cursor) for name, data, cursor in _CURSORS),
    *(Case(name, data, style=style) for name, data, style in _STYLES),
    *(Case(name, data, replies=replies) for name, (data, replies) in _REPLIES.items()),
    *(Case(name, data, title=title) for name, data, title in _TITLES),
    *(Case(name, data, screen) for name, data, screen in _PALETTE),
    *_MEMORY,
)
