"""Does once what is slow the first time, so that no session waits for it.

The C library's declarations are parsed as they are first used, and glyphs are drawn as they are
first shown: together more than half a second of a process's life.
"""

from __future__ import annotations

from dataclasses import dataclass

from terminal import keysyms
from terminal.links import Link
from terminal.person import Person
from terminal.terminal import Terminal, TerminalOptions

_ASCII = bytes(range(0x20, 0x7F))
_TEXT = (
    b"%b\r\n\x1b[1m%b\x1b[0m\r\nwww.example.org \x1b]8;;https://example.org\x1b\\link\x1b]8;;\x1b\\"
    b"\r\n\x1b[6n\x1b]2;title\x07"
) % (_ASCII, _ASCII)


@dataclass(slots=True)
class _Nobody:
    """Hears everything and does nothing."""

    def reply(self, data: bytes) -> None:
        """See `TerminalListener`; so for the others."""

    def title_changed(self, title: str) -> None:
        """Not of interest."""

    def bell(self) -> None:
        """Not of interest."""

    def clipboard_written(self, data: bytes) -> None:
        """Not of interest."""

    def clipboard_read(self) -> bytes | None:
        """See `EmulatorListener.clipboard_read`."""
        return None

    def osc(self, number: int, text: str) -> None:
        """Not of interest."""

    def copied(self, text: str) -> None:
        """Not of interest."""

    def link_followed(self, person: Person, link: Link) -> None:
        """Not of interest."""

    def copy_refused(self, size: int, limit: int) -> None:
        """Not of interest."""

    def paste_refused(self, person: Person) -> None:
        """Not of interest."""


def rehearse(options: TerminalOptions) -> object:
    """Use a terminal in every way; the glyphs of its font stay drawn as long as what is returned
    is kept.

    Raises:
        GuacrError: no such terminal can be started.
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
    terminal.rest()
    atlas = terminal.surface.atlas
    terminal.close()
    return atlas
