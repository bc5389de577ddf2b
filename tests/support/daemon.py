"""A daemon in the test's own process and event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guacr.daemon import Daemon
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
async def running_daemon(settings: Settings | None = None) -> AsyncIterator[tuple[str, int]]:
    """A daemon that listens until the block ends; its address."""
    daemon = Daemon(settings or local_settings())
    await daemon.start()
    try:
        yield "127.0.0.1", daemon.port
    finally:
        await daemon.close()
