"""Hosts that vanish without a word, as when their power or a network fails."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from handlers import link as tcp
from handlers.notice import Notice
from handlers.rdp import route, watch
from handlers.rdp.params import RdpParams
from tests.handlers.rdp.sessions import connected, each_engine, shows
from tests.handlers.rdp.test_session import show_something
from tests.support.certificates import Pair
from tests.support.freerdp_shadow import freerdp_shadow
from tests.support.server_process import children
from tests.support.slow_link import SlowLink, slow_link
from tests.support.tcp_proxy import TcpProxy
from tests.support.waiting import until
from tests.support.xvnc import Desktop

TIMES = {
    socket.TCP_KEEPIDLE: 1,
    socket.TCP_KEEPINTVL: 1,
    socket.TCP_KEEPCNT: 10,
    socket.TCP_USER_TIMEOUT: 4000,
}

SLOW, DELAY = 1.25e5, 0.05
"""Bytes per second, and seconds for a round trip."""


@pytest.fixture
async def link(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SlowLink]:
    """A quick link that can be cut, through which sessions connect."""
    async with slow_link(1e7, 0.001) as made:

        async def reach(network: object, host: str, port: int, *_: object) -> socket.socket:
            return await made.connect(host, port)

        monkeypatch.setattr(route, "reach", reach)
        yield made


@pytest.mark.parametrize("moving", [True, False], ids=["in use", "idle"])
async def test_a_host_that_vanishes(
    moving: bool,
    daemon: Daemon,
    link: SlowLink,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tcp, "KEEP_ALIVE", TIMES)
    monkeypatch.setattr(watch, "SILENT_AFTER", 0.8)
    notices: list[str] = []
    monkeypatch.setattr(Notice, "show", lambda _, text: notices.append(text))
    monkeypatch.setattr(Notice, "clear", lambda _: notices.clear())
    async with freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters:
        proxy = TcpProxy("127.0.0.1", int(parameters["port"]))
        listening = link.listen()
        host, port = listening.getsockname()
        async with await asyncio.start_server(proxy.accept, sock=listening):
            there = {"hostname": host, "port": str(port)}
            async with connected(daemon, parameters | there) as client:
                client.mouse(1, 1)
                await shows(client, desktop)
                assert notices == []
                link.cut()
                if moving:
                    client.mouse(2, 2)
                await until(lambda: bool(notices), "a notice")
                assert "Host '192.0.2.2' has not answered for 1 s." in notices[0]
                link.cut(cut=False)
                await until(lambda: not notices, "an answer")
                desktop.run("xsetroot", "-solid", "#8a2e5c")
                await shows(client, desktop)
                link.cut()
                if moving:
                    client.mouse(3, 3)
                await client.wait_closed()
        await proxy.close()
    ((sentence, status),) = client.state.errors
    assert "host '192.0.2.2' has not answered for" in sentence
    assert "check whether it is switched on" in sentence
    assert status == Status.UPSTREAM_TIMEOUT


@pytest.mark.parametrize("busy", [0, 5])
async def test_a_worker_that_hangs_is_noticed_within_a_second(
    busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From its last sign of life, whether it has something to do or does not finish something."""
    pauses: list[float] = []
    engine: Any = SimpleNamespace(busy_since=busy, posted=1 if not busy else 0, handled=0)
    shown = asyncio.Event()
    notice: Any = SimpleNamespace(show=lambda _text: shown.set(), clear=lambda: None)
    watching = watch.Watch(engine, notice, RdpParams(hostname="host"))

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if shown.is_set():
            raise StopAsyncIteration

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(StopAsyncIteration):
        await watching.run()
    assert sum(pauses[:-1]) < 1.01


@each_engine
async def test_a_slow_link(
    daemon: Daemon,
    desktop: Desktop,
    pair: Pair,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What is sent last is seen, exactly, and nothing ends before."""
    async with (
        slow_link(SLOW, DELAY) as made,
        freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters,
    ):

        async def reach(network: object, host: str, port: int, *_: object) -> socket.socket:
            return await made.connect(host, port)

        monkeypatch.setattr(route, "reach", reach)
        proxy = TcpProxy("127.0.0.1", int(parameters["port"]))
        listening = made.listen()
        host, port = listening.getsockname()
        async with await asyncio.start_server(proxy.accept, sock=listening):
            there = {"hostname": host, "port": str(port)}
            async with connected(daemon, parameters | there) as client:
                show_something(desktop)
                for at in range(20):
                    client.mouse(at, 1)
                    desktop.run("xsetroot", "-solid", f"#{at:02x}2e5c")
                await shows(client, desktop)
        await proxy.close()


@each_engine
async def test_a_host_that_stands_still(
    daemon: Daemon, desktop: Desktop, pair: Pair, tmp_path: Path
) -> None:
    """Its session waits for it, and others go on."""
    others = tmp_path / "other"
    others.mkdir()
    before = set(children(os.getpid()))
    async with freerdp_shadow(desktop, "tls", pair, tmp_path) as parameters:
        (server,) = {pid for pid in set(children(os.getpid())) - before if is_shadow(pid)}
        async with (
            freerdp_shadow(desktop, "tls", pair, others) as found,
            connected(daemon, parameters) as client,
            connected(daemon, found) as other,
        ):
            client.mouse(1, 1)
            await shows(client, desktop)
            os.kill(server, signal.SIGSTOP)
            try:
                for at in range(100):
                    client.mouse(at, 2)
                other.mouse(2, 2)
                desktop.run("xsetroot", "-solid", "#8a2e5c")
                await shows(other, desktop)
            finally:
                os.kill(server, signal.SIGCONT)
            await shows(client, desktop)


def is_shadow(pid: int) -> bool:
    return Path(f"/proc/{pid}/comm").read_text().startswith("freerdp-shadow")
