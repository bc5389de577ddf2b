"""A computer that receives keys: it translates them with a layout, as Windows does.

It shares only the file of the layouts with the keyboard. It knows modifiers, locks and dead keys,
and fails on a code that does not exist and on the release of a key that is not down.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import handlers.rdp.keyboard
from handlers.rdp.keyboard import Keyboard, Locks, layout_named

LAYOUTS = Path(handlers.rdp.keyboard.__file__).with_name("layouts.jsonl")

SHIFT_L, SHIFT_R, CONTROL_L, CONTROL_R = 0xFFE1, 0xFFE2, 0xFFE3, 0xFFE4
ALT_L, ALT_R, SUPER_L, ALTGR = 0xFFE9, 0xFFEA, 0xFFEB, 0xFE03
CAPS_LOCK, NUM_LOCK = 0xFFE5, 0xFF7F

EXTENDED = 0x100
SHIFTS, CONTROLS, ALT, RIGHT_ALT = {0x2A, 0x36}, {0x1D, 0x11D}, 0x38, 0x138
WINS = {0x15B, 0x15C}
KEYPAD = {
    0x47: "7", 0x48: "8", 0x49: "9", 0x4B: "4", 0x4C: "5", 0x4D: "6", 0x4F: "1", 0x50: "2",
    0x51: "3", 0x52: "0", 0x53: ".",
}  # fmt: skip


@cache
def layouts() -> dict[str, dict[str, Any]]:
    """The layouts by name."""
    found = {}
    for line in LAYOUTS.read_text(encoding="utf-8").splitlines():
        layout = json.loads(line)
        found.update(dict.fromkeys(layout["names"], layout))
    return found


def keysym(character: str) -> int:
    code = ord(character)
    return code if 0x20 <= code < 0x7F or 0xA0 <= code < 0x100 else 0x01000000 + code


@dataclass
class Receiver:
    """The computer. Codes of keys with the prefix E0 include `EXTENDED`."""

    layout: dict[str, Any]
    down: set[int] = field(default_factory=set)
    caps: bool = False
    num: bool = False
    x: bool = False
    """Caps Lock has an effect as on X: on all letters, and on nothing else."""
    units: list[int] = field(default_factory=list)
    """The typed text in UTF-16."""
    unicode_units: int = 0
    """How many of these were not typed with keys."""
    commands: list[tuple[str, int]] = field(default_factory=list)
    """The modifiers and the codes of keys that typed nothing."""
    pauses: int = 0
    syncs: int = 0
    dead: str = ""

    @property
    def text(self) -> str:
        data = b"".join(unit.to_bytes(2, "little") for unit in self.units)
        return data.decode("utf-16-le")

    def scancode(self, code: int, *, extended: bool, pressed: bool) -> None:
        assert 1 <= code <= 0x7F
        code |= EXTENDED if extended else 0
        if not pressed:
            self.down.remove(code)
            return
        repeats = code in self.down
        self.down.add(code)
        if code in SHIFTS | CONTROLS | WINS | {ALT, RIGHT_ALT}:
            return
        if code == 0x3A and not repeats and self._is_caps_lock():
            self.caps = not self.caps
        elif code == 0x45 and not repeats:
            self.num = not self.num
        else:
            self._translate(code)

    def unicode(self, unit: int, *, pressed: bool) -> None:
        assert not self.down & (SHIFTS | CONTROLS | {ALT, RIGHT_ALT}), "a modifier is down"
        assert 0 <= unit <= 0xFFFF
        if pressed:
            self.units.append(unit)
            self.unicode_units += 1

    def locks(self, *, scroll: bool, num: bool, caps: bool, kana: bool) -> None:
        assert not scroll
        assert not kana
        self.down.clear()
        self.num, self.caps = num, caps
        self.syncs += 1

    def pause(self) -> None:
        self.pauses += 1

    def _is_caps_lock(self) -> bool:
        """Return whether the key 0x3A is Caps Lock: on Japanese keyboards, it is so with Shift."""
        return self.layout["hardware"][0] != 7 or bool(self.down & SHIFTS)

    def _translate(self, code: int) -> None:
        altgr = RIGHT_ALT in self.down and self.layout["altgr"]
        control = bool(self.down & CONTROLS) or altgr
        alt = ALT in self.down or RIGHT_ALT in self.down
        shift = bool(self.down & SHIFTS)
        if control != alt or self.down & WINS:
            self._command(code)
        elif code in KEYPAD and self.num and not shift:
            self._append(KEYPAD[code] if code != 0x53 else self.layout["decimal"])
        elif character := self._character(code, shift, control and alt):
            self._put(character)
        else:
            self._command(code)

    def _command(self, code: int) -> None:
        altgr = RIGHT_ALT in self.down and self.layout["altgr"]
        names = {"S": SHIFTS, "C": CONTROLS, "A": {ALT} if altgr else {ALT, RIGHT_ALT}, "W": WINS}
        held = "".join(name for name, codes in names.items() if self.down & codes)
        self.commands.append((held + ("G" if altgr else ""), code))

    def _character(self, code: int, shift: bool, altgr: bool) -> str:
        row = self.layout["keys"].get(f"{code:02x}", [])
        at = shift + 2 * altgr + (4 if self.caps and len(row) > 4 and not self.x else 0)
        character = row[at] if at < len(row) else ""
        return character.swapcase() if self.caps and self.x else character

    def _put(self, character: str) -> None:
        if not self.dead:
            if len(character) == 2:
                self.dead = character[0]
            else:
                self._append(character)
            return
        pairs = self.layout["dead"][self.dead]
        composed = dict(zip(pairs[::2], pairs[1::2], strict=True))
        self._append(composed.get(character[0], self.dead + character[0]))
        self.dead = ""

    def _append(self, text: str) -> None:
        data = text.encode("utf-16-le")
        self.units += [int.from_bytes(data[at : at + 2], "little") for at in range(0, len(data), 2)]


class Desk:
    """A user's keyboard and the computer that it is connected to."""

    def __init__(
        self, name: str, *, caps: bool = False, num: bool = False, x: bool = False
    ) -> None:
        model = layouts()["en-us-qwerty" if name == "failsafe" else name]
        self.receiver = Receiver(model, caps=caps, num=num, x=x)
        self.keyboard = Keyboard(layout_named(name), self.receiver)
        self.keyboard.report(Locks(caps=caps, num=num))

    def press(self, *keysyms: int) -> None:
        for one in keysyms:
            self.keyboard.key(one, True)

    def release(self, *keysyms: int) -> None:
        for one in keysyms:
            self.keyboard.key(one, False)

    def stroke(self, *keysyms: int) -> None:
        """Press keys one after the other, and release them in the opposite order."""
        self.press(*keysyms)
        self.release(*reversed(keysyms))

    def type(self, text: str) -> str:
        """Type characters, and return what the computer has received for them."""
        before = len(self.receiver.text)
        for one in text:
            self.stroke(keysym(one))
        return self.receiver.text[before:]
