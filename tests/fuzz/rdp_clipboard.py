"""Fuzzes the clipboard of an RDP session with a host's messages: bytes that are cut anywhere, as if
they were messages, have only errors that end the session, and hold no memory."""

from __future__ import annotations

import asyncio
import contextlib
import struct

from guacr.errors import GuacrError
from handlers.clipboard import html, images
from handlers.rdp.channel.codec import ChannelError
from handlers.rdp.clipboard import file_list, pdu
from handlers.rdp.clipboard.file_list import CopiedFile
from tests.fuzz.driver import main
from tests.handlers.rdp.clipboard.host import Host, Person

_SIZE = struct.Struct("<H")


def _of(*messages: bytes) -> bytes:
    return b"".join(_SIZE.pack(len(message)) + message for message in messages)


def _list(**formats: int) -> bytes:
    return pdu.format_list(
        {name.strip("_"): number for name, number in formats.items()}, long_names=True
    )


SAMPLES = [
    _of(_list(_13=13), pdu.data_response(b"a\0b\0\0\0"), pdu.data_request(13)),
    _of(
        pdu.format_list({"13": 13, "HTML Format": 99}, long_names=True),
        pdu.data_response(b"a\0\0\0"),
        pdu.data_response(html.encode(b"<b>a</b>")),
    ),
    _of(_list(PNG=5), pdu.data_response(b"\x89PNG\r\n\x1a\n")),
    _of(_list(_8=8), pdu.data_response(struct.pack("<IiiHHI", 40, 1, 1, 1, 24, 0) + bytes(28))),
    _of(pdu.capabilities(0), pdu.format_list({"PNG": 5}, long_names=False)),
    _of(pdu.file_request(1, 0, pdu.FILE_RANGE, 0, 100, 0), pdu.file_response(1, b"data")),
    _of(pdu.lock(1), pdu.unlock(1)),
    _of(
        pdu.format_list({file_list.NAME: 9}, long_names=True),
        pdu.data_response(
            file_list.encode(
                [CopiedFile(0, ("d",), 0, is_directory=True), CopiedFile(1, ("d", "f"), 1)]
            )
        ),
    ),
]


def one_input(data: bytes) -> None:
    """Feed the messages of `data` to a clipboard."""
    asyncio.run(_one_input(data))


async def _one_input(data: bytes) -> None:
    user = Person()
    host = Host(users=(user,))
    host.begin()
    host.clipboard.paste({"text/plain": b"a", "text/html": b"<b>"})
    at = 0
    with contextlib.suppress(ChannelError, GuacrError):
        while at + _SIZE.size <= len(data):
            (size,) = _SIZE.unpack_from(data, at)
            at += _SIZE.size
            host.say(data[at : at + size])
            at += size
            await asyncio.sleep(0)
    with contextlib.suppress(images.ImageError):
        images.from_bitmap(data)
    for folder in user.offered.values():
        assert all([entry.name async for entry in folder.list("/")])
    await host.close()
    assert host.memory.used == 0


if __name__ == "__main__":
    main(one_input, SAMPLES)
