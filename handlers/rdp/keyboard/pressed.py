"""The keys that are down on the server, and the modifiers among them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from handlers.rdp.keyboard import keys
from handlers.rdp.keyboard.layout import Layout, Stroke
from handlers.rdp.keyboard.sink import KeySink, Locks

HELD_MAX = 64
"""Maximum keys that are down. Further ones are pressed and released at once."""


class PressedKeys:
    """The keys that are down. A key belongs to the keysym that pressed it last.

    Args:
        layout: the layout of the server.
        sink: receives the input events.
    """

    def __init__(self, layout: Layout, sink: KeySink) -> None:
        self._sink = sink
        self._altgr = (keys.ALT_RIGHT,) if layout.has_altgr else (keys.CONTROL_LEFT, keys.ALT_LEFT)
        self._alts = frozenset((keys.ALT_LEFT,)) if layout.has_altgr else keys.ALTS
        self._held: dict[int, int] = {}
        """The keysyms by the codes of the keys, in the order of pressing."""

    def __contains__(self, code: int) -> bool:
        return code in self._held

    @property
    def shift(self) -> bool:
        """Either Shift key."""
        return not self._held.keys().isdisjoint(keys.SHIFTS)

    @property
    def control(self) -> bool:
        """Either Ctrl key."""
        return not self._held.keys().isdisjoint(keys.CONTROLS)

    @property
    def alt(self) -> bool:
        """An Alt key that is not AltGr."""
        return not self._held.keys().isdisjoint(self._alts)

    @property
    def altgr(self) -> bool:
        """The AltGr key, if the layout has one."""
        return keys.ALT_RIGHT in self._held and keys.ALT_RIGHT not in self._alts

    @property
    def win(self) -> bool:
        """Either Windows key."""
        return not self._held.keys().isdisjoint(keys.WINS)

    def codes(self, keysym: int) -> list[int]:
        """Return the keys that a keysym holds."""
        return [code for code, owner in self._held.items() if owner == keysym]

    def hold(self, keysym: int, code: int) -> None:
        """Press a key until it is released; another key of the same keysym is released."""
        for other in self.codes(keysym):
            if other != code:
                self.release(other)
        if code not in self._held and len(self._held) >= HELD_MAX:
            self.tap(code)
            return
        self._held[code] = keysym
        self._put(code, True)

    def tap(self, code: int) -> None:
        """Press and release a key."""
        self._put(code, True)
        self._put(code, False)
        self._held.pop(code, None)

    def release(self, code: int) -> None:
        """Release a key, if it is down."""
        if self._held.pop(code, None) is not None:
            self._put(code, False)

    def release_all(self) -> None:
        """Release all keys, last pressed first."""
        for code in reversed(list(self._held)):
            self.release(code)

    def strike(self, keysym: int | None, strokes: tuple[Stroke, ...]) -> None:
        """Type a character. The key of a single stroke that needs no change of modifiers is held
        for the keysym, if there is one; other keys are pressed and released one after the other."""
        if keysym is not None and len(strokes) == 1 and not self.changes(strokes):
            self.hold(keysym, strokes[0].code)
            return
        for stroke in strokes:
            with self._modifiers(stroke):
                self.tap(stroke.code)

    def send(self, text: str) -> None:
        """Type a character by its number, without modifiers."""
        data = text.encode("utf-16-be")
        with self._modifiers(Stroke(0)):
            for at in range(0, len(data), 2):
                for pressed in (True, False):
                    self._sink.unicode(int.from_bytes(data[at : at + 2]), pressed=pressed)

    def changes(self, strokes: tuple[Stroke, ...]) -> int:
        """Return how many modifiers have to be pressed or released for some strokes."""
        return sum(len(codes) for stroke in strokes for codes in self._differences(stroke))

    def set_locks(self, locks: Locks) -> None:
        """Set the server's locks, which releases all keys: only modifiers are pressed again."""
        for code in [one for one in self._held if one not in keys.MODIFIERS]:
            self.release(code)
        for code in reversed(self._held):
            self._put(code, False)
        self._sink.locks(**locks._asdict())
        for code in self._held:
            self._put(code, True)

    @contextmanager
    def _modifiers(self, stroke: Stroke) -> Iterator[None]:
        """Change the modifiers to those of a stroke, and back."""
        unwanted, missing = self._differences(stroke)
        for code in reversed(unwanted):
            self._put(code, False)
        for code in missing:
            self._put(code, True)
        yield
        for code in reversed(missing):
            self._put(code, False)
        for code in unwanted:
            self._put(code, True)

    def _differences(self, stroke: Stroke) -> tuple[list[int], list[int]]:
        """The modifiers that have to be released, and those that have to be pressed."""
        unwanted = frozenset[int]() if stroke.shift else keys.SHIFTS
        if not stroke.altgr:
            unwanted |= keys.CONTROLS | keys.ALTS
        missing = [keys.SHIFT_LEFT] if stroke.shift and not self.shift else []
        if stroke.altgr and not (self.altgr or (self.control and self.alt)):
            missing += [code for code in self._altgr if code not in self._held]
        return [code for code in self._held if code in unwanted], missing

    def _put(self, code: int, pressed: bool) -> None:
        extended = bool(code & keys.EXTENDED)
        self._sink.scancode(code & ~keys.EXTENDED, extended=extended, pressed=pressed)
