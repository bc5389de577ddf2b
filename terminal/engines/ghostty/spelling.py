"""Rewrite control sequences that libghostty interprets differently from ECMA-48, DEC and xterm, so
that they have the intended effect.

docs/terminal.md lists them for its developers.
"""

from __future__ import annotations

import re

SPELLED = rb"""
    \[(?:(?P<first>[0-9]*+);[0-9;]*+(?P<single>[@A-GI-MPSXZ`abdegn]|\x20q)
        |(?P<pair>[0-9]*+;[0-9]*+);[0-9;]*+(?P<double>[Hfrs])
        |0++(?P<default>[@A-FILMPSXZb])
        |(?P<all>)g
        |(?P<open>[0-9;:]*;)m
        |\?(?P<modes>(?:[0-9]*+;)*?0*+(?:3|40)(?:;[0-9;]*+)?)(?P<change>[hlsr]))
    |\]8;[^;\x07\x18\x1a\x1b]++(?P<unlinked>;)(?=\x07|\x1b\\)
"""
"""The bytes after ESC, as a verbose expression: an extra number, or an explicit 0; TBC without a
number; an SGR that ends with a semicolon; DECCOLM, and the mode that allows it; and a link that has
an id but no address."""

PLACED = rb"\[(?P<number>[0-9]*+)(?P<place>[G`dea])"
"""Sequences that need rewriting in origin mode."""

ORIGIN_SET = re.compile(rb"\x1b\[\?(?:[0-9;]*;)?0*6(?:;[0-9;]*)?[hr]")

_COLUMNS = (3, 40)
_FAR = 9999
"""More rows than any screen has."""


def spelled(found: re.Match[bytes], origin: bool) -> bytes | None:
    """The replacement for a sequence; None if it needs none.

    Args:
        found: a match of SPELLED or PLACED.
        origin: whether origin mode is set.
    """
    groups = found.groupdict()
    if final := groups["single"]:
        return _single(found["first"], final, origin)
    if final := groups["double"]:
        return b"\x1b[%b%b" % (found["pair"], final)
    if final := groups["default"]:
        return b"\x1b[" + final
    if groups["all"] is not None:
        return b"\x1b[0g"
    if groups["open"] is not None:
        return b"\x1b[%b0m" % found["open"]
    if final := groups["change"]:
        return _without_columns(found["modes"], final)
    if groups["unlinked"]:
        return b"\x1b]8;;"
    if final := groups.get("place"):
        return _single(found["number"], final, origin)
    return None


def _single(number: bytes, final: bytes, origin: bool) -> bytes:
    """A function with one number."""
    number = number.lstrip(b"0")
    if origin and final in b"G`dea":
        return _placed(int(number[:5] or b"1"), final)
    if final == b"g" and not number:
        return b"\x1b[0g"
    return b"\x1b[%b%b" % (number, final)


def _placed(number: int, final: bytes) -> bytes:
    """CHA, HPA, VPA, HPR and VPR within the margins, which the library adds again to the current
    row or column."""
    if final in b"ea":
        return b"\x1b[%d%c" % (number, b"B" if final == b"e" else b"C")
    home, step = (b"\x1b[%dA" % _FAR, b"B") if final == b"d" else (b"\r", b"C")
    return home + (b"\x1b[%d%b" % (number - 1, step) if number > 1 else b"")


def _without_columns(modes: bytes, final: bytes) -> bytes:
    """A change of DEC's modes without DECCOLM, because the width is up to the person."""
    kept = [mode for mode in modes.split(b";") if int(mode[-6:] or b"0") not in _COLUMNS]
    return b"\x1b[?%b%b" % (b";".join(kept), final) if kept else b""
