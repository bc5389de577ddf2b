"""A daemon in the test's process and event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from guacr.daemon import Daemon
from guacr.session.handler import ProtocolHandler
from guacr.session.protocols import Protocols
from guacr.settings.models import ServerSettings, Settings, WebSocketSettings

LOCAL = ("127.0.0.1",)


def local_settings(**sections: object) -> Settings:
    """Return settings with a free TCP port on 127.0.0.1, without page and WebSocket.

    `sections` replace whole sections: `local_settings(session={"max_memory": 1 << 24})`.
    """
    values: dict[str, object] = {
        "server": ServerSettings(hosts=LOCAL, port=0),
        "websocket": WebSocketSettings(enabled=False),
    }
    return Settings.model_validate(values | sections)


@asynccontextmanager
async def running_daemon(
    *handlers: type[ProtocolHandler], settings: Settings | None = None
) -> AsyncIterator[Daemon]:
    """Run a daemon that listens until the block ends.

    It offers only the protocols of `handlers`, whatever is installed; without `handlers`, it offers
    the installed ones. By default, `settings` are `local_settings()`.
    """
    offered = {handler.name: handler for handler in handlers}
    protocols = Protocols(offered, entries=() if offered else None)
    daemon = Daemon(settings or local_settings(), protocols=protocols)
    await daemon.start()
    try:
        yield daemon
    finally:
        await daemon.close()


def address(daemon: Daemon) -> tuple[str, int]:
    """Return the host and the TCP port that clients connect to."""
    return LOCAL[0], daemon.port
