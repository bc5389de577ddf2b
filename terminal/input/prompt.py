"""A prompt in the terminal, before the host is connected."""

from __future__ import annotations

import re
import unicodedata

from guacr.showable import may_be_typed, showable, with_line_feeds

LINE_MAX = 4096
"""Maximum characters of an answer; further ones are refused with a bell."""

_BELL = "\a"
_KEY = re.compile(
    r"""  \x1b\[\[.            # a function key of the Linux console
        | \x1b\[[0-?]*[ -/]*[@-~]
        | \x1bO.
        | \x1b.?
        | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ENTER = {"\r", "\n"}
_ERASE = {"\x7f", "\b"}
_CANCEL = {"\x03", "\x04"}
_KILL, _ERASE_WORD = "\x15", "\x17"


class LinePrompt:
    """A line editor without a screen: bytes of keys in, bytes for the terminal out.

    It supports Backspace, Ctrl-U, Ctrl-W, Enter, and Ctrl-C and Ctrl-D to cancel; Ctrl-D does so
    only on an empty line, as in a host's prompt.
    """

    __slots__ = ("_echo", "_line", "_question", "answer", "cancelled")

    def __init__(self, question: str, *, echo: bool = True) -> None:
        self._question = plain_text(question)
        self._echo = echo
        self._line: list[str] = []
        self.answer: str | None = None
        """The line, once Enter has been pressed."""
        self.cancelled = False

    @property
    def done(self) -> bool:
        """True if it accepts no more input."""
        return self.answer is not None or self.cancelled

    def opening(self) -> bytes:
        """The prompt that the terminal shows first."""
        return self._question.replace("\n", "\r\n").encode()

    def take(self, data: bytes) -> tuple[bytes, bytes]:
        """Process `data`, complete keys.

        Returns:
            The bytes that the terminal shows, and the bytes after the end of the line, which belong
            to the next prompt.
        """
        text = data.decode(errors="replace")
        shown: list[str] = []
        for match in _KEY.finditer(text):
            shown.append(self._type(match[0]))
            if self.done:
                rest = text[match.end() :]
                if match[0] == "\r":
                    rest = rest.removeprefix("\n")
                return "".join(shown).encode(), rest.encode()
        return "".join(shown).encode(), b""

    def _type(self, key: str) -> str:
        if key in _ENTER:
            self.answer = "".join(self._line)
            self._line.clear()
            return "\r\n"
        if key in _CANCEL:
            return self._cancel(key)
        if key in _ERASE:
            return self._erase(1)
        if key == _KILL:
            return self._erase(len(self._line))
        if key == _ERASE_WORD:
            return self._erase(self._word_length())
        if len(key) > 1 or not may_be_typed(key):
            return ""  # keys without effect in a line
        return self._insert(key)

    def _insert(self, character: str) -> str:
        if len(self._line) >= LINE_MAX:
            return _BELL
        self._line.append(character)
        return self._shown(character)

    def _cancel(self, key: str) -> str:
        if key == "\x04" and self._line:
            return ""
        self._line.clear()
        self.cancelled = True
        return "\r\n"

    def _erase(self, count: int) -> str:
        cells = 0
        for _ in range(min(count, len(self._line))):
            cells += _cells(self._shown(self._line.pop()))
        return "\b \b" * cells

    def _word_length(self) -> int:
        line = "".join(self._line)
        return len(line) - len(re.sub(r"\S+\s*$|^\s+$", "", line))

    def _shown(self, character: str) -> str:
        return showable(character, _replacement) if self._echo else "*"


def plain_text(text: str) -> str:
    """Make foreign text safe to show: line feeds and tabs remain, other controls are removed."""
    return showable(with_line_feeds(text), lambda _: "", keep="\n\t")


def _replacement(character: str) -> str:
    return "\N{REPLACEMENT CHARACTER}"


def _cells(text: str) -> int:
    if unicodedata.category(text) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(text) in "WF" else 1
