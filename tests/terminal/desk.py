"""A person at a terminal, for tests: types, points, and writes down what comes out."""

from __future__ import annotations

from typing import Any

from terminal.input.mouse import Button
from terminal.input.person import Person
from terminal.terminal import Terminal, TerminalOptions
from terminal.text.links import Link

KEYS = {
    "shift": 0xFFE1, "shift_r": 0xFFE2, "ctrl": 0xFFE3, "ctrl_r": 0xFFE4, "meta": 0xFFE7,
    "alt": 0xFFE9, "alt_r": 0xFFEA, "super": 0xFFEB, "altgr": 0xFE03, "mode_switch": 0xFF7E,
    "Backspace": 0xFF08, "Tab": 0xFF09, "Enter": 0xFF0D, "Escape": 0xFF1B, "Delete": 0xFFFF,
    "Home": 0xFF50, "Left": 0xFF51, "Up": 0xFF52, "Right": 0xFF53, "Down": 0xFF54,
    "PageUp": 0xFF55, "PageDown": 0xFF56, "End": 0xFF57, "Insert": 0xFF63, "F1": 0xFFBE,
    "KP_7": 0xFFB7, "KP_Enter": 0xFF8D, "KP_Home": 0xFF95, "KP_Add": 0xFFAB,
    "ISO_Left_Tab": 0xFE20,
}  # fmt: skip


def keysym(name: str) -> int:
    """The keysym of a key's name, or of a character as clients send it."""
    if name in KEYS:
        return KEYS[name]
    code = ord(name)
    return code if code < 0x100 else 0x01000000 + code


class Desk:
    """Has a terminal of 10x19 pixels a cell; `clock` is in seconds and moves on by itself."""

    def __init__(self, **options: Any) -> None:
        self.replies: list[bytes] = []
        self.titles: list[str] = []
        self.copies: list[str] = []
        self.written: list[bytes] = []
        self.commands: list[tuple[int, str]] = []
        self.followed: list[str] = []
        self.refused: list[int] = []
        self.clock = 100.0
        self.person = Person()
        self.terminal = Terminal(TerminalOptions(**{"width": 1024, "height": 768, **options}), self)

    # ---- TerminalListener

    def reply(self, data: bytes) -> None:
        self.replies.append(data)

    def title_changed(self, title: str) -> None:
        self.titles.append(title)

    def bell(self) -> None:
        """Not of interest."""

    def clipboard_written(self, data: bytes) -> None:
        self.written.append(data)

    def clipboard_read(self) -> bytes | None:
        return None

    def osc(self, number: int, text: str) -> None:
        self.commands.append((number, text))

    def copied(self, text: str) -> None:
        self.copies.append(text)

    def link_followed(self, person: Person, link: Link) -> None:
        self.followed.append(link.uri)

    def copy_refused(self, size: int, limit: int) -> None:
        self.refused.append(size)

    def paste_refused(self, person: Person) -> None:
        self.refused.append(0)

    # ---- hands

    def press(self, *names: str, person: Person | None = None) -> bytes:
        """Hold the first keys while the last one is pressed; returns what the last one sends."""
        person = person or self.person
        codes = [keysym(name) for name in names]
        for code in codes[:-1]:
            self.terminal.key(person, code, True)
        data = self.terminal.key(person, codes[-1], True)
        for code in reversed(codes):
            self.terminal.key(person, code, False)
        return data

    def hold(self, name: str, down: bool = True) -> None:
        """Press a key and keep it down, or let it go."""
        self.terminal.key(self.person, keysym(name), down)

    def point(self, x: int, y: int, buttons: int = 0, person: Person | None = None) -> bytes:
        """Move the pointer to a pixel of the window."""
        self.clock += 0.01
        return self.terminal.mouse(person or self.person, x, y, int(Button(buttons)), self.clock)

    def pixel(self, column: float, row: int) -> tuple[int, int]:
        """A pixel of a cell in the viewport; 2.5 is the middle of column 2."""
        layout = self.terminal.layout
        x = layout.text.x + int(column * layout.cell_width)
        return x, layout.text.y + row * layout.cell_height + layout.cell_height // 2

    def click(self, column: float, row: int, times: int = 1, button: int = 1) -> bytes:
        """Click on a cell, some time after any other click."""
        self.clock += 10
        data = b""
        for _ in range(times):
            data += self.point(*self.pixel(column, row), button)
            data += self.point(*self.pixel(column, row))
        return data

    def drag(self, start: tuple[float, int], end: tuple[float, int]) -> bytes:
        """Drag with the left button from (column, row) to (column, row)."""
        self.clock += 10
        return (
            self.point(*self.pixel(*start), 1)
            + self.point(*self.pixel(*end), 1)
            + self.point(*self.pixel(*end))
        )

    def wheel(self, up: bool, column: float = 2, row: int = 2) -> bytes:
        """One step of the wheel."""
        place = self.pixel(column, row)
        return self.point(*place, 8 if up else 16) + self.point(*place)

    def show(self, *lines: str) -> None:
        """Have the host write lines."""
        self.terminal.feed("".join(f"{line}\r\n" for line in lines).encode())
