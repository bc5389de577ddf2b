"""The control of a worker, for the front; and that of the whole daemon, for a worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, get_args

from guacr.control.control import Control
from guacr.control.info import plain
from guacr.errors import SettingsError, UnsupportedError, error_of_status
from guacr.session.events import Act
from guacr.workers.channel import Channel
from guacr.workers.operations import EVENT

ACTS = {kind.__name__: kind for kind in get_args(Act)}
"""The acts that can be noted, by name."""
WAITING_MAX = 1 << 20
"""Bytes that may wait for the front; beyond, events are left to the subscription, which drops and
counts them."""
PAUSE = 0.05


class ServedControl:
    """Answers the requests of `guacr.workers.control`, or of `guacr.workers.whole_control`."""

    def __init__(self, control: Control, channel: Channel) -> None:
        self._control = control
        self._channel = channel
        self._watching: asyncio.Task[None] | None = None
        for name in ("sessions", "session", "end", "note", "status", "drain", "resume", "samples"):
            channel.answers[name] = getattr(self, f"_{name}")
        channel.answers["announce"] = self._announce
        channel.answers["reload"] = self._reload
        channel.answers["watch"] = self._watch

    async def close(self) -> None:
        """Send no more events."""
        await self._watch(on=False)

    async def _sessions(self, argument: None) -> list[dict[str, Any]]:
        return [plain(info) for info in await self._control.sessions()]

    async def _session(self, connection_id: str) -> dict[str, Any]:
        return plain(await self._control.session(connection_id))

    async def _end(self, values: Mapping[str, Any]) -> None:
        error = error_of_status(values["status"], values["error"])
        await self._control.end(values["id"], error)

    async def _note(self, values: Mapping[str, Any]) -> None:
        kind = ACTS.get(values["kind"])
        if kind is None:
            raise UnsupportedError("this cannot be noted")
        await self._control.note(kind(**values["fields"]))

    async def _status(self, argument: None) -> dict[str, Any]:
        return plain(await self._control.status())

    async def _drain(self, argument: None) -> None:
        await self._control.drain()

    async def _resume(self, argument: None) -> None:
        await self._control.resume()

    async def _announce(self, values: Mapping[str, Any]) -> None:
        await self._control.announce(values["text"], values["seconds"])

    async def _reload(self, argument: None) -> dict[str, Any]:
        try:
            return plain(await self._control.reload())
        except SettingsError as error:  # the status alone would not tell that it is one
            return {"refused": str(error)}

    async def _samples(self, argument: None) -> list[dict[str, Any]]:
        return await self._control.samples()

    async def _watch(self, on: bool) -> None:
        if on and self._watching is None:
            began = asyncio.Event()
            self._watching = asyncio.create_task(self._send_events(began), name="events")
            await began.wait()
        elif not on and self._watching is not None:
            task, self._watching = self._watching, None
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _send_events(self, began: asyncio.Event) -> None:
        async with self._control.events() as events:
            began.set()
            async for event in events:
                self._channel.send(EVENT, {"event": event})
                while self._channel.waiting > WAITING_MAX:  # noqa: ASYNC110 - it does not tell
                    await asyncio.sleep(PAUSE)
