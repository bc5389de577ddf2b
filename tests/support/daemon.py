"""A daemon in the test's own process and event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guacr.daemon import Daemon
from guacr.session.registry import Protocols
from guacr.settings import ServerSettings, Settings, WebSocketSettings

LOCAL = ("127.0.0.1",)


def local_settings(**sections: object) -> Settings:
    """Settings with free ports on 127.0.0.1; `sections` replace whole sections."""
    values: dict[str, object] = {
        "server": ServerSettings(hosts=LOCAL, port=0),
        "websocket": WebSocketSettings(enabled=False),
    }
    return Settings.model_validate(values | sections)


@asynccontextmanager
async def running_daemon(
    settings: Settings | None = None, protocols: Protocols | None = None
) -> AsyncIterator[Daemon]:
    """A daemon that listens until the block ends."""
    daemon = Daemon(settings or local_settings(), protocols=protocols)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


def address(daemon: Daemon) -> tuple[str, int]:
    """Where clients reach it over TCP."""
    return LOCAL[0], daemon.port
