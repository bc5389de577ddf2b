"""Show a part of overlong lines, with marks for the rest.

prompt_toolkit lays out, colours and measures the whole line at each key, however long it is.
"""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.document import Document
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput
from prompt_toolkit.lexers import Lexer, SimpleLexer
from typing_extensions import override

BLOCK = 2048
"""Characters per block: those of the cursor, before it and after it are shown."""
SHOWN_MAX = 3 * BLOCK
"""Maximum characters of a line that is shown completely."""
_MARK_STYLE = "class:left-out"


class LongLines(Processor):
    """Omits text that is far from the cursor or, in other lines, from the start."""

    @override
    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        fragments = transformation_input.fragments
        length = sum(len(fragment[1]) for fragment in fragments)
        if length <= SHOWN_MAX:
            return Transformation(fragments)
        document = transformation_input.document
        here = transformation_input.lineno == document.cursor_position_row
        column = document.cursor_position_col if here else 0
        start = max(0, column // BLOCK - 1) * BLOCK
        end = start + SHOWN_MAX
        before = _mark(start)
        shown = [*before, *_part(fragments, start, end), *_mark(length - end)]
        width = sum(len(fragment[1]) for fragment in before)
        return Transformation(
            shown,
            source_to_display=lambda place: min(max(place - start, 0), SHOWN_MAX) + width,
            display_to_source=lambda place: min(max(place - width, 0) + start, length),
        )


def _mark(count: int) -> StyleAndTextTuples:
    return [(_MARK_STYLE, f"… {count} characters …")] if count > 0 else []


def _part(fragments: StyleAndTextTuples, start: int, end: int) -> StyleAndTextTuples:
    """A range of characters of a line."""
    found: StyleAndTextTuples = []
    place = 0
    for style, text, *_ in fragments:
        piece = text[max(0, start - place) : max(0, end - place)]
        if piece:
            found.append((style, piece))
        place += len(text)
    return found


class ColoursOfLines(Lexer):
    """The colours of a different lexer, except for texts with overlong lines."""

    def __init__(self, lexer: Lexer) -> None:
        self._lexer = lexer
        self._plain = SimpleLexer()

    @override
    def lex_document(self, document: Document) -> Callable[[int], StyleAndTextTuples]:
        is_long = any(len(line) > SHOWN_MAX for line in document.lines)
        return (self._plain if is_long else self._lexer).lex_document(document)
