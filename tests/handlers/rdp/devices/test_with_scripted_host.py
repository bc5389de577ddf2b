"""Devices in whole sessions, with a host made for the tests: no server here has a printer, and none
locks files or asks for changes."""

from __future__ import annotations

import asyncio
import itertools
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from guacr.daemon import Daemon
from guacr.protocol.status import Status as GuacStatus
from guacr.session.configured import remarks
from guacr.session.events import DriveFileUsed
from guacr.session.protocols import Protocols
from guacr.settings.models import Connection, Settings
from guacr.testing.client import GuacClient
from guacr.testing.daemon import address
from handlers.rdp.devices import ghostscript, pdu
from handlers.rdp.devices.functions import NOTIFY, Function, Status
from handlers.rdp.devices.printer import Printer
from handlers.rdp.devices.shared_drive import SharedDrive
from tests.handlers.rdp.devices import asking
from tests.handlers.rdp.devices.host import ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON
from tests.handlers.rdp.devices.test_ghostscript import HELLO
from tests.handlers.rdp.sessions import connected, each_engine
from tests.support.certificates import Authority
from tests.support.rdp_desktop import RdpDesktop
from tests.support.require import require
from tests.support.scripted_host import scripted_host
from tests.support.waiting import until

PARAMETERS = {"security": "tls", "ignore-cert": "true"}
TIMEOUT = 20.0
PART = 10_000
"""Bytes that the host writes at a time."""


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, object]:
    return {"drive_directories": [str(tmp_path)]}


class Channel:
    """The host's end of the devices' channel."""

    def __init__(self, host: RdpDesktop) -> None:
        self._host = host
        self._numbers = itertools.count(1)

    def say(self, message: bytes) -> None:
        self._host.say_static("rdpdr", message)

    async def hear(self) -> bytes:
        return await self._host.heard.get()

    async def begin(self) -> bytes:
        """Get as far as the list of devices, and return it."""
        await self._host.listen("rdpdr")
        for message, kinds in (
            (ANNOUNCE, (pdu.CLIENT_ID, pdu.CLIENT_NAME)),
            (CAPABILITIES, (pdu.CLIENT_CAPABILITIES,)),
        ):
            self.say(message)
            for kind in kinds:
                assert pdu.HEADER.unpack_from(await self.hear()) == (pdu.CORE, kind)
        self.say(CONFIRM)
        self.say(LOGGED_ON)
        return await self.hear()

    async def ask(
        self, device: int, function: Function, body: bytes, handle: int = 0, minor: int = 0
    ) -> tuple[int, bytes]:
        number = next(self._numbers)
        head = device, handle, number, function, minor
        self.say(pdu.REQUEST_HEADER.pack(pdu.CORE, pdu.REQUEST, *head) + body)
        answer = await self.hear()
        *_, answered, status = struct.unpack_from("<HHIII", answer)
        assert answered == number
        return status, answer[16:]


@asynccontextmanager
async def devices(
    daemon: Daemon, authority: Authority, directory: Path, **more: str
) -> AsyncIterator[tuple[Channel, GuacClient]]:
    host = RdpDesktop(authority.server_context(directory))
    async with (
        scripted_host(host.script) as parameters,
        connected(daemon, parameters | PARAMETERS, **more) as client,
        asyncio.timeout(TIMEOUT),
    ):
        yield Channel(host), client


@each_engine
@pytest.mark.parametrize("sound", ["true", "false"])
async def test_printing(sound: str, daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    """With sound, FreeRDP has a channel of the same name."""
    require("gs")
    terms = {"enable_printing": "true", "printer_name": "Drücker", "disable_audio": sound}
    async with devices(daemon, authority, tmp_path, **terms) as (channel, client):
        assert await channel.begin() == pdu.device_list(pdu.printer(1, "PRN1", "Drücker"))
        status, body = await channel.ask(Printer.number, Function.CREATE, bytes(56))
        assert status == Status.SUCCESS
        (job,) = struct.unpack_from("<I", body)
        body = asking.write(HELLO.encode())
        assert await channel.ask(Printer.number, Function.WRITE, body, job) == (
            *(Status.SUCCESS, struct.pack("<IB", len(HELLO), 0)),
        )
        await channel.ask(Printer.number, Function.CLOSE, bytes(32), job)
        streams = client.state.streams
        await client.wait(lambda: streams, "the document")
        (stream,) = streams
        assert (stream.opcode, *stream.args) == ("file", "application/pdf", "Hello.pdf")
        assert bytes(stream.data).startswith(b"%PDF")


@each_engine
async def test_a_document_that_cannot_be_printed_is_noted_on_the_screen(
    daemon: Daemon, authority: Authority, tmp_path: Path
) -> None:
    require("gs")
    async with devices(daemon, authority, tmp_path, enable_printing="true") as (channel, client):
        await channel.begin()
        _, body = await channel.ask(Printer.number, Function.CREATE, bytes(56))
        (job,) = struct.unpack_from("<I", body)
        await channel.ask(Printer.number, Function.WRITE, asking.write(b"junk"), job)
        before = client.canvas.flatten().copy()
        await channel.ask(Printer.number, Function.CLOSE, bytes(32), job)
        await client.wait(lambda: (client.canvas.flatten() != before).any(), "a notice")


@each_engine
async def test_a_drive(daemon: Daemon, authority: Authority, tmp_path: Path) -> None:
    drive = tmp_path / "drive"
    terms = {"enable_drive": "true", "drive_path": str(drive), "create_drive_path": "true"}
    data = os.urandom(100_000)  # in many parts, both ways
    async with devices(daemon, authority, tmp_path, **terms) as (channel, _):
        listed = await channel.begin()
        assert listed == pdu.device_list(pdu.drive(2, "GUACFS", "Guacamole Filesystem"))
        number = SharedDrive.number
        body = asking.create("\\file", asking.CREATE, access=asking.WRITE)
        _, answer = await channel.ask(number, Function.CREATE, body)
        (handle,) = struct.unpack_from("<I", answer)
        for start in range(0, len(data), PART):
            body = asking.write(data[start : start + PART], start)
            status, _ = await channel.ask(number, Function.WRITE, body, handle)
            assert status == Status.SUCCESS
        assert (drive / "file").read_bytes() == data
        _, answer = await channel.ask(number, Function.READ, asking.read(len(data)), handle)
        assert answer[4:] == data
        status, _ = await channel.ask(number, Function.LOCK, asking.lock(3, (5, 0)), handle)
        assert status == Status.SUCCESS
        _, answer = await channel.ask(number, Function.CREATE, asking.create("\\"))
        (root,) = struct.unpack_from("<I", answer)
        body = struct.pack("<BI27x", 0, 0xFFF)
        pending = asyncio.ensure_future(channel.ask(number, Function.DIRECTORY, body, root, NOTIFY))
        new = (drive / str(number) for number in itertools.count())

        def is_reported() -> bool:
            next(new).touch()
            return pending.done()

        await until(is_reported, "the report of a change")
        assert (await pending)[0] == Status.NOTIFY_ENUM_DIR
        with daemon.registry.events.subscribe() as events:
            await channel.ask(number, Function.CLOSE, bytes(32), handle)
            uses = [await anext(events) for _ in range(2)]
        (session,) = daemon.registry.sessions
        assert uses == [
            DriveFileUsed(session, "read", "/file", size=len(data)),
            DriveFileUsed(session, "written", "/file", size=len(data)),
        ]


@pytest.mark.parametrize(
    ("terms", "sentence", "status"),
    [
        ({"drive-path": "/etc"}, "rdp.drive_directories", GuacStatus.CLIENT_FORBIDDEN),
        ({"drive-path": "{}/missing"}, "create-drive-path", GuacStatus.CLIENT_BAD_REQUEST),
        ({}, "drive-path is empty", GuacStatus.CLIENT_BAD_REQUEST),
    ],
)
async def test_drives_that_cannot_be_had(
    terms: dict[str, str], sentence: str, status: GuacStatus, daemon: Daemon, tmp_path: Path
) -> None:
    values = {"hostname": "127.0.0.1", "enable-drive": "true"}
    values |= {name: value.format(tmp_path) for name, value in terms.items()}
    async with await GuacClient.connect(address(daemon), "rdp", values) as client:
        await client.wait_closed()
        ((told, number),) = client.state.errors
        assert sentence in told
        assert int(number) == status


def test_without_ghostscript_an_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"hostname": "h", "enable-printing": "true"}
    connection = Connection(protocol="rdp", parameters=values)
    monkeypatch.setattr(ghostscript, "program", lambda: "/usr/bin/gs")
    assert remarks(Protocols(), Settings(), connection) == []
    monkeypatch.setattr(ghostscript, "program", lambda: None)
    (remark,) = remarks(Protocols(), Settings(), connection)
    assert "Ghostscript is not installed" in remark
