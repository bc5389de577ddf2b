"""Checks that sessions leave memory as soon as they have ended."""

from __future__ import annotations

import gc
import weakref
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from guacr.session.registry import SessionRegistry
from tests.support.waiting import until

FREED_WITHIN = 20.0
"""Seconds."""


@asynccontextmanager
async def freed(registry: SessionRegistry) -> AsyncIterator[list[weakref.ref[Any]]]:
    """Sessions of the block are freed by reference counting alone, with their users, handlers,
    transports and terminals; the block gets weak references to them.

    Raises:
        AssertionError: one of them is still in memory some seconds after the block.
    """
    kept: list[weakref.ref[Any]] = []
    opened = registry.open

    def noted(*args: Any) -> Any:
        reader = opened(*args)
        session, handler, user = reader.session, reader.session.handler, reader.user
        terminal = getattr(handler, "terminal", None)
        more = () if terminal is None else (terminal, terminal.emulator)
        parts = (user, user.link.transport, session, session.display, handler, *more)
        kept.extend(map(weakref.ref, parts))
        return reader

    setattr(registry, "open", noted)  # noqa: B010 - to a method, for a while
    gc.collect()
    gc.disable()
    try:
        yield kept
        assert kept, "no session was opened"
        alive: list[str] = []

        def none_left() -> bool:
            alive[:] = [type(one).__name__ for one in (ref() for ref in kept) if one is not None]
            return not alive

        with suppress(AssertionError):
            await until(none_left, "", FREED_WITHIN)
        assert not alive, f"still in memory: {', '.join(alive)}"
    finally:
        gc.enable()
        del registry.open
