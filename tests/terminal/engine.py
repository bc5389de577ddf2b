"""A terminal engine with a listener that writes down what it hears, and colours to see by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from terminal.engines.contents import Colours
from terminal.engines.emulator import EmulatorOptions
from terminal.engines.ghostty.emulator import GhosttyEmulator

COLOURS = Colours(
    foreground=(200, 200, 200),
    background=(0, 0, 40),
    cursor=None,
    palette=bytes((index * step) % 256 for index in range(256) for step in (1, 7, 31)),
)


@dataclass
class Heard:
    """Everything that a listener was told."""

    replies: bytes = b""
    titles: list[str] = field(default_factory=list)
    bells: int = 0
    clipboards: list[bytes] = field(default_factory=list)
    oscs: list[tuple[int, str]] = field(default_factory=list)
    clipboard: bytes | None = None

    def reply(self, data: bytes) -> None:
        self.replies += data

    def title_changed(self, title: str) -> None:
        self.titles.append(title)

    def bell(self) -> None:
        self.bells += 1

    def clipboard_written(self, data: bytes) -> None:
        self.clipboards.append(data)

    def clipboard_read(self) -> bytes | None:
        return self.clipboard

    def osc(self, number: int, text: str) -> None:
        self.oscs.append((number, text))


def start(
    columns: int = 20, rows: int = 5, heard: Heard | None = None, **options: Any
) -> GhosttyEmulator:
    """An engine of this size; the caller closes it."""
    settings = {"columns": columns, "rows": rows, "colours": COLOURS, **options}
    return GhosttyEmulator(EmulatorOptions(**settings), heard or Heard())


def lines(emulator: GhosttyEmulator) -> list[str]:
    """The text of the viewport's rows, without blanks at their ends."""
    top = emulator.scrollbar.offset
    rows = (emulator.row_at(top + row) for row in range(emulator.rows))
    return ["".join(row.cells).rstrip() if row else "" for row in rows]
