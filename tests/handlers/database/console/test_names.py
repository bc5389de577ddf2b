"""The names for completion, which are fetched in the background."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any, cast

from handlers.database.adapter import Adapter
from handlers.database.console.names import Names
from tests.support.waiting import until


class SlowAdapter:
    """A database that does not answer."""

    def suggestions(self) -> Any:
        return None

    async def schema(self) -> Any:
        await asyncio.Event().wait()


async def test_names_that_never_came_are_freed_without_a_collection_of_garbage() -> None:
    adapter = SlowAdapter()
    names = Names(cast(Adapter, adapter))
    kept: list[weakref.ref[Any]] = [weakref.ref(adapter), weakref.ref(names)]
    names.learn()
    await asyncio.sleep(0)  # the first attempt has begun
    names.learn()
    gc.disable()
    try:
        await names.close()
        del adapter, names
        await until(lambda: not any(ref() for ref in kept), "the end of both", 5)
    finally:
        gc.enable()
