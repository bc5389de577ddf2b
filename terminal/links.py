"""Links in a terminal: those that programs make by OSC 8, and addresses as they stand there."""

from __future__ import annotations

from dataclasses import dataclass

from terminal import words
from terminal.contents import Position, Span
from terminal.emulator import Emulator

SCHEMES = ("http", "https", "mailto", "ftp")
"""Those that may be opened."""
LINK_ROWS = 8
"""Rows of a link, in each direction, that are shown as one."""


@dataclass(frozen=True, slots=True)
class Link:
    """Where a link leads, and its cells."""

    uri: str
    span: Span

    @property
    def may_be_opened(self) -> bool:
        """Whether it is of one of the `SCHEMES`, and holds nothing that hides where it leads: no
        blanks and joiners either, which `guacr.showable` lets pass."""
        scheme, colon, _ = self.uri.partition(":")
        return bool(colon) and scheme.lower() in SCHEMES and self.uri.isprintable()


def link_at(emulator: Emulator, position: Position, *, plain: bool) -> Link | None:
    """The link that covers a cell; with `plain` also an address that is mere text."""
    uri = emulator.hyperlink_at(position)
    if uri is not None:
        return Link(uri, _extent(emulator, position, uri))
    span = words.uri_at(emulator, position) if plain else None
    if span is None:
        return None
    text = emulator.text(span)
    return Link(text if ":" in text[:16] else f"http://{text}", span)


def _extent(emulator: Emulator, position: Position, uri: str) -> Span:
    """The cells before and after that lead to the same place."""
    columns = emulator.columns

    def reach(step: int) -> Position:
        at = position
        while True:
            rows, column = divmod(at.column + step, columns)
            following = Position(column, at.row + rows)
            far = abs(following.row - position.row) > LINK_ROWS
            if far or emulator.hyperlink_at(following) != uri:
                return at
            at = following

    return Span(reach(-1), reach(1))
