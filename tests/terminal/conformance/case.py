"""A case of the conformance set, and an engine's result for it."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.engines.available import engine
from terminal.engines.contents import CLUSTER_BASE, Cursor, ScreenUpdate, Style
from terminal.engines.emulator import Emulator, EmulatorOptions
from tests.terminal.engine import COLOURS, Heard

COLUMNS, ROWS = 20, 6
ENGINES = ("ghostty", "pyte")


@dataclass(frozen=True, slots=True)
class Case:
    """Bytes for a screen of 20 by 6, and what has to come of them; None is not looked at."""

    name: str
    data: str
    screen: tuple[str, ...] | None = None
    """The first rows without blanks at their ends; the others are empty."""
    cursor: tuple[int, int] | None = None
    """Column and row, from 0."""
    style: Style | None = None
    """Of the cell at the top left."""
    replies: str | None = None
    title: str | None = None

    def __str__(self) -> str:
        return self.name


def rows(*texts: str) -> tuple[str, ...]:
    """Rows of a screen."""
    return texts


def open_engine(
    name: str, heard: Heard, columns: int = COLUMNS, lines: int = ROWS, scrollback: int = 100
) -> Emulator:
    """An engine of a name; the caller closes it."""
    options = EmulatorOptions(
        columns=columns,
        rows=lines,
        colours=COLOURS,
        scrollback_rows=scrollback,
        answerback=b"guacr here",
    )
    return engine(name)(options, heard)


def screen_of(emulator: Emulator) -> tuple[str, ...]:
    """The text of the viewport's rows, without blanks at their ends."""
    top = emulator.scrollbar.offset
    found = (emulator.row_at(top + row) for row in range(emulator.rows))
    return tuple("".join(row.cells).rstrip() if row else "" for row in found)


@dataclass(frozen=True, slots=True)
class Picture:
    """All that a screen shows, for comparison."""

    text: list[list[str]]
    widths: list[list[int]]
    styles: list[list[Style]]
    cursor: Cursor


def picture(update: ScreenUpdate) -> Picture:
    """Return the picture of a full update."""
    clusters = update.cluster_table
    return Picture(
        [
            [clusters[code - CLUSTER_BASE] if code >= CLUSTER_BASE else chr(code) for code in row]
            for row in update.codes.tolist()
        ],
        update.widths.tolist(),
        [[update.style_table[number] for number in row] for row in update.styles.tolist()],
        update.cursor,
    )


def faults(case: Case, name: str) -> list[str]:
    """Return the faults of the named engine in a case."""
    heard = Heard()
    emulator = open_engine(name, heard)
    emulator.feed(case.data.encode())
    update = emulator.update(full=True)
    screen, replies = screen_of(emulator), heard.replies.decode()
    style = update.style_table[update.styles[0, 0]]
    emulator.close()
    found: list[tuple[str, object, object]] = [("style", case.style, style)]
    found.append(("replies", case.replies, replies))
    found.append(("cursor", case.cursor, (update.cursor.column, update.cursor.row)))
    found.append(("title", case.title, heard.titles[-1] if heard.titles else ""))
    if case.screen is not None:
        wanted = case.screen + ("",) * (ROWS - len(case.screen))
        found.append(("screen", wanted, screen))
    return [
        f"{what}: expected {wanted!r}, got {got!r}"
        for what, wanted, got in found
        if wanted is not None and wanted != got
    ]
