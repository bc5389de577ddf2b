"""DTLS with OpenSSL's own programs, over sockets, and with aiortc."""

from __future__ import annotations

import asyncio
import socket
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState
from guacr.tubes.rtc.dtls.fingerprint import Fingerprint
from tests.guacr.tubes.rtc.dtls.link import ONE, OTHER
from tests.support.require import require

TIMEOUT = 20.0


class Endpoint:
    """A `Dtls` on a UDP socket of the loopback interface."""

    def __init__(self, dtls: Dtls, port: int = 0) -> None:
        self.dtls = dtls
        self.heard = b""
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))
        self._peer = ("127.0.0.1", port) if port else None
        self.port: int = self._socket.getsockname()[1]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        """Exchange datagrams until a condition holds."""
        self.dtls.start(time.monotonic())
        end = time.monotonic() + TIMEOUT
        while True:
            self.flush()
            if condition():
                return
            assert time.monotonic() < end, f"waited in vain: {what}; {self.dtls.state}"
            await self._exchange()

    async def _exchange(self) -> None:
        now = time.monotonic()
        deadline = self.dtls.deadline or now + 0.05
        with suppress(TimeoutError):
            async with asyncio.timeout(min(0.05, max(0.0, deadline - now))):
                datagram, self._peer = await asyncio.get_running_loop().sock_recvfrom(
                    self._socket, 65536
                )
                self.heard += b"".join(self.dtls.receive(datagram, time.monotonic()))
        if self.dtls.deadline is not None and self.dtls.deadline <= time.monotonic():
            self.dtls.handle_timeout(time.monotonic())

    def flush(self) -> None:
        """Send what is to be sent, once it is known to whom."""
        for datagram in self.dtls.take():
            assert self._peer is not None
            self._socket.sendto(datagram, self._peer)

    def close(self) -> None:
        """Release the socket."""
        self._socket.close()


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """The options with a certificate and its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(OTHER.certificate.public_bytes(Encoding.PEM))
    key.write_bytes(OTHER.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return ["-cert", str(certificate), "-key", str(key)]


@asynccontextmanager
async def openssl(*arguments: str) -> AsyncIterator[Process]:
    """One of OpenSSL's programs, ended with the block."""
    process = await asyncio.create_subprocess_exec(
        require("openssl"), *arguments, stdin=PIPE, stdout=PIPE, stderr=STDOUT
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def until_printed(process: Process, what: bytes) -> bytes:
    """The line that has it."""
    assert process.stdout is not None
    async with asyncio.timeout(TIMEOUT):
        while True:
            line = await process.stdout.readline()
            assert line, f"OpenSSL has ended before it printed {what!r}"
            if what in line:
                return line


async def talk(endpoint: Endpoint, process: Process) -> None:
    """A handshake, and data in both directions."""
    await endpoint.until(lambda: endpoint.dtls.state is DtlsState.CONNECTED, "a connection")
    endpoint.dtls.send(b"from guacr\n")
    endpoint.flush()
    await until_printed(process, b"from guacr")
    assert process.stdin is not None
    process.stdin.write(b"from OpenSSL\n")
    await endpoint.until(lambda: b"from OpenSSL\n" in endpoint.heard, "a line")


@pytest.mark.parametrize("options", [[], ["-mtu", "500"], ["-listen"]])
async def test_openssls_server(files: list[str], options: list[str]) -> None:
    """`-listen` makes it ask for a cookie."""
    arguments = ["s_server", "-dtls1_2", "-accept", "127.0.0.1:0", "-Verify", "1", *files, *options]
    async with openssl(*arguments) as process:
        port = int((await until_printed(process, b"ACCEPT")).rsplit(b":", 1)[1])
        dtls = Dtls(ONE, is_client=True, remote_fingerprints=[OTHER.fingerprint])
        endpoint = Endpoint(dtls, port)
        await talk(endpoint, process)
        dtls.close()
        endpoint.flush()
        await until_printed(process, b"DONE")
        endpoint.close()


@pytest.mark.parametrize("options", [[], ["-mtu", "500"]])
async def test_openssls_client(files: list[str], options: list[str]) -> None:
    dtls = Dtls(ONE, is_client=False, remote_fingerprints=[OTHER.fingerprint])
    endpoint = Endpoint(dtls)
    arguments = ["s_client", "-dtls1_2", "-connect", f"127.0.0.1:{endpoint.port}", *files, *options]
    async with openssl(*arguments) as process:
        await talk(endpoint, process)
        assert process.stdin is not None
        process.stdin.write(b"Q\n")
        await endpoint.until(lambda: dtls.state is DtlsState.CLOSED, "the end")
    endpoint.close()


class Ice:
    """What aiortc's transport needs of ICE: a path to the peer."""

    def __init__(self, dtls: Dtls) -> None:
        self.role = "controlling"
        self.heard: list[bytes] = []
        self._dtls = dtls
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    def flush(self) -> None:
        """Carry what is to be sent to aiortc."""
        for datagram in self._dtls.take():
            self._queue.put_nowait(datagram)

    async def _send(self, datagram: bytes) -> None:
        self.heard += self._dtls.receive(datagram, time.monotonic())
        self.flush()

    async def _recv(self) -> bytes:
        return await self._queue.get()

    async def stop(self) -> None:
        """Not needed."""


class Receiver:
    """The user of aiortc's transport."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def _handle_data(self, data: bytes) -> None:
        self.heard.put_nowait(data)


@pytest.mark.parametrize("is_client", [True, False])
async def test_aiortc(is_client: bool) -> None:
    transports = pytest.importorskip("aiortc.rtcdtlstransport", reason="aiortc is not installed")
    certificate = transports.RTCCertificate.generateCertificate()
    remote = [Fingerprint(one.algorithm, one.value) for one in certificate.getFingerprints()]
    dtls = Dtls(ONE, is_client=is_client, remote_fingerprints=remote)
    ice, receiver = Ice(dtls), Receiver()
    peer = transports.RTCDtlsTransport(ice, [certificate])
    peer._register_data_receiver(receiver)
    peer._set_role("server" if is_client else "client")
    dtls.start(time.monotonic())
    ice.flush()
    own = transports.RTCDtlsFingerprint("sha-256", ONE.fingerprint.value)
    async with asyncio.timeout(TIMEOUT):
        await peer.start(transports.RTCDtlsParameters([own]))
        assert peer.state == "connected"
        assert dtls.state is DtlsState.CONNECTED
        for size in (1, 1200, 1400):
            dtls.send(bytes(size))
            ice.flush()
            assert await receiver.heard.get() == bytes(size)
            await peer._send_data(bytes(size))
            assert ice.heard[-1] == bytes(size)
        await peer.stop()
    assert str(dtls.state) == "closed"
