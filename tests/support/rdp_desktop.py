"""An RDP host that shows an empty desktop, and speaks on virtual channels as a test wants.

It serves channels that no server here has. Layouts are those of MS-RDPBCGR 2.2, and of MS-RDPEDYC
2.2 for dynamic channels.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
from contextlib import suppress

from tests.support.rdp_host import CHANNEL, SEND_REQUEST, TPKT, USER, WIDE, RdpHost, wrapped

LICENSED = bytes.fromhex("80000000 ff031000 07000000 02000000 04000000")
"""A licence is not needed."""
SHARE = 0x000103EA
DEMAND_ACTIVE, CONFIRM_ACTIVE, DATA = 0x11, 0x13, 0x17
SYNCHRONIZE, CONTROL, FONT_LIST, FONT_MAP = 31, 20, 39, 40
ERROR_INFO = 47
SAVE_SESSION, PLAIN_NOTIFY, EXTENDED_INFO = 38, 2, 3
SESSION_CONTINUES, BAD_PASSWORD = 0xFFFFFFFE, 0
"""A type of notification about logons, and a reason (MS-RDPBCGR 2.2.10.1.1.4.1.1)."""
COOPERATE, GRANTED = 4, 2
FIRST_AND_LAST, LAST = 3, 2
CREATE, DATA_FIRST, DATA_LATER, CLOSE, CAPABILITIES = 1, 2, 3, 4, 5
"""Commands of dynamic channels."""
NUMBER_SIZES = (1, 2, 4)
"""Bytes of the number of a channel, by the last bits of a message."""
NUMBER = 7
"""Of the only dynamic channel."""


class RdpDesktop(RdpHost):
    """Its `script` is for `scripted_host`; it ends with the client.

    Args:
        tls: its certificate and key.
        capabilities: sets of capabilities in addition to the necessary ones.
    """

    def __init__(self, tls: ssl.SSLContext, *capabilities: bytes) -> None:
        super().__init__(tls)
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        """Messages of the client on the channel that was opened."""
        self.confirmed: asyncio.Future[dict[int, bytes]] = (
            asyncio.get_running_loop().create_future()
        )
        """The client's sets of capabilities by their types, with headers (MS-RDPBCGR 2.2.7)."""
        self._more = capabilities
        self._writer: asyncio.StreamWriter | None = None
        self._finalized: asyncio.Event = asyncio.Event()
        self._dynamic: asyncio.Queue[bytes] = asyncio.Queue()
        """What is said about dynamic channels, but not on them."""
        self._static = 0
        """The number of the static channel whose messages are heard."""
        self._message = bytearray()
        """The parts of the next one."""

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await super().script(reader, writer)
        self._writer = writer
        self._send(CHANNEL, LICENSED)
        self._send(CHANNEL, self._demand())
        await self._hear(reader)

    # ---- virtual channels

    async def listen(self, name: str) -> None:
        """Hear what the client says on a static channel, once the desktop is shown."""
        await self._finalized.wait()
        self._static = self._number(name)

    async def open(self, name: str) -> int:
        """Open a dynamic channel, and return the client's status; 0 if it has accepted."""
        await self._finalized.wait()
        self._say_dynamic(bytes((CAPABILITIES << 4, 0, 1, 0)))
        await self._dynamic.get()
        self._say_dynamic(bytes((CREATE << 4, NUMBER)) + name.encode() + b"\0")
        answer = await self._dynamic.get()
        status: int = struct.unpack_from("<I", answer, 2)[0]
        return status

    def say(self, data: bytes) -> None:
        """Say something on the dynamic channel."""
        self._say_dynamic(bytes((DATA_LATER << 4, NUMBER)) + data)

    def close(self) -> None:
        """Close the dynamic channel."""
        self._say_dynamic(bytes((CLOSE << 4, NUMBER)))

    def say_static(self, name: str, data: bytes) -> None:
        """Say something on a static channel."""
        self._send(self._number(name), struct.pack("<II", len(data), FIRST_AND_LAST) + data)

    def draw(self, order: bytes) -> None:
        """Send a drawing order, on the fast path."""
        self._send_update(0, struct.pack("<H", 1) + order)

    async def paint(self) -> None:
        """Draw a white pixel in the corner, on the fast path (MS-RDPBCGR 2.2.9.1.1.3.1.2)."""
        await self._finalized.wait()
        bitmap = struct.pack("<HHHHHHHHH4s", 0, 0, 0, 0, 1, 1, 32, 0, 4, b"\xff" * 4)
        self._send_update(1, struct.pack("<HH", 1, 1) + bitmap)

    def _send_update(self, kind: int, content: bytes) -> None:
        assert self._writer is not None
        update = struct.pack("<BH", kind, len(content)) + content
        self._writer.write(struct.pack(">BH", 0, 0x8000 | 3 + len(update)) + update)

    async def note_logon(self) -> None:
        """Report that somebody is logged on (MS-RDPBCGR 2.2.10.1)."""
        await self._finalized.wait()
        self._send_data(SAVE_SESSION, struct.pack("<I576x", PLAIN_NOTIFY))

    async def refuse_logon(self, kind: int, data: int) -> None:
        """Report that somebody is not logged on (MS-RDPBCGR 2.2.10.1.1.4)."""
        await self._finalized.wait()
        cookie = struct.pack("<IIII16x", 28, 28, 1, 5)
        error = struct.pack("<III", 8, kind, data)
        fields = struct.pack("<HI", 6 + len(cookie + error), 3) + cookie + error
        self._send_data(SAVE_SESSION, struct.pack("<I", EXTENDED_INFO) + fields + bytes(570))

    async def end(self, reason: int) -> None:
        """Close the connection for a reason (MS-RDPBCGR 2.2.5.1.1)."""
        await self._finalized.wait()
        self._send_data(ERROR_INFO, struct.pack("<I", reason))
        self.disconnect()

    def disconnect(self) -> None:
        """Close the connection."""
        assert self._writer is not None
        self._writer.close()

    def _say_dynamic(self, data: bytes) -> None:
        self.say_static("drdynvc", data)

    def _number(self, name: str) -> int:
        return CHANNEL + 1 + list(self.introduced.result().channels).index(name)

    # ---- the connection

    def _send(self, channel: int, data: bytes) -> None:
        assert self._writer is not None
        header = struct.pack(">BHHBH", 0x68, USER - 1001, channel, 0x70, 0x8000 | len(data))
        self._writer.write(wrapped(b"\x02\xf0\x80" + header + data))

    def _send_data(self, kind: int, body: bytes) -> None:
        header = struct.pack("<HHHI", 18 + len(body), DATA, USER, SHARE)
        header += struct.pack("<BBHBBH", 0, 1, 4 + len(body), kind, 0, 0)
        self._send(CHANNEL, header + body)

    def _demand(self) -> bytes:
        width, height = self.introduced.result().size
        sets = (
            capability(1, "<HHHHHHHHHBB", 1, 3, 0x200, 0, 0, 0x401, 0, 0, 0, 1, 1),
            capability(2, "<HHHHHHHHHBBHH", 32, 1, 1, 1, width, height, 0, 1, 1, 0, 0, 1, 0),
            capability(3, "<20sHHHHHH52s", b"", 1, 20, 0, 1, 0, 0x22, b"\1" * 32),
            capability(8, "<HHH", 1, 25, 25),
            capability(9, "<HH", CHANNEL - 1, 0),
            capability(13, "<HHIIII64s", 0x135, 0, 0, 0, 0, 0, b""),
            capability(20, "<II", 0, 1600),
            *self._more,
        )  # fmt: skip
        listed = b"".join(sets)
        body = struct.pack("<IHH", SHARE, 4, 4 + len(listed)) + b"RDP\0"
        body += struct.pack("<HH", len(sets), 0) + listed + bytes(4)
        return struct.pack("<HHH", 6 + len(body), DEMAND_ACTIVE, CHANNEL - 1) + body

    async def _hear(self, reader: asyncio.StreamReader) -> None:
        with suppress(EOFError, OSError):
            while True:
                first, size = await reader.readexactly(2)
                if first != TPKT:  # input, on the fast path
                    if size & WIDE:
                        size = (size & 0x7F) << 8 | (await reader.readexactly(1))[0]
                        size -= 1
                    await reader.readexactly(size - 2)
                    continue
                (size,) = struct.unpack(">H", await reader.readexactly(2))
                packet = await reader.readexactly(size - 4)
                if packet[3] & 0xFC == SEND_REQUEST:
                    channel = struct.unpack_from(">H", packet, 6)[0]
                    self._handle(channel, packet[11 if packet[9] & WIDE else 10 :])

    def _handle(self, channel: int, data: bytes) -> None:
        if channel == CHANNEL:
            if data[2] == CONFIRM_ACTIVE and not self.confirmed.done():
                self.confirmed.set_result(_sets_of(data))
            elif data[2] == DATA and data[14] == FONT_LIST:
                self._send_data(SYNCHRONIZE, struct.pack("<HH", 1, USER))
                self._send_data(CONTROL, struct.pack("<HHI", COOPERATE, 0, 0))
                self._send_data(CONTROL, struct.pack("<HHI", GRANTED, USER, CHANNEL - 1))
                self._send_data(FONT_MAP, struct.pack("<HHHH", 0, 0, 3, 4))
                self._finalized.set()
        elif channel == self._static:
            self._message += data[8:]
            if data[4] & LAST:
                self.heard.put_nowait(bytes(self._message))
                self._message.clear()
        elif channel == self._number("drdynvc"):
            message = data[8:]
            if message[0] >> 4 == DATA_LATER:
                self.heard.put_nowait(message[1 + NUMBER_SIZES[message[0] & 3] :])
            else:
                self._dynamic.put_nowait(message)


def _sets_of(confirm: bytes) -> dict[int, bytes]:
    """The sets of capabilities in a confirm active PDU (MS-RDPBCGR 2.2.1.13.2.1)."""
    (source,) = struct.unpack_from("<H", confirm, 12)
    at, found = 16 + source + 4, {}
    while at < len(confirm):
        kind, size = struct.unpack_from("<HH", confirm, at)
        found[kind], at = confirm[at : at + size], at + size
    return found


def capability(kind: int, layout: str, *fields: int | bytes) -> bytes:
    """A set of capabilities with these fields, as `struct` writes them."""
    body = struct.pack(layout, *fields)
    return struct.pack("<HH", kind, 4 + len(body)) + body
