"""The character sets of the pyte engine: G0 to G3, and the current one."""

from __future__ import annotations

from typing import NamedTuple

_GRAPHICS = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·"
_CHARSETS: dict[str, dict[int, str]] = {
    "0": dict(enumerate(_GRAPHICS, ord("`"))),
    "A": {ord("#"): "£"},
}
_ASCII: dict[int, str] = {}


class Designations(NamedTuple):
    """The state that DECSC saves: the number of the set that is shifted in, and all four sets."""

    shifted: int = 0
    sets: tuple[dict[int, str], ...] = (_ASCII,) * 4


ASCII = Designations()


class Charsets:
    """Translates text that is drawn. `plain` is True if characters are drawn unchanged."""

    def __init__(self) -> None:
        self.plain = True
        self.reset()

    def reset(self) -> None:
        """Designate ASCII as all four."""
        self._single = 0
        self.restore(ASCII)

    def save(self) -> Designations:
        """The current state."""
        return Designations(self._shifted, tuple(self._sets))

    def restore(self, kept: Designations) -> None:
        """Restore a saved state."""
        self._shifted, self._sets = kept.shifted, list(kept.sets)
        self._settle()

    def translated(self, text: str) -> list[str]:
        """Translate text, which is not empty, into parts that are drawn one by one. A single shift
        ends with this."""
        if not self._single:
            return [self.in_shifted(text)]
        first = text[0].translate(self._sets[self._single])
        self._single = 0
        self._settle()
        return [first, self.in_shifted(text[1:])] if len(text) > 1 else [first]

    def in_shifted(self, text: str) -> str:
        """Translate text to the set that is shifted in."""
        charset = self._sets[self._shifted]
        return text.translate(charset) if charset else text

    def define_charset(self, code: str, mode: str) -> None:
        """SCS for G0 to G3: ASCII, British, and DEC's special graphics."""
        self._sets["()*+".index(mode)] = _CHARSETS.get(code, _ASCII)
        self._settle()

    def shift_in(self) -> None:
        """SI."""
        self._shift(0)

    def shift_out(self) -> None:
        """SO."""
        self._shift(1)

    def locking_shift_2(self) -> None:
        """LS2."""
        self._shift(2)

    def locking_shift_3(self) -> None:
        """LS3."""
        self._shift(3)

    def single_shift_2(self) -> None:
        """SS2."""
        self._single, self.plain = 2, False

    def single_shift_3(self) -> None:
        """SS3."""
        self._single, self.plain = 3, False

    def _shift(self, number: int) -> None:
        self._shifted = number
        self._settle()

    def _settle(self) -> None:
        self.plain = not self._single and not self._sets[self._shifted]
