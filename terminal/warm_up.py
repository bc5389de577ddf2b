"""Do everything once that is slow the first time, so that no session waits for it.

The C library's declarations are parsed on first use, and glyphs are drawn when they are first
shown: together, this takes about half a second per process.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal.input import keysyms
from terminal.input.person import Person
from terminal.terminal import Terminal, TerminalOptions
from terminal.text.links import Link

_ASCII = bytes(range(0x20, 0x7F))
_TEXT = (
    b"%b\r\n\x1b[1m%b\x1b[0m\r\nwww.example.org \x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"
    b"\r\n\x1b[6n\x1b]2;title\x07"
) % (_ASCII, _ASCII)


@dataclass(slots=True)
class _Nobody:
    """A listener that ignores everything."""

    def reply(self, data: bytes) -> None:
        """Do nothing."""

    def title_changed(self, title: str) -> None:
        """Do nothing."""

    def bell(self) -> None:
        """Do nothing."""

    def clipboard_written(self, data: bytes) -> None:
        """Do nothing."""

    def clipboard_read(self) -> bytes | None:
        """Refuse."""
        return None

    def osc(self, number: int, text: str) -> None:
        """Do nothing."""

    def copied(self, text: str) -> None:
        """Do nothing."""

    def link_followed(self, person: Person, link: Link) -> None:
        """Do nothing."""

    def copy_refused(self, size: int, limit: int) -> None:
        """Do nothing."""

    def paste_refused(self, person: Person) -> None:
        """Do nothing."""


def warm_up_terminal(options: TerminalOptions) -> object:
    """Use every feature of a terminal; the glyphs of its font are kept as long as the returned
    object.

    Raises:
        GuacrError: a terminal with these options cannot be started.
    """
    terminal, person = Terminal(options, _Nobody()), Person()
    terminal.feed(_TEXT)
    terminal.surface.take_damage()
    for keysym in (ord("x"), keysyms.UP):
        terminal.key(person, keysym, True)
        terminal.key(person, keysym, False)
    margin, row = terminal.layout.margin, terminal.layout.cell_height
    for step in range(8):  # single, double and triple clicks and drags, on words and an address
        x, y = margin + 10 * (step % 2) + 1, margin + row * (step // 4 * 2) + 1
        terminal.mouse(person, x, y, (step + 1) % 2, step / 100)
    terminal.mouse(person, margin, margin, 8, 1.0)
    terminal.paste("x")
    terminal.set_colour_scheme("background: light sea green")
    terminal.resize(options.width // 2, options.height // 2)
    terminal.surface.take_damage()
    terminal.trim()
    atlas = terminal.surface.atlas
    terminal.close()
    return atlas
