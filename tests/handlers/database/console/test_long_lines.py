"""The part that is shown of lines that are too long for a screen."""

from __future__ import annotations

import pytest
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.layout import BufferControl
from prompt_toolkit.layout.processors import Transformation, TransformationInput
from prompt_toolkit.lexers import Lexer, SimpleLexer

from handlers.database.console.long_lines import BLOCK, SHOWN_MAX, ColoursOfLines, LongLines

LINE = "".join(chr(0x100 + number % 1000) for number in range(10 * BLOCK))


def transformed(text: str, cursor: int) -> Transformation:
    document = Document(text, cursor)
    wanted = TransformationInput(
        BufferControl(Buffer()), document, 0, lambda place: place, [("", text)], 80, 24
    )
    return LongLines().apply_transformation(wanted)


def shown(transformation: Transformation) -> str:
    return "".join(fragment[1] for fragment in transformation.fragments)


def test_a_short_line_is_shown_whole() -> None:
    assert shown(transformed(LINE[:SHOWN_MAX], 5)) == LINE[:SHOWN_MAX]


@pytest.mark.parametrize("cursor", [0, BLOCK, 2 * BLOCK - 1, 5 * BLOCK, len(LINE)])
def test_the_cursor_is_among_what_is_shown(cursor: int) -> None:
    found = transformed(LINE, cursor)
    place = found.source_to_display(cursor)
    text = shown(found)
    assert text[place - 20 : place] == LINE[max(0, cursor - 20) : cursor][-20:] or cursor == 0
    assert found.display_to_source(place) == cursor
    assert len(text) <= SHOWN_MAX + 60


def test_marks_tell_how_much_is_left_out() -> None:
    text = shown(transformed(LINE, 5 * BLOCK))
    assert text.startswith(f"… {4 * BLOCK} characters …")
    assert text.endswith(f"… {3 * BLOCK} characters …")
    assert len(shown(transformed(LINE, 0))) == SHOWN_MAX + len(f"… {7 * BLOCK} characters …")


def test_long_lines_have_no_colours() -> None:
    class Red(Lexer):
        def lex_document(self, document):  # type: ignore[no-untyped-def]
            return SimpleLexer("red").lex_document(document)

    lexer = ColoursOfLines(Red())
    assert lexer.lex_document(Document("a\nb"))(1) == [("red", "b")]
    assert lexer.lex_document(Document(f"a\n{LINE}"))(0) == [("", "a")]
