"""What tests of whole RDP sessions share."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from importlib.util import find_spec

import pytest

from guacr.daemon import Daemon
from guacr.testing.client import GuacClient, Hello
from guacr.testing.daemon import address
from handlers.rdp.launcher import launchers
from handlers.rdp.worker.engines import AARDWOLF, AUTO
from tests.support.server_process import children
from tests.support.x_display import XDisplay

aardwolf = pytest.mark.skipif(
    not find_spec("aardwolf") and os.environ.get("CI") != "true",
    reason="aardwolf is not installed",
)
each_engine = pytest.mark.parametrize("engine", [AUTO, pytest.param(AARDWOLF, marks=aardwolf)])
"""For tests that show the same with both engines; FreeRDP is found by `auto`."""
TIMEOUT = 30.0
"""Seconds within which a session must begin: xrdp starts an X server for it."""


@asynccontextmanager
async def connected(
    daemon: Daemon, parameters: Mapping[str, str], hello: Hello | None = None, /, **more: str
) -> AsyncIterator[GuacClient]:
    """A client that sees a desktop; names of parameters in `more` have underscores."""
    values = {"ignore-cert": "true"} | dict(parameters)
    values |= {name.replace("_", "-"): value for name, value in more.items()}
    async with await GuacClient.connect(address(daemon), "rdp", values, hello=hello) as client:
        await client.wait(
            lambda: client.state.syncs or client.state.errors, "the desktop", timeout=TIMEOUT
        )
        assert not client.state.errors
        yield client


async def shows(client: GuacClient, display: XDisplay, timeout: float = TIMEOUT) -> None:
    """Until the client shows exactly what the display does."""

    def same() -> bool:
        picture, shown = display.picture(), client.canvas.flatten()
        return picture.shape == shown.shape and bool((picture == shown).all())

    async with asyncio.timeout(timeout):
        while not same():  # noqa: ASYNC110 - the display does not tell
            await asyncio.sleep(0.1)


def zygote_pid(engine: str = AUTO) -> int:
    """Return the number of the process that forks workers."""
    zygote = launchers[engine]._zygote
    assert zygote is not None
    return zygote._process.pid


def workers(parent: int) -> set[int]:
    """Return the numbers of the workers that a zygote has forked and that still run."""
    with suppress(FileNotFoundError):
        return set(children(parent))
    return set()
