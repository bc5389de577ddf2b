"""Keys from bytes: pastes by and by, in order, until Ctrl-C."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from prompt_toolkit.input.vt100_parser import _IS_PREFIX_OF_LONGER_MATCH_CACHE
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

from handlers.database.console import keyboard as module
from handlers.database.console.keyboard import BYTES_AT_ONCE, KEYS_AT_ONCE, PREFIXES_MAX, Keyboard
from tests.support.loopback import until

PASTE = b"\x1b[200~", b"\x1b[201~"


@pytest.fixture
def keyboard() -> Keyboard:
    return Keyboard()


@asynccontextmanager
async def reader(keyboard: Keyboard) -> AsyncIterator[list[list[KeyPress]]]:
    """Collect the keys that are read, portion by portion."""
    read: list[list[KeyPress]] = []
    with keyboard.attach(lambda: read.append(keyboard.read_keys())):
        await until(lambda: keyboard._next is None)
        yield read


def typed(read: list[list[KeyPress]]) -> str:
    return "".join(key.data for keys in read for key in keys)


async def test_what_is_typed_is_read_at_once(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        for character in "ab\x1b":
            keyboard.feed(character.encode())
    assert [key.key for keys in read for key in keys] == ["a", "b", Keys.Escape]


async def test_a_paste_comes_in_portions_and_keys_stay_behind_it(keyboard: Keyboard) -> None:
    text = "select 1;\r" * 1000
    async with reader(keyboard) as read:
        keyboard.feed(text.encode())
        assert len(typed(read)) <= BYTES_AT_ONCE
        keyboard.feed(b"z")
        await until(lambda: typed(read).endswith("z"))
    assert typed(read) == f"{text}z"
    assert max(map(len, read)) <= KEYS_AT_ONCE
    assert all(key.key != Keys.Enter for keys in read for key in keys[:-1])


async def test_a_paste_in_brackets_is_one_key(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.feed(PASTE[0] + b"x" * 1_000_000 + PASTE[1])
    [key] = [key for keys in read for key in keys]
    assert key == KeyPress(Keys.BracketedPaste, "x" * 1_000_000)


async def test_characters_are_not_torn(keyboard: Keyboard) -> None:
    text = "x" + "山" * 5000
    async with reader(keyboard) as read:
        keyboard.feed(text.encode())
        await until(lambda: len(typed(read)) == len(text))
    assert typed(read) == text


async def test_ctrl_c_ends_a_paste(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.feed(b"select 1;\r" * 100_000)
        await until(lambda: len(read) > 3)
        keyboard.feed(b"\x03")
        await until(lambda: typed(read).endswith("\x03"))
        keyboard.feed(b"z")
        await until(lambda: typed(read).endswith("z"))
    assert typed(read).endswith("\x03z")
    assert len(typed(read)) < 100_000


async def test_what_is_typed_ahead_waits_and_is_counted_where_it_is_lost(
    keyboard: Keyboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEYS_MAX", 100)
    monkeypatch.setattr(module, "WAITING_MAX", 5000)
    keyboard.feed(b"abc\r" * 1000)
    await until(lambda: keyboard._next is None)
    keyboard.feed(b"x" * 5000)
    assert keyboard.take_lost() == 5000
    assert keyboard.take_lost() == 0
    async with reader(keyboard) as read:
        pass
    assert typed(read) == "abc\r" * 1000


async def test_what_is_held_comes_later(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.feed(b"a")
        assert typed(read) == "a"
        keyboard.hold([KeyPress("b", "b")])
        keyboard.feed(b"c")
        assert typed(read) == "a"
        keyboard.release()
        await until(lambda: typed(read) == "abc")


async def test_ctrl_c_ends_what_is_held(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.hold([KeyPress("b", "b")])
        keyboard.feed(b"\x03")
        await until(lambda: typed(read) == "\x03")
    assert not keyboard.interrupted


async def test_the_terminal_is_heard_before_what_waits(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.hold([])
        keyboard.feed(b"x" * 10_000)
        keyboard.feed(b"\x1b[7;1R")
        await until(lambda: typed(read) == "\x1b[7;1R")


async def test_a_key_that_never_ends_is_not_remembered(keyboard: Keyboard) -> None:
    async with reader(keyboard) as read:
        keyboard.feed(b"\x1b[")
        for _ in range(3 * PREFIXES_MAX):
            keyboard.feed(b"1")
        assert len(typed(read)) == 3 * PREFIXES_MAX + 2
    assert sum(map(len, _IS_PREFIX_OF_LONGER_MATCH_CACHE)) < 100_000
