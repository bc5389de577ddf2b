"""Parse keys from the bytes of a terminal."""

from __future__ import annotations

import asyncio
import io
import re
from codecs import getincrementaldecoder
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import partial
from itertools import count

from prompt_toolkit.application.current import get_app
from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100_parser import _IS_PREFIX_OF_LONGER_MATCH_CACHE, Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys
from typing_extensions import override

from terminal.input.paste import BRACKETS

KEYS_MAX = 65_536
"""Maximum unread keys; further input is kept as bytes."""
WAITING_MAX = 4 << 20
"""Maximum bytes of such input; anything beyond is lost, and counted."""
BYTES_AT_ONCE = 2048
"""Bytes of a paste that are parsed at a time, so that others have their turn."""
KEYS_AT_ONCE = 16
"""Keys that the line editor receives at a time, for the same reason."""
PREFIXES_MAX = 4096
"""Prefixes of keys that the library caches."""
_ids = count()
"""Numbers that are never used again; the library stores typed-ahead keys under them."""
_ANSWER = re.compile(rb"\x1b\[\d{1,6};\d{1,6}R")
"""The cursor position report of the terminal, which does not wait behind a paste."""
_CTRL_C = b"\x03"
_PASTE = BRACKETS[0]


class Keyboard(Input):
    """The input of a person, key by key and in order; pastes in portions.

    While `sink` is set, it receives keys first, and returns whether it handled them. All others
    wait for the line editor. `interrupted` is called when Ctrl-C is pressed while nobody reads
    keys.
    """

    def __init__(self) -> None:
        self.sink: Callable[[str, str], bool] | None = None
        self.interrupted = False
        self._id = f"guacr-{next(_ids)}"
        self._lost = 0
        self._decoder = getincrementaldecoder("utf-8")(errors="replace")
        self._parser = Vt100Parser(self._key)
        self._waiting = bytearray()
        self._keys: deque[KeyPress] = deque()
        self._answers: list[KeyPress] = []
        """Keys from the terminal, which the line editor waits for even when it is done."""
        self._text: list[str] = []
        """Plain characters after those keys, which are combined into one."""
        self._ready: Callable[[], None] | None = None
        self._held = False
        self._is_done: Callable[[], bool] = lambda: False
        self._next: asyncio.Handle | None = None

    def feed(self, data: bytes) -> None:
        """Process the bytes of complete keys. Ctrl-C precedes the rest of a paste, and discards
        it."""
        many = self._waiting or (self._reads and len(self._keys) > KEYS_AT_ONCE)
        if data == _CTRL_C and (many or self._held):
            self._forget()
        if _ANSWER.fullmatch(data):
            Vt100Parser(self._key).feed(data.decode())
        elif len(self._waiting) + len(data) > WAITING_MAX:
            self._lost += len(data)
        else:
            self._waiting += data
        if self._next is None:
            self._go_on()

    def take_lost(self) -> int:
        """Return the number of bytes lost since the last call."""
        lost, self._lost = self._lost, 0
        return lost

    def hold(self, unread: list[KeyPress]) -> None:
        """Stop passing keys to the line editor, and take back unread ones, until `release` or
        Ctrl-C."""
        self._held = True
        self._keys.extendleft(reversed(unread))

    def release(self) -> None:
        """Continue; harmless if nothing is held."""
        self._held = False
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._go_on)

    def _go_on(self) -> None:
        """Process a portion, and schedule the next one."""
        self._next = None
        if self._waiting and not (self._reads and self._keys) and self._has_room:
            self._take_bytes()
        if self._ready is not None and (self._reads or self._answers):
            self._ready()
        if (self._waiting and self._has_room) or (self._reads and (self._keys or self._text)):
            self._next = asyncio.get_running_loop().call_soon(self._go_on)

    @property
    def _reads(self) -> bool:
        """True if the line editor is reading keys."""
        return self._ready is not None and not self._held and not self._is_done()

    @property
    def _has_room(self) -> bool:
        return len(self._keys) + len(self._text) < KEYS_MAX

    def _take_bytes(self) -> None:
        # a paste in brackets is one key
        whole = self._waiting.startswith(_PASTE)
        count = len(self._waiting) if whole else BYTES_AT_ONCE
        data = bytes(self._waiting[:count])
        del self._waiting[:count]
        self._parser.feed(self._decoder.decode(data))
        self._parser.flush()  # the key is complete: ESC is a key, too
        if len(_IS_PREFIX_OF_LONGER_MATCH_CACHE) > PREFIXES_MAX:
            _IS_PREFIX_OF_LONGER_MATCH_CACHE.clear()

    def _forget(self) -> None:
        """Discard the rest of a paste."""
        self._waiting.clear()
        self._keys.clear()
        self._text.clear()
        self._decoder.reset()
        self._parser.reset()
        self._held = False

    def _key(self, press: KeyPress) -> None:
        if press.key == Keys.CPRResponse:
            self._answers.append(press)
            return
        name = press.key.value if isinstance(press.key, Keys) else press.key
        if self.sink is not None and self.sink(name, press.data):
            return
        if name == Keys.ControlC.value and not self._reads:
            self.interrupted = True
        elif self._is_text(press):
            self._text.append(press.data)
        else:
            self._end_text()
            self._keys.append(press)

    def _is_text(self, press: KeyPress) -> bool:
        """Return whether this is a plain character of a paste. After ESC, it is part of a key."""
        if self._reads and not self._waiting:
            return False
        after_escape = not self._text and self._keys and self._keys[-1].key == Keys.Escape
        return press.key == press.data and not after_escape

    def _end_text(self) -> None:
        if self._text:
            text = "".join(self._text)
            key: Keys | str = text if len(text) == 1 else Keys.BracketedPaste
            self._keys.append(KeyPress(key, text))
            self._text.clear()

    # ---- Input

    @override
    def read_keys(self) -> list[KeyPress]:
        found, self._answers = self._answers, []
        if not self._reads:
            return found
        if len(self._keys) < KEYS_AT_ONCE:
            self._end_text()
        while self._keys and len(found) < KEYS_AT_ONCE:
            found.append(self._keys.popleft())
            if found[-1].key == Keys.Enter:
                break  # the rest may be for a different reader
        return found

    @property
    @override
    def closed(self) -> bool:
        return False

    @override
    def fileno(self) -> int:
        """Raise, because there is no descriptor."""
        raise io.UnsupportedOperation

    @override
    def typeahead_hash(self) -> str:
        return self._id

    @override
    def raw_mode(self) -> AbstractContextManager[None]:
        return nullcontext()

    @override
    def cooked_mode(self) -> AbstractContextManager[None]:
        return nullcontext()

    @contextmanager
    def attach(self, input_ready_callback: Callable[[], None]) -> Iterator[None]:
        """Call `input_ready_callback` for new keys, in the context of this call: prompt_toolkit
        finds its application there, while keys may be fed from another person's context."""
        ready = partial(copy_context().run, input_ready_callback)
        before, self._ready = self._ready, ready
        app = get_app()
        self._is_done = lambda: app.is_done
        if self._next is None:
            self._next = asyncio.get_running_loop().call_soon(self._go_on)
        try:
            yield
        finally:
            self._ready = before

    @contextmanager
    @override
    def detach(self) -> Iterator[None]:
        before, self._ready = self._ready, None
        try:
            yield
        finally:
            self._ready = before
