"""One person's keyboard: which modifiers are held, and which dead key waits."""

from __future__ import annotations

from typing import NamedTuple

from terminal import keysyms
from terminal.keymap import Modifiers
from terminal.layouts import LayoutGuess, by_altgr, with_shift

_MODIFIERS = {
    0xFFE1: Modifiers.SHIFT,
    0xFFE2: Modifiers.SHIFT,
    0xFFE3: Modifiers.CTRL,
    0xFFE4: Modifiers.CTRL,
    0xFFE7: Modifiers.META,
    0xFFE8: Modifiers.META,
    0xFFE9: Modifiers.ALT,
    0xFFEA: Modifiers.ALT,
    0xFFEB: Modifiers.META,  # Super and Hyper count as Meta
    0xFFEC: Modifiers.META,
    0xFFED: Modifiers.META,
    0xFFEE: Modifiers.META,
}
_LEVEL_SHIFTS = {0xFE03, 0xFE11, 0xFF7E}
"""AltGr: ISO levels 3 and 5, and the older mode switch."""


_COMMANDS = Modifiers.CTRL | Modifiers.ALT | Modifiers.META

DOWN_MAX = 64
"""Keys that are remembered as being down; nobody has more fingers."""


class Typed(NamedTuple):
    """What a key types."""

    text: str
    """Empty for function keys."""
    modifiers: Modifiers
    """Those that apply to it."""
    key: str = ""
    """The US key it stands on, in layouts without Latin letters."""

    @property
    def command(self) -> str:
        """The text, or the character that stands for it in a shortcut."""
        if not self.key or not self.modifiers & _COMMANDS:
            return self.text
        return with_shift(self.key) if self.modifiers & Modifiers.SHIFT else self.key


class Keyboard:
    """Tracks presses and releases; the left and the right key of a modifier are two keys.

    Nothing sticks for long: what a client forgot to release is let go as soon as what it sends
    contradicts it, and `release_all` forgets everything.
    """

    __slots__ = ("_dead", "_down", "_held", "_layout")

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._dead = ""
        self._down: dict[int, Typed] = {}
        self._layout = LayoutGuess()

    @property
    def modifiers(self) -> Modifiers:
        """What is held, AltGr apart."""
        if not self._held:
            return Modifiers.NONE  # as nearly always: enum's own arithmetic is slow
        held = Modifiers.NONE
        for keysym in self._held:
            held |= _MODIFIERS.get(keysym, Modifiers.NONE)
        return held

    def press(self, keysym: int) -> Typed | None:
        """Note that a key went down.

        Returns:
            What is typed; None when the key has done its work: a modifier, a dead key.
        """
        if keysym in _MODIFIERS or keysym in _LEVEL_SHIFTS:
            self._held.add(keysym)
            return None
        if keysym in keysyms.DEAD_KEYS:
            return self._press_dead(keysyms.DEAD_KEYS[keysym])
        text = keysyms.character(keysym) or ""
        self._drop_contradicted(text)
        modifiers = self.modifiers
        key = ""
        if text and self._held & _LEVEL_SHIFTS:
            modifiers &= ~(Modifiers.CTRL | Modifiers.ALT)  # a level shift may come with both
        elif text and keysym not in keysyms.KEYPAD_CHARACTERS:
            key = self._key(text, modifiers)
        if text and self._dead:
            text, self._dead = keysyms.combined(self._dead, text), ""
        elif not text:
            self._dead = ""
        typed = Typed(text, modifiers, key)
        if len(self._down) < DOWN_MAX:
            self._down[keysym] = typed
        return typed

    def _key(self, text: str, modifiers: Modifiers) -> str:
        if modifiers & Modifiers.CTRL and modifiers & Modifiers.ALT and by_altgr(text):
            return ""
        return self._layout.key(text, shift=bool(modifiers & Modifiers.SHIFT))

    def is_down(self, keysym: int) -> bool:
        """Whether a key is held, so that its next press is a repetition."""
        return keysym in self._down

    def release(self, keysym: int) -> Typed | None:
        """Note that a key went up; returns what it had typed, with the modifiers that are held
        now; None for modifiers and keys that were not down."""
        self._held.discard(keysym)
        typed = self._down.pop(keysym, None)
        return typed and typed._replace(modifiers=self.modifiers)

    def release_all(self) -> None:
        """Forget what is held."""
        self._held.clear()
        self._down.clear()
        self._dead = ""

    def _press_dead(self, mark: str) -> Typed | None:
        if self._dead != mark:
            self._dead = mark
            return None
        self._dead = ""
        return Typed(keysyms.combined(mark, " "), Modifiers.NONE)  # pressed twice: the mark itself

    def _drop_contradicted(self, text: str) -> None:
        """Let go of keys whose release was lost.

        A small letter is not typed with Shift, unless Caps Lock is on or another modifier makes
        a shortcut of it. AltGr with Ctrl or Alt makes other characters of the letters.
        """
        if not self._held or len(text) != 1 or not (text.isascii() and text.isalpha()):
            return
        if self.modifiers & (Modifiers.CTRL | Modifiers.ALT):
            self._held -= _LEVEL_SHIFTS
        elif text.islower() and self.modifiers == Modifiers.SHIFT:
            self._held = {k for k in self._held if _MODIFIERS.get(k) != Modifiers.SHIFT}
