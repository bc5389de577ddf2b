"""Fuzzes the devices of an RDP session with a host's messages: bytes that are cut anywhere, as if
they were messages, have only errors that end the session, hold no memory and leave the directory of
the drive alone."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import tempfile
from pathlib import Path

from guacr.errors import GuacrError
from handlers.rdp.channel.codec import ChannelError
from handlers.rdp.devices import information
from handlers.rdp.devices.functions import NOTIFY, Function
from tests.fuzz.driver import main
from tests.handlers.rdp.devices import asking
from tests.handlers.rdp.devices.host import ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON, Host

_SIZE = struct.Struct("<H")


def _of(*messages: bytes) -> bytes:
    return b"".join(_SIZE.pack(len(message)) + message for message in messages)


def _ask(function: Function, body: bytes = b"", handle: int = 1, minor: int = 0) -> bytes:
    return asking.encoded(asking.request(function, body, handle, minor=minor))


_NEW = _ask(Function.CREATE, asking.create("\\new", asking.CREATE, access=asking.WRITE))
_ROOT = _ask(Function.CREATE, asking.create("\\", options=asking.DIRECTORY))
SAMPLES = [
    _of(ANNOUNCE, CAPABILITIES, CONFIRM, LOGGED_ON),
    _of(_NEW, _ask(Function.WRITE, asking.write(b"data", 3)), _ask(Function.CLOSE)),
    _of(_NEW, _ask(Function.READ, asking.read(100)), _ask(Function.LOCK, asking.lock(3, (1, 1)))),
    _of(_NEW, _ask(Function.SET_INFORMATION, asking.put(information.RENAME, asking.rename("\\b")))),
    _of(_NEW, _ask(Function.SET_INFORMATION, asking.put(information.DISPOSITION, b"\1"))),
    _of(_NEW, _ask(Function.SET_INFORMATION, asking.put(information.BASIC, bytes(36)))),
    _of(_NEW, _ask(Function.QUERY_INFORMATION, asking.query(information.STANDARD))),
    _of(
        _ROOT,
        *(
            _ask(Function.DIRECTORY, asking.listing(kind, pattern), minor=asking.QUERY_DIRECTORY)
            for kind, pattern in ((1, "\\*"), (3, None), (12, None))
        ),
    ),
    _of(_ROOT, _ask(Function.DIRECTORY, struct.pack("<BI27x", 1, 0xFFF), minor=NOTIFY)),
    *(_of(_ask(Function.QUERY_VOLUME, asking.query(kind))) for kind in (1, 3, 4, 5, 7)),
]


def one_input(data: bytes) -> None:
    """Feed the messages of `data` to the devices."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "drive").mkdir()
        (place / "drive/file").write_bytes(b"content")
        asyncio.run(_one_input(data, place / "drive"))
        assert [one.name for one in place.iterdir()] == ["drive"]


async def _one_input(data: bytes, directory: Path) -> None:
    host = Host(enable_drive="true", drive_path=str(directory))
    host.keeps_answers = False
    await host.devices.open()
    host.connect()
    at = 0
    with contextlib.suppress(ChannelError, GuacrError):
        while at + _SIZE.size <= len(data):
            (size,) = _SIZE.unpack_from(data, at)
            at += _SIZE.size
            host.say(data[at : at + size])
            at += size
            await asyncio.sleep(0)
    await host.until_idle()
    await host.close()
    assert host.memory.used == 0


if __name__ == "__main__":
    main(one_input, SAMPLES)
