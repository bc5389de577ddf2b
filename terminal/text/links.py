"""Links in a terminal: those that programs create with OSC 8, and addresses in the text."""

from __future__ import annotations

from dataclasses import dataclass

from terminal.engines.contents import Position, Span
from terminal.engines.emulator import Emulator
from terminal.text import words

SCHEMES = ("http", "https", "mailto", "ftp")
"""The schemes that may be opened."""
LINK_ROWS = 8
"""Maximum rows of a link, in each direction, that are highlighted together."""


@dataclass(frozen=True, slots=True)
class Link:
    """The target of a link, and its cells."""

    uri: str
    span: Span

    @property
    def may_be_opened(self) -> bool:
        """True if the link has one of the `SCHEMES` and contains nothing that hides its target;
        this excludes blanks and joiners, which `guacr.showable` allows."""
        scheme, colon, _ = self.uri.partition(":")
        return bool(colon) and scheme.lower() in SCHEMES and self.uri.isprintable()


def link_at(emulator: Emulator, position: Position, *, plain: bool) -> Link | None:
    """The link at a cell; with `plain`, also an address in the text."""
    uri = emulator.hyperlink_at(position)
    if uri is not None:
        return Link(uri, _extent(emulator, position, uri))
    span = words.uri_at(emulator, position) if plain else None
    if span is None:
        return None
    text = emulator.text(span)
    return Link(text if ":" in text[:16] else f"http://{text}", span)


def _extent(emulator: Emulator, position: Position, uri: str) -> Span:
    """The cells before and after that have the same target."""
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
