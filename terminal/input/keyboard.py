"""A person's keyboard: the modifiers that are held, and a pending dead key."""

from __future__ import annotations

from typing import NamedTuple

from terminal.input import keysyms
from terminal.input.keymap import Modifiers
from terminal.input.layouts import LayoutGuess, by_altgr, with_shift

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
"""Maximum keys that are tracked as down; nobody has more fingers."""


class Typed(NamedTuple):
    """The input that a key produces."""

    text: str
    """Empty for function keys."""
    modifiers: Modifiers
    """The modifiers that apply."""
    key: str = ""
    """The US key in the same position, for non-Latin layouts."""

    @property
    def command(self) -> str:
        """The text, or the character that represents it in a shortcut."""
        if not self.key or not self.modifiers & _COMMANDS:
            return self.text
        return with_shift(self.key) if self.modifiers & Modifiers.SHIFT else self.key


class Keyboard:
    """Tracks presses and releases; the left and the right key of a modifier are two keys.

    Keys do not get stuck: a key whose release was lost is released as soon as later input
    contradicts it, and `release_all` releases everything.
    """

    __slots__ = ("_dead", "_down", "_held", "_layout")

    def __init__(self) -> None:
        self._held: set[int] = set()
        self._dead = ""
        self._down: dict[int, Typed] = {}
        self._layout = LayoutGuess()

    @property
    def modifiers(self) -> Modifiers:
        """The modifiers that are held, except AltGr."""
        if not self._held:
            return Modifiers.NONE  # the usual case: enum arithmetic is slow
        held = Modifiers.NONE
        for keysym in self._held:
            held |= _MODIFIERS.get(keysym, Modifiers.NONE)
        return held

    def press(self, keysym: int) -> Typed | None:
        """Record that a key went down.

        Returns:
            The input; None for keys without input of their own: modifiers and dead keys.
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
            modifiers &= ~(Modifiers.CTRL | Modifiers.ALT)  # a level shift may set both
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
        """Return whether a key is held, so that its next press is a repeat."""
        return keysym in self._down

    def release(self, keysym: int) -> Typed | None:
        """Record that a key went up. Return its input with the modifiers that are held now; None
        for modifiers and keys that were not down."""
        self._held.discard(keysym)
        typed = self._down.pop(keysym, None)
        return typed and typed._replace(modifiers=self.modifiers)

    def release_all(self) -> None:
        """Release all keys."""
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
        """Release keys whose release was lost.

        A small letter is not typed with Shift, unless Caps Lock is on or a second modifier makes it
        a shortcut. AltGr changes letters that are typed with Ctrl or Alt.
        """
        if not self._held or len(text) != 1 or not (text.isascii() and text.isalpha()):
            return
        if self.modifiers & (Modifiers.CTRL | Modifiers.ALT):
            self._held -= _LEVEL_SHIFTS
        elif text.islower() and self.modifiers == Modifiers.SHIFT:
            self._held = {k for k in self._held if _MODIFIERS.get(k) != Modifiers.SHIFT}
