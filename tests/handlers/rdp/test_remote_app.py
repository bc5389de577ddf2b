"""RemoteApps: what a host that has them is told, and what users are told if it refuses."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status
from guacr.session.configured import problems
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.handler import REMOTE_APP_ARGS_MAX, REMOTE_APP_MAX
from tests.handlers.rdp.sessions import connected
from tests.support.certificates import Authority
from tests.support.rdp_desktop import RdpDesktop, capability
from tests.support.scripted_host import scripted_host

EXECUTE, PARAMETER, COMMAND, HANDSHAKE, STATUS, HANDSHAKE_EX, RESULT = 1, 3, 4, 5, 11, 0x13, 0x80
"""Orders (MS-RDPERP 2.2.2)."""
RAIL, WINDOWS = capability(0x17, "<I", 0x83), capability(0x18, "<IBH", 2, 3, 12)
WORK_AREA = 0x2F
TIMEOUT = 20.0
PARAMETERS = {"security": "tls", "ignore-cert": "true", "remote-app": "||pad"}


def order(kind: int, layout: str, *fields: int) -> bytes:
    """A message on the channel."""
    body = struct.pack(layout, *fields)
    return struct.pack("<HH", kind, 4 + len(body)) + body


async def said(host: RdpDesktop) -> tuple[int, bytes]:
    """The next order of a client, and its fields."""
    message = await host.heard.get()
    kind, size = struct.unpack_from("<HH", message)
    assert size == len(message)
    return kind, message[4:]


@asynccontextmanager
async def remote_app(
    daemon: Daemon, authority: Authority, directory: Path, **more: str
) -> AsyncIterator[tuple[RdpDesktop, GuacClient]]:
    """A host that has RemoteApps, and a client whose host has not begun yet."""
    host = RdpDesktop(authority.server_context(directory), RAIL, WINDOWS)
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters | PARAMETERS, **more) as client,
        asyncio.timeout(TIMEOUT),
    ):
        await host.listen("rail")
        yield host, client


@pytest.mark.parametrize(
    "handshake",
    [order(HANDSHAKE, "<I", 7601), order(HANDSHAKE_EX, "<II", 17763, 1)],
    ids=["short", "extended"],
)
async def test_the_program_is_started(
    handshake: bytes, daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    values = {"remote_app_dir": "%TEMP%", "remote_app_args": "/é x", "disable_scaling": "true"}
    async with remote_app(daemon, authority, tmp_path, **values) as (host, _):
        host.say_static("rail", handshake)
        kind, _ = await said(host)
        assert kind == HANDSHAKE
        assert (await said(host))[0] == STATUS
        kinds, areas = [], []
        while (found := await said(host))[0] == PARAMETER:
            kinds.append(struct.unpack_from("<I", found[1])[0])
            if kinds[-1] == WORK_AREA:
                areas.append(struct.unpack("<HHHH", found[1][4:]))
        assert sorted(kinds) == [0x21, WORK_AREA, 0x43, 0x45, 0x100B]
        assert areas == [(0, 0, 1024, 768)]
        kind, program = found
        assert kind == EXECUTE
        flags, *sizes = struct.unpack_from("<HHHH", program)
        assert flags == 0x0009
        texts, at = [], 8
        for size in sizes:
            texts.append(program[at : at + size].decode("utf-16-le").rstrip("\0"))
            at += size
        assert texts == ["||pad", "%TEMP%", "/é x"]
        assert host.introduced.result().texts[3:] == ["", ""]


async def test_a_minimized_window_is_restored(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    async with remote_app(daemon, authority, tmp_path) as (host, _):
        host.say_static("rail", order(HANDSHAKE, "<I", 7601))
        while (await said(host))[0] != EXECUTE:
            pass
        for window, state in ((7, 3), (8, 2)):  # maximized, minimized
            fields = struct.pack("<IIB", 0x01000010, window, state)
            host.draw(b"\x2e" + struct.pack("<H", 3 + len(fields)) + fields)
        assert await said(host) == (COMMAND, struct.pack("<IH", 8, 0xF120))


async def test_a_program_that_is_refused(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    async with remote_app(daemon, authority, tmp_path, autoretry="5") as (host, client):
        host.say_static("rail", order(HANDSHAKE, "<I", 7601))
        while (await said(host))[0] != EXECUTE:
            pass
        for result in (0, 6):
            host.say_static("rail", order(RESULT, "<HHIHH", 0, result, 0, 0, 0))
        await client.wait(lambda: client.state.errors, "the error, without another attempt")
        ((sentence, status),) = client.state.errors
        assert status == Status.UPSTREAM_ERROR
        assert "failed to start the RemoteApp '||pad' (error 6)" in sentence


async def test_a_host_without_remote_apps(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    host = RdpDesktop(authority.server_context(tmp_path))
    async with (
        scripted_host(host.script) as parameters,
        await GuacClient.connect(address(daemon), "rdp", parameters | PARAMETERS) as client,
        asyncio.timeout(TIMEOUT),
    ):
        await client.wait_closed()
    ((sentence, status),) = client.state.errors
    assert "does not offer RemoteApps: clear the parameter remote-app" in sentence
    assert status == Status.UPSTREAM_ERROR
    assert not client.canvas.counts["sync"]  # its desktop was not shown


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("remote-app", REMOTE_APP_MAX),
        ("remote-app-dir", REMOTE_APP_MAX),
        ("remote-app-args", REMOTE_APP_ARGS_MAX),
    ],
)
def test_texts_have_limits(name: str, most: int) -> None:
    def found(text: str) -> list[str]:
        values = {"hostname": "h", name: text}
        return problems(Protocols(), Settings(), Connection(protocol="rdp", parameters=values))

    assert not found("x" * most)
    (problem,) = found("x" * (most + 1))
    assert f"{name} is too long: use at most {most} characters" in problem
