"""The bytes that a host receives when a person pastes."""

from __future__ import annotations

import re

BRACKETS = (b"\x1b[200~", b"\x1b[201~")

_LINE_END = re.compile(r"\r\n|\n")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def pasted(text: str, *, bracketed: bool) -> bytes:
    """Convert text to typed input: line ends become carriage returns.

    Control characters other than tabs and line ends are removed, so that pasted text can neither
    end the brackets of DEC private mode 2004 nor press Ctrl-C.
    """
    data = _CONTROLS.sub("", _LINE_END.sub("\r", text)).encode(errors="replace")
    if not data or not bracketed:
        return data
    return BRACKETS[0] + data + BRACKETS[1]
