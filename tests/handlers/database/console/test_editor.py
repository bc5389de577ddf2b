"""The line editor, with keys as a person types them."""

from __future__ import annotations

import asyncio
import gc
import re
import weakref

import pytest
from prompt_toolkit.input import typeahead

from handlers.database.console.prompt import CONTEXT_MAX, LineEditor
from handlers.database.console.prompt_buffer import STEP_COST, TEXT_MAX, PromptBuffer
from handlers.database.console.prompt_layout import MENU_ROWS
from handlers.database.history import Texts
from terminal.engines.contents import Attributes
from tests.handlers.database.people import (
    BACKSPACE,
    DOWN,
    ENTER,
    ESCAPE,
    HOME,
    RIGHT,
    UP,
    Person,
    Room,
)
from tests.support.waiting import until


async def at_prompt(room: Room) -> Person:
    """Somebody at an empty database."""
    person = room.open("sqlite", keep_history="false")
    await person.sees("memory>")
    return person


async def test_ctrl_r_searches_what_was_typed(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 11 + 11;\nselect 20 + 20;\n")
    await person.sees("40\n(1 row)")
    person.control("r")
    person.type("11 +")
    await person.sees("I-search backward: 11 +", "memory> select 11 + 11;")
    person.press(ENTER)
    await person.waits(lambda: "I-search" not in person.text)
    person.press(ENTER)
    await person.waits(lambda: person.text.count("22") == 2)


async def test_ctrl_r_again_goes_on_to_older_ones(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 1 as first;\nselect 2 as second;\n")
    await person.sees("second\n")
    person.control("r")
    person.type("select")
    await person.sees("memory> select 2 as second;\n")
    person.control("r")
    await person.sees("memory> select 1 as first;\n")


async def test_the_undo_is_bounded() -> None:
    buffer = PromptBuffer(20_000)
    for _ in range(2000):
        buffer.save_to_undo_stack()
        buffer.insert_text("x")
    steps = buffer._undo_stack
    assert sum(len(text) + STEP_COST for text, _ in steps) <= 20_000
    assert len(steps) >= 5
    buffer.undo()
    assert len(buffer.text) == 1999
    for _ in range(100):
        buffer.undo()
    assert 1980 < len(buffer.text) < 1999, "older steps are forgotten"
    buffer.insert_text("y" * TEXT_MAX)
    assert "y" not in buffer.text


@pytest.mark.parametrize("key", ["c", "g"])
async def test_a_search_is_given_up(room: Room, key: str) -> None:
    person = await at_prompt(room)
    person.type("select 11;\nsel")
    await person.sees("memory> sel")
    person.control("r")
    person.type("1")
    await person.sees("I-search backward: 1")
    person.control(key)
    await person.waits(lambda: "I-search" not in person.text)
    person.type("ect 5 * 5;\n")
    await person.sees("25")


async def test_a_statement_is_edited_in_its_middle(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 1,\n2;")
    await person.sees("memory> select 1,\n      > 2;")
    person.press(UP, HOME, *[RIGHT] * 7)
    person.type("7 * 7, ")
    await person.sees("memory> select 7 * 7, 1,\n      > 2;")
    person.press(DOWN)
    person.control("e")
    person.press(ENTER)
    await person.sees("49")


async def test_a_line_that_is_longer_than_the_screen(room: Room) -> None:
    person = await at_prompt(room)
    person.type(f"select length('{'x' * 150}') - 108 as rest;")
    await person.waits(lambda: "108 as rest;" in person.text.replace("\n", "").replace("  ", ""))
    person.press(ENTER)
    await person.sees("42\n(1 row)")


async def test_completions_at_the_lowest_row(room: Room) -> None:
    person = await at_prompt(room)
    person.type("create table alphabet (a); create table alphorn (b);\n")
    await person.knows("alphorn")
    person.press(*[ENTER] * 60)
    person.type("select 5 from alp")
    await person.sees(" alphabet  table", " alphorn   table", "memory> select 5 from alp")
    person.type("\t")
    await person.sees("memory> select 5 from alphabet")
    person.press(ESCAPE)
    person.type(" union select 6 * 9;\n")
    await person.sees("54\n(1 row)")
    assert "alphorn" not in person.text


async def test_how_a_text_went_on_before_is_offered(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 1234 + 1;\n")
    await person.sees("1235")
    person.type("select 12")
    await person.sees("memory> select 1234 + 1;\n")
    person.control("e")
    person.press(ENTER)
    await person.waits(lambda: person.text.count("1235") == 2)


async def test_a_key_is_repeated(room: Room) -> None:
    person = await at_prompt(room)
    person.press(ESCAPE)
    person.type("4")
    await person.sees("Repeat: 4")
    person.type("z")
    await person.sees("memory> zzzz")
    assert "Repeat" not in person.text


async def test_completions_leave_the_screen_as_it_was(room: Room) -> None:
    person = await at_prompt(room)
    person.type("create table song (a);\n")
    await person.knows("song")
    person.type("s")
    await person.sees(" keyword", " song ")
    assert len([row for row in person.lines if row.startswith(" " * 8)]) == MENU_ROWS
    person.press(BACKSPACE)
    await person.waits(lambda: "keyword" not in person.text)
    assert person.text.strip().endswith("\nmemory>")


async def test_ctrl_c_and_ctrl_d(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 1")
    person.control("c")
    await person.sees("memory> select 1\nmemory>")
    person.type("x")
    person.control("d")
    await person.sees("memory> x")
    person.press(BACKSPACE)
    person.control("d")
    await person.session.wait_closed()


async def test_the_screen_becomes_narrower(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select 1,\n2 + 40;")
    await person.sees("      > 2 + 40;")
    person.transport.send("size", 500, 400)
    await person.waits(lambda: len(person.lines) < 30)
    await person.sees("memory> select 1,\n      > 2 + 40;")
    person.press(ENTER)
    await person.sees("42")


async def test_completion_looks_at_the_end_of_a_long_text(room: Room) -> None:
    person = await at_prompt(room)
    console = person.handler._console
    assert console is not None
    seen: list[tuple[int, str]] = []

    def suggest(before: str, word: str) -> list[tuple[str, str]]:
        seen.append((len(before), word))
        return [("zebra", "animal")]

    console._names.suggestions = suggest  # type: ignore[assignment]
    person.handler.send(b"\x1b[200~" + b"select 1,\n" * CONTEXT_MAX + b"\x1b[201~")
    person.type("zeb")
    await person.sees("zebra  animal")
    assert seen[-1] == (CONTEXT_MAX - 3, "zeb")
    person.type("\t;")
    await person.sees("      > zebra;")


async def test_a_letter_is_no_keyword(room: Room) -> None:
    person = await at_prompt(room)
    person.type("select c from t as c;")
    await person.sees("as c;")
    row = next(number for number, line in enumerate(person.lines) if line.endswith("as c;"))
    update = person.handler.terminal.emulator.update(full=True)
    codes, styles = update.codes[row], update.styles[row]
    bold = [
        chr(code)
        for code, style in zip(codes, styles, strict=True)
        if code and update.style_table[style].attributes & Attributes.BOLD
    ]
    assert "".join(bold) == "memory>selectfromas"


def line_editor(shown: list[str]) -> LineEditor:
    """An editor that draws into a list."""
    return LineEditor(
        shown.append,
        lambda: (80, 24),
        complete=lambda text: True,
        suggest=lambda before, word: [],
        lexer="sql",
        word=re.compile(r"\w+"),
        history=Texts(),
        is_secret=lambda text: False,
        max_undo=1000,
    )


async def test_a_session_that_ends_waits_for_no_answer_of_the_terminal() -> None:
    shown: list[str] = []
    editor = line_editor(shown)
    reading = asyncio.create_task(editor.read("> "))
    await until(lambda: "\x1b[6n" in "".join(shown), "a question where the cursor is")
    reading.cancel()
    for _ in range(20):
        await asyncio.sleep(0)
    ended = reading.cancelled()
    await asyncio.wait([reading])
    await editor.close()
    assert ended
    assert not typeahead._buffer, "the library keeps nothing of it"


async def test_its_parts_are_freed_without_a_collection_of_garbage() -> None:
    shown: list[str] = []
    editor = line_editor(shown)
    reading = asyncio.create_task(editor.read("> "))
    await until(lambda: "\x1b[6n" in "".join(shown), "a question where the cursor is")
    editor.keyboard.feed(b"\x12select")  # a search, whose text is in a buffer of its own
    await until(lambda: "I-search" in "".join(shown), "the search")
    layout = editor._app.layout
    kept = [weakref.ref(one) for one in (layout.current_buffer, *layout.find_all_controls())]
    reading.cancel()
    await asyncio.wait([reading])
    gc.disable()
    try:
        await editor.close()
        del editor, reading, layout
        await until(lambda: not any(ref() for ref in kept), "the end of all parts", 5)
    finally:
        gc.enable()
