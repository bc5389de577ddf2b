"""The keyboard: keysyms of users become keys of the server's layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from handlers.rdp.keyboard import keys
from handlers.rdp.keyboard.layout import Layout, Stroke
from handlers.rdp.keyboard.pressed import HELD_MAX, PressedKeys
from handlers.rdp.keyboard.sink import KeySink, Locks
from terminal.input.keysyms import DEAD_KEYS, character, combined
from terminal.input.layouts import LayoutGuess

_ACCENTS = {keysym: combined(mark, " ") for keysym, mark in DEAD_KEYS.items()}
"""The characters of dead keys in shortcuts."""


class Keyboard:
    """Types what users type on a keyboard of the server's layout.

    - A character is typed with the keys that type it there, with or without Caps Lock. Modifiers
      that would change it are released for the stroke and pressed again; modifiers that it needs
      are pressed. A key that needs nothing of this stays down as long as the user's key.
    - A character that needs a dead key is two strokes. A user's dead key is not sent: it waits for
      the next character, and what both become is typed.
    - Other characters are sent as Unicode.
    - With Ctrl, Alt or a Windows key, the key counts and not the character: the key of the letter
      or digit, or the key that types the character with any modifiers. Letters of other scripts
      mean the key at the same place. Modifiers stay as they are. AltGr types characters.
    - Num Lock is turned on for the digits of the keypad. Caps Lock is turned off for a letter a to
      z without Shift, which shows that the user's one is off, and for characters that it changes on
      some servers: on Windows, it changes the digits of a German keyboard; on X, all letters.

    If a keysym is released that pressed nothing, the key that types it is released: Shift or Num
    Lock may have changed in between.

    Args:
        layout: the layout of the server.
        sink: receives the input events.
    """

    def __init__(self, layout: Layout, sink: KeySink) -> None:
        self.layout = layout
        self.locks = Locks()
        """The state of the server's locks, as set or reported last, and toggled since."""
        self._sink = sink
        self._pressed = PressedKeys(layout, sink)
        self._waiting: dict[int, None] = {}
        """Keysyms of modifiers that users hold, but which have not been pressed yet."""
        self._third_level = False
        """True while a user holds AltGr, even if the server's layout has none."""
        self._mark = ""
        """The combining mark of the dead key that waits for a character."""
        self._struck: set[int] = set()
        """Keysyms that users hold, but whose keys are up again; at most `HELD_MAX`."""
        self._guess = LayoutGuess()
        self._input_method = keys.INPUT_METHODS[layout.keyboard_type]

    def key(self, keysym: int, pressed: bool) -> None:
        """Press or release a key. A key that is pressed again repeats. Unknown keysyms have no
        effect."""
        if not pressed:
            self._waiting.pop(keysym, None)
            self._release(keysym)
            return
        self.press_waiting()
        self._press(keysym)
        if self._pressed.codes(keysym):
            self._struck.discard(keysym)
        elif len(self._struck) < HELD_MAX:
            self._struck.add(keysym)

    def release_all(self) -> None:
        """Release all keys that are down, last pressed first, and forget a dead key."""
        self._pressed.release_all()
        self._waiting.clear()
        self._struck.clear()
        self._third_level = False
        self._mark = ""

    def begin(self, held: Iterable[int]) -> None:
        """Set the server's locks to the known state, once it accepts input: until then, it may have
        any. All keys are up afterwards, except for modifiers.

        Args:
            held: keysyms that users have held since before the connection. The modifiers among them
                are pressed when they are needed, as xrdp ignores keys until it shows the desktop.
        """
        self._waiting = {keysym: None for keysym in held if _is_modifier(keysym)}
        self._pressed.set_locks(self.locks)

    def press_waiting(self) -> None:
        """Press the modifiers that users have held since before the connection."""
        waiting, self._waiting = self._waiting, {}
        for keysym in waiting:
            self._press(keysym)

    def report(self, locks: Locks) -> None:
        """Note the locks that the server reports (TS_SET_KEYBOARD_INDICATORS)."""
        self.locks = locks

    def _press(self, keysym: int) -> None:
        if keysym in DEAD_KEYS and not self._is_shortcut():
            self._press_dead_key(DEAD_KEYS[keysym])
        elif text := self._text(keysym):
            self._press_character(keysym, text)
        elif keysym in keys.ALTGR_KEYSYMS:
            self._third_level = True
            if self.layout.has_altgr:
                self._pressed.hold(keysym, keys.ALT_RIGHT)
        elif _is_modifier(keysym):
            self._pressed.hold(keysym, keys.KEYS[keysym])
        else:
            waited, self._mark = self._mark, ""
            if not waited or keys.KEYS.get(keysym) != keys.BACKSPACE:  # that deletes the dead key
                self._press_function(keysym)

    def _text(self, keysym: int) -> str:
        """The character of a key; empty for keys of the keypad that every keyboard has."""
        if keysym in keys.KEYS or keysym in keys.KEYPAD_NUMBERS:
            return ""
        if keysym == keys.KEYPAD_SEPARATOR and self.layout.decimal == ",":
            return ""
        return _ACCENTS.get(keysym) or character(keysym) or ""

    def _press_character(self, keysym: int, text: str) -> None:
        """Press the key of a character, or what it becomes after a dead key."""
        mark, self._mark = self._mark, ""
        place = self._guess.key(text, shift=self._pressed.shift)
        if self._is_shortcut():
            if code := self._place(place) or self.layout.key(text):
                self._pressed.hold(keysym, code)
            else:
                self._type(keysym, text)
            return
        if self.locks.caps and "a" <= text <= "z" and not self._pressed.shift:
            self._set_locks(self.locks._replace(caps=False))
        for one in combined(mark, text) if mark else text:
            self._type(keysym, one)

    def _press_dead_key(self, mark: str) -> None:
        """Wait for a character. A second dead key types the first; twice the same is typed once."""
        if self._mark:
            self._type(None, combined(self._mark, " "))
        self._mark = mark if mark != self._mark else ""

    def _type(self, keysym: int | None, text: str) -> None:
        """Type one character, and hold its key for the keysym if possible."""
        ways = self.layout.strokes(text, caps=self.locks.caps)
        if not ways and self.locks.caps and (ways := self.layout.strokes(text, caps=False)):
            self._set_locks(self.locks._replace(caps=False))
        if ways:
            self._pressed.strike(keysym, min(ways, key=self._pressed.changes))
        else:
            self._pressed.send(text)

    def _place(self, key: str) -> int:
        """The code of a key of a US keyboard: that of the letter or digit on the server's layout,
        if it is one. 0 if it is empty."""
        return (self.layout.key(key) if key.isalnum() else 0) or keys.US_KEYS.get(key, 0)

    def _is_shortcut(self) -> bool:
        """Return whether the modifiers make a shortcut of a key. AltGr does not, even if a client
        sends Ctrl with it. Ctrl and Alt do, but the server also takes them for AltGr."""
        pressed = self._pressed
        if pressed.win:
            return True
        if self._third_level or pressed.altgr:
            return pressed.alt
        return pressed.control or pressed.alt

    def _press_function(self, keysym: int) -> None:
        """Press a key that types no character."""
        if code := keys.KEYS.get(keysym, 0):
            self._pressed.hold(keysym, code)
        elif keysym in keys.KEYPAD_NUMBERS or keysym == keys.KEYPAD_SEPARATOR:
            self._press_number(keysym)
        elif keysym in keys.KEYPAD_MOVES:
            code = keys.KEYPAD_MOVES[keysym] | (keys.EXTENDED if self.locks.num else 0)
            self._pressed.hold(keysym, code)
        elif keysym in keys.LOCK_KEYS:
            self._press_lock(keysym)
        elif keysym == keys.LEFT_TAB:
            self._pressed.strike(keysym, (Stroke(keys.TAB, shift=True),))
        elif keysym == keys.PRINT:
            alt = self._pressed.alt
            self._pressed.hold(keysym, keys.SYSTEM_REQUEST if alt else keys.PRINT_SCREEN)
        elif keysym in keys.BREAKS or (keysym == keys.PAUSE and self._pressed.control):
            self._pressed.hold(keysym, keys.BREAK)
        elif keysym == keys.PAUSE:
            self._sink.pause()
        elif keysym in self._input_method:
            self._press_input_method(self._input_method[keysym])

    def _press_number(self, keysym: int) -> None:
        """Press a digit of the keypad, with Num Lock. Alt and digits type a code without it, and
        the release of a Windows key opens the Start menu."""
        code = keys.KEYPAD_NUMBERS.get(keysym, keys.KEYPAD_NUMBERS[keys.KEYPAD_DECIMAL])
        if not (self.locks.num or self._pressed.alt or self._pressed.win):
            self._set_locks(self.locks._replace(num=True))
        if self._is_shortcut():
            self._pressed.hold(keysym, code)
        else:
            self._pressed.strike(keysym, (Stroke(code),))

    def _press_lock(self, keysym: int) -> None:
        """Press a lock key. The Caps Lock of Japanese keyboards needs Shift."""
        code, field = keys.LOCK_KEYS[keysym]
        repeats = code in self._pressed
        if code == keys.CAPS_LOCK and self._input_method is keys.JAPANESE:
            self._pressed.strike(keysym, (Stroke(code, shift=True),))
        else:
            self._pressed.hold(keysym, code)
        if not repeats:
            self.locks = self.locks._replace(**{field: not getattr(self.locks, field)})

    def _press_input_method(self, code: int) -> None:
        if code == keys.CAPS_LOCK:
            self._pressed.strike(None, (Stroke(code),))  # with Shift, it is Caps Lock
        else:
            self._pressed.tap(code)

    def _release(self, keysym: int) -> None:
        if keysym in keys.ALTGR_KEYSYMS:
            self._third_level = False
        if keysym in self._struck:
            self._struck.discard(keysym)
            return
        for code in self._pressed.codes(keysym) or list(self._other_codes(keysym)):
            self._pressed.release(code)

    def _other_codes(self, keysym: int) -> Iterator[int]:
        """The keys that may have been pressed by another keysym than the one that is released."""
        if text := self._text(keysym):
            yield self.layout.key(text)
        elif keysym in keys.KEYS:
            yield keys.KEYS[keysym]
        elif code := keys.KEYPAD_NUMBERS.get(keysym) or keys.KEYPAD_MOVES.get(keysym):
            yield code
            yield code | keys.EXTENDED
        elif keysym == keys.LEFT_TAB:
            yield keys.TAB
        elif keysym == keys.PRINT:
            yield keys.SYSTEM_REQUEST
            yield keys.PRINT_SCREEN
        elif keysym == keys.PAUSE or keysym in keys.BREAKS:
            yield keys.BREAK

    def _set_locks(self, locks: Locks) -> None:
        self.locks = locks
        self._pressed.set_locks(locks)


def _is_modifier(keysym: int) -> bool:
    return keys.KEYS.get(keysym) in keys.MODIFIERS or keysym in keys.ALTGR_KEYSYMS
