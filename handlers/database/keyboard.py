"""Keys from the bytes that a terminal sends."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import copy_context
from functools import partial

from prompt_toolkit.input import Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys

KEYS_MAX = 65536
"""Keys kept of what is typed before somebody reads it; what is more is lost."""


class Keyboard(Input):
    """What a person types, key by key.

    `sink`, while it is set, is asked first: it says whether it took the key. The others wait
    for the line editor. `interrupted` says that Ctrl-C was pressed while nobody read keys.
    """

    def __init__(self) -> None:
        self.sink: Callable[[str, str], bool] | None = None
        self.interrupted = False
        self._parser = Vt100Parser(self._key)
        self._keys: list[KeyPress] = []
        self._ready: Callable[[], None] | None = None

    def feed(self, data: bytes) -> None:
        """Bytes of whole keys."""
        self._parser.feed(data.decode(errors="replace"))
        if data == b"\x1b":
            self._parser.flush()
        if self._keys and self._ready is not None:
            self._ready()

    def _key(self, press: KeyPress) -> None:
        name = str(getattr(press.key, "value", press.key))
        if self.sink is not None and name != Keys.CPRResponse.value and self.sink(name, press.data):
            return
        if name == Keys.ControlC.value and self._ready is None:
            self.interrupted = True
        elif len(self._keys) < KEYS_MAX:
            self._keys.append(press)

    # ---- Input

    def read_keys(self) -> list[KeyPress]:
        """See `Input.read_keys`."""
        keys, self._keys = self._keys, []
        return keys

    @property
    def closed(self) -> bool:
        """See `Input.closed`."""
        return False

    def fileno(self) -> int:
        """See `Input.fileno`; there is none."""
        raise io.UnsupportedOperation

    def typeahead_hash(self) -> str:
        """See `Input.typeahead_hash`."""
        return f"guacr-{id(self)}"

    def raw_mode(self) -> AbstractContextManager[None]:
        """See `Input.raw_mode`."""
        return nullcontext()

    def cooked_mode(self) -> AbstractContextManager[None]:
        """See `Input.cooked_mode`."""
        return nullcontext()

    @contextmanager
    def attach(self, input_ready_callback: Callable[[], None]) -> Iterator[None]:
        """See `Input.attach`. Keys are fed from anywhere, but carried out in the context of
        here: prompt_toolkit finds its application there, and else takes another person's."""
        ready = partial(copy_context().run, input_ready_callback)
        before, self._ready = self._ready, ready
        if self._keys:
            asyncio.get_running_loop().call_soon(ready)
        try:
            yield
        finally:
            self._ready = before

    @contextmanager
    def detach(self) -> Iterator[None]:
        """See `Input.detach`."""
        before, self._ready = self._ready, None
        try:
            yield
        finally:
            self._ready = before
