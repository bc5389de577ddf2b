"""A remote desktop gateway, as MS-TSGU describes its WebSocket transport.

It shares no code with guacr's client; FreeRDP's own one connects through it as well.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ssl
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from tests.support.certificates import Pair
from tests.support.ntlm_acceptor import NtlmAcceptor, workstation
from tests.support.require import missing
from tests.support.scripted_host import scripted_host

PATH = "/remoteDesktopGateway/"
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""Of WebSocket (RFC 6455 1.3)."""
HANDSHAKE, TUNNEL, AUTH, CHANNEL, DATA, SERVICE, KEEP_ALIVE = 1, 4, 6, 8, 10, 11, 13
CLOSE, CLOSE_RESPONSE = 16, 17
CONSENT, POLICY = 0x10, 0x1
CHUNK = 1 << 14
DOMAIN, USER, PASSWORD = "CORP", "gina", "a b é€"
NT_HASH = bytes.fromhex("3646a5893c4d5fccf54b15a260895d88")
"""Of the password; winpr-hash makes it."""


@dataclass
class RdGateway:
    """Its `script` is for `scripted_host`, with TLS.

    Attributes:
        pair: its certificate and key.
        logins: the names of the logins that it offers.
        names: the addresses of names, which only it can resolve.
        refusals: errors by the type of the request that is refused with them.
        policy: flags of what clients must not redirect.
        consent: what clients have to agree to.
        status: an HTTP status that it answers with instead of anything else.
        hangs_up: True if it closes the connection instead of judging a login.
        closes: True if each answer ends the connection.
    """

    pair: Pair
    logins: tuple[str, ...] = ("NTLM", "Basic")
    names: Mapping[str, str] = field(default_factory=dict)
    refusals: Mapping[int, int] = field(default_factory=dict)
    policy: int = 0
    consent: str = ""
    status: int = 0
    hangs_up: bool = False
    closes: bool = False
    judged: list[tuple[str, bool]] = field(default_factory=list)
    """The logins that it has judged: their names, and whether they were accepted."""
    targets: list[tuple[str, int]] = field(default_factory=list)
    """Where clients wanted to go."""
    workstations: list[str] = field(default_factory=list)
    """The names of their machines in logins with NTLM."""
    clients: list[str] = field(default_factory=list)
    """The names of their machines in requests."""
    tunnels: list[_Tunnel] = field(default_factory=list)

    async def script(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve a client."""
        login = _Login(self)
        while True:
            method, path, headers = await _request(reader)
            if self.status or method != "RDG_OUT_DATA" or not path.startswith(PATH):
                _answer(writer, f"{self.status or 404} No", "Location: /elsewhere")
                return
            if self.hangs_up and "authorization" in headers:
                return
            if refusal := login.judge(headers.get("authorization", "")):
                closing = ["Connection: close"] if self.closes else []
                _answer(writer, "401 Unauthorized", *refusal, *closing)
                if self.closes:
                    return
                continue
            break
        key = headers["sec-websocket-key"] + GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n\r\n".encode()
        )
        tunnel = _Tunnel(self, reader, writer)
        self.tunnels.append(tunnel)
        await tunnel.run()


class _Login:
    """The login of one connection."""

    def __init__(self, gateway: RdGateway) -> None:
        self._gateway = gateway
        self._acceptor = NtlmAcceptor(USER, DOMAIN, NT_HASH, _bindings(gateway.pair))
        self._is_begun = False

    def judge(self, authorization: str) -> list[str]:
        """The header lines of a refusal; none if the client is logged in."""
        gateway = self._gateway
        offers = [f"WWW-Authenticate: {name}" for name in gateway.logins]
        scheme, _, value = authorization.partition(" ")
        if scheme not in gateway.logins or not value:
            return offers
        data = base64.b64decode(value)
        if scheme != "Basic" and not self._is_begun:
            self._is_begun = True
            answer = base64.b64encode(self._acceptor.challenge()).decode()
            return [f"WWW-Authenticate: {scheme} {answer}"]
        if scheme == "Basic":
            is_right = data.decode() == f"{DOMAIN}\\{USER}:{PASSWORD}"
        else:
            self._is_begun = False
            is_right = self._acceptor.accepts(data)
            gateway.workstations.append(workstation(data))
        gateway.judged.append((scheme, is_right))
        return [] if is_right else offers


class _Tunnel:
    """A client whose WebSocket is open."""

    def __init__(
        self, gateway: RdGateway, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._gateway = gateway
        self._reader = reader
        self._writer = writer
        self._host: asyncio.StreamWriter | None = None
        self._back: asyncio.Task[None] | None = None
        self.closed = False
        """True if the client has closed its channel itself."""

    async def run(self) -> None:
        buffer = b""
        try:
            async for message in self._messages():
                buffer += message
                while len(buffer) >= 8 and len(buffer) >= (size := _size(buffer)):
                    await self._handle(struct.unpack("<H", buffer[:2])[0], buffer[8:size])
                    buffer = buffer[size:]
        finally:
            if self._back is not None:
                self._back.cancel()
            if self._host is not None:
                self._host.close()

    def send(self, kind: int, body: bytes) -> None:
        """Send a packet in two messages: their boundaries mean nothing."""
        packet = struct.pack("<HHI", kind, 0, 8 + len(body)) + body
        for part in (packet[:5], packet[5:]):
            length = len(part)
            short = struct.pack("BB", 0x82, min(length, 126))
            head = short if length < 126 else short + struct.pack(">H", length)
            self._writer.write(head + part)

    def end(self, error: int) -> None:
        """End the channel with an error."""
        self.send(CLOSE, struct.pack("<I", error))

    def drop(self) -> None:
        """Close the connection without a word."""
        self._writer.transport.abort()

    async def _handle(self, kind: int, body: bytes) -> None:
        error = self._gateway.refusals.get(kind, 0)
        if kind == HANDSHAKE:
            self.send(2, struct.pack("<IBBHH", error, 1, 0, 0, 0))
        elif kind == TUNNEL:
            consent = _text(self._gateway.consent) if self._gateway.consent else b""
            fields = 0x1 | 0x2 | (CONSENT if consent else 0)
            self.send(5, struct.pack("<HIHHII", 1, error, fields, 0, 7, 0xC) + consent)
        elif kind == AUTH:
            self._gateway.clients.append(body[4:].decode("utf-16-le").rstrip("\0"))
            self.send(7, struct.pack("<IHHII", error, POLICY | 0x2, 0, self._gateway.policy, 0))
        elif kind == CHANNEL:
            await self._connect(error, body)
        elif kind == DATA and self._host is not None:
            assert struct.unpack("<H", body[:2])[0] == len(body) - 2
            self._host.write(body[2:])
            await self._host.drain()
        elif kind == CLOSE:
            self.closed = True
            self.send(CLOSE_RESPONSE, bytes(4))

    async def _connect(self, error: int, body: bytes) -> None:
        resources, others, port, protocol = struct.unpack("<BBHH", body[:6])
        assert (resources, others, protocol) == (1, 0, 3)
        host = body[8:].decode("utf-16-le").rstrip("\0")
        self._gateway.targets.append((host, port))
        if not error:
            try:
                reader, self._host = await asyncio.open_connection(
                    self._gateway.names.get(host, host), port
                )
                self._back = asyncio.create_task(self._return(reader))
            except OSError:
                error = 0x59DD
        self.send(9, struct.pack("<IHHI", error, 0x1, 0, 1))
        self.send(KEEP_ALIVE, b"")

    async def _return(self, reader: asyncio.StreamReader) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                self.send(DATA, struct.pack("<H", len(data)) + data)
                await self._writer.drain()
        self.end(0)

    async def _messages(self) -> AsyncIterator[bytes]:
        """What binary frames contain, until one that closes (RFC 6455 5.2)."""
        while True:
            kind, size = await self._reader.readexactly(2)
            assert size & 0x80, "frames of clients are masked"
            size &= 0x7F
            if size == 126:
                (size,) = struct.unpack(">H", await self._reader.readexactly(2))
            elif size == 127:
                (size,) = struct.unpack(">Q", await self._reader.readexactly(8))
            mask = await self._reader.readexactly(4)
            data = await self._reader.readexactly(size)
            mask = (mask * (size // 4 + 1))[:size]
            plain = int.from_bytes(data, "big") ^ int.from_bytes(mask, "big")
            if kind & 0xF == 8:
                self._writer.write(b"\x88\x00")
                return
            if kind & 0xF in (0, 2):
                yield plain.to_bytes(size, "big")


def _size(buffer: bytes) -> int:
    size: int = struct.unpack_from("<I", buffer, 4)[0]
    return size


def _text(text: str) -> bytes:
    raw = f"{text}\0".encode("utf-16-le")
    return struct.pack("<H", len(raw)) + raw


async def _request(reader: asyncio.StreamReader) -> tuple[str, str, dict[str, str]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ")
    fields = (line.partition(":") for line in head[1:] if line)
    return method, path, {name.lower(): value.strip() for name, _, value in fields}


def _answer(writer: asyncio.StreamWriter, status: str, *lines: str) -> None:
    body = b"<html>" + b" " * 2000
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", *lines))
    writer.write(
        f"{head}Content-Type: text/html\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    )


def _bindings(pair: Pair) -> bytes:
    digest = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pair.certificate)).digest()
    return b"tls-server-end-point:" + digest


@asynccontextmanager
async def running_gateway(gateway: RdGateway, directory: Path) -> AsyncIterator[dict[str, str]]:
    """The parameters for a gateway on this machine, with the login that it accepts."""
    if {"NTLM", "Negotiate"} & {*gateway.logins} and find_spec("spnego") is None:
        missing("pyspnego is not installed")
    path = directory / "gateway.pem"
    path.write_text(gateway.pair.certificate + gateway.pair.key)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(path)
    async with scripted_host(gateway.script, tls) as found:
        yield {
            "gateway-hostname": "localhost",
            "gateway-port": found["port"],
            "gateway-domain": DOMAIN,
            "gateway-username": USER,
            "gateway-password": PASSWORD,
        }
