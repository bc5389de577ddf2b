"""The control of the whole daemon, for the operators' page in a worker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from typing import Any

from typing_extensions import override

from guacr.control.control import Control
from guacr.control.info import DaemonStatus, Reloaded, SessionInfo
from guacr.errors import GuacrError, SettingsError, UnsupportedError
from guacr.session.events import Act
from guacr.workers.channel import Channel

RELOAD_TIMEOUT = 270.0
"""Seconds in which settings must be read and new workers must have started, or have failed to."""


class WholeControl(Control):
    """Asks the front, which answers with a `ServedControl` of its own. All methods raise an
    UpstreamUnavailableError if it does not answer."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    @override
    async def sessions(self) -> list[SessionInfo]:
        return list(map(SessionInfo.of, await self._channel.request("sessions")))

    @override
    async def session(self, connection_id: str) -> SessionInfo:
        return SessionInfo.of(await self._channel.request("session", connection_id))

    @override
    async def end(self, connection_id: str, error: GuacrError) -> None:
        values = {"id": connection_id, "status": error.status, "error": str(error)}
        await self._channel.request("end", values)

    @override
    async def note(self, act: Act) -> None:
        values = {"kind": type(act).__name__, "fields": asdict(act)}
        await self._channel.request("note", values)

    @override
    async def status(self) -> DaemonStatus:
        return DaemonStatus.of(await self._channel.request("status"))

    @override
    async def drain(self) -> None:
        await self._channel.request("drain")

    @override
    async def resume(self) -> None:
        await self._channel.request("resume")

    @override
    async def announce(self, text: str, seconds: float) -> None:
        await self._channel.request("announce", {"text": text, "seconds": seconds})

    @override
    async def reload(self) -> Reloaded:
        answer = await self._channel.request("reload", timeout=RELOAD_TIMEOUT)
        if "refused" in answer:
            raise SettingsError(answer["refused"])
        return Reloaded.of(answer)

    @override
    async def samples(self) -> list[dict[str, Any]]:
        return list(await self._channel.request("samples"))

    @override
    def events(self) -> AbstractAsyncContextManager[AsyncIterator[dict[str, Any]]]:
        raise UnsupportedError("a worker cannot follow the events of the others: ask the front")
