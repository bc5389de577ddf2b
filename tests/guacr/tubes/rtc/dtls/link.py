"""Two ends of DTLS with a clock and a network between them that a test controls."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from OpenSSL import SSL

from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.connection import MTU, Dtls, DtlsState

ONE, OTHER, STRANGER = (Certificate.create() for _ in range(3))
TRIP = 0.01
"""Seconds that a datagram takes."""
ON_TIME: Sequence[float] = (0.0,)
LOST: Sequence[float] = ()


class End(Protocol):
    """The part of `Dtls` that a link uses."""

    @property
    def state(self) -> DtlsState:
        """How far it is."""

    @property
    def deadline(self) -> float | None:
        """When it wants to be called."""

    def start(self, now: float) -> None:
        """Begin."""

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram."""

    def handle_timeout(self, now: float) -> None:
        """Be called."""

    def take(self) -> list[bytes]:
        """Hand out datagrams."""


class Plain:
    """An end by pyOpenSSL alone, without a clock, with whatever its context allows."""

    def __init__(self, context: SSL.Context, *, is_client: bool) -> None:
        context.set_options(SSL.OP_NO_QUERY_MTU)
        self.connection = SSL.Connection(context)
        self.connection.set_ciphertext_mtu(MTU)
        if is_client:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()
        self.state = DtlsState.CONNECTING
        self.deadline: float | None = None

    def start(self, now: float) -> None:
        """Begin the handshake."""
        with suppress(SSL.WantReadError):
            self.connection.do_handshake()

    def receive(self, datagram: bytes, now: float) -> list[bytes]:
        """Take a datagram; its data."""
        self.connection.bio_write(datagram)
        with suppress(SSL.WantReadError):
            self.connection.do_handshake()
            self.state = DtlsState.CONNECTED
            return [self.connection.recv(20_000)]
        return []

    def handle_timeout(self, now: float) -> None:
        """Not needed."""

    def take(self) -> list[bytes]:
        """What it has written, as one datagram."""
        with suppress(SSL.WantReadError):
            return [self.connection.bio_read(100_000)]
        return []


def context(
    *, certificate: Certificate | None = ONE, ciphers: bytes = b"ALL", verify: bool = False
) -> SSL.Context:
    """Settings of a `Plain` end, which trusts everybody, but asks for a certificate if `verify`."""
    made = SSL.Context(SSL.DTLS_METHOD)
    made.set_cipher_list(ciphers)
    if certificate is not None:
        made.use_certificate(certificate.certificate)
        made.use_privatekey(certificate.key)
    if verify:
        made.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    return made


def client(*, remote: Certificate = OTHER, mtu: int = MTU) -> Dtls:
    """One end."""
    return Dtls(ONE, is_client=True, remote_fingerprints=[remote.fingerprint], mtu=mtu)


def server(*, remote: Certificate = ONE, mtu: int = MTU) -> Dtls:
    """The other one."""
    return Dtls(OTHER, is_client=False, remote_fingerprints=[remote.fingerprint], mtu=mtu)


@dataclass
class Link:
    """Both ends, and the datagrams on their way.

    Attributes:
        client, server: the ends.
        fate: for the number of a datagram, counted in both directions, the additional times that
            its copies take: one zero for a good network, none if it is lost.
        sent: each receiver and datagram.
        heard: the data that each end has received.
    """

    client: End = field(default_factory=client)
    server: End = field(default_factory=server)
    fate: Callable[[int], Sequence[float]] = lambda number: ON_TIME
    now: float = 1000.0
    sent: list[tuple[str, bytes]] = field(default_factory=list)
    heard: dict[str, list[bytes]] = field(default_factory=lambda: {"client": [], "server": []})
    _moving: list[tuple[float, int, str, bytes]] = field(default_factory=list)

    def start(self) -> Link:
        """Let both begin."""
        self.server.start(self.now)
        self.client.start(self.now)
        return self

    def run(self, seconds: float = 60.0) -> Link:
        """Have so much time pass, or less if nothing more would happen."""
        end = self.now + seconds
        self.collect()
        while (due := self._next()) is not None and due <= end:
            self.now = max(self.now, due)
            self._deliver()
            for one in (self.client, self.server):
                if one.deadline is not None and one.deadline <= self.now:
                    one.handle_timeout(self.now)
            self.collect()
        return self

    def collect(self) -> None:
        """Send what both ends hand out."""
        for one, to in ((self.client, "server"), (self.server, "client")):
            for datagram in one.take():
                for more in self.fate(len(self.sent)):
                    arrival = self.now + TRIP + more, len(self.sent), to, datagram
                    self._moving.append(arrival)
                self.sent.append((to, datagram))

    @property
    def is_connected(self) -> bool:
        """Whether both ends say so."""
        return self.client.state is self.server.state is DtlsState.CONNECTED

    def _next(self) -> float | None:
        times = [self.client.deadline, self.server.deadline, *(one[0] for one in self._moving)]
        return min((time for time in times if time is not None), default=None)

    def _deliver(self) -> None:
        arriving = sorted(one for one in self._moving if one[0] <= self.now)
        self._moving = [one for one in self._moving if one[0] > self.now]
        for _, _, to, datagram in arriving:
            receiver = self.client if to == "client" else self.server
            self.heard[to] += receiver.receive(datagram, self.now)


def connected() -> tuple[Dtls, Dtls]:
    """A client and a server after their handshake."""
    one, other = client(), server()
    assert Link(one, other).start().run().is_connected
    return one, other


def encrypted(sender: Dtls, data: bytes) -> bytes:
    """The datagram with this data."""
    sender.send(data)
    (datagram,) = sender.take()
    return datagram


def record(kind: int, epoch: int, number: int, body: bytes) -> bytes:
    """A record as it is on the wire."""
    head = bytes([kind]) + b"\xfe\xfd" + epoch.to_bytes(2, "big") + number.to_bytes(6, "big")
    return head + len(body).to_bytes(2, "big") + body


def fragment(kind: int, length: int, number: int, offset: int, body: bytes) -> bytes:
    """A part of a message of the handshake."""
    parts = (length, 3), (number, 2), (offset, 3), (len(body), 3)
    return bytes([kind]) + b"".join(value.to_bytes(size, "big") for value, size in parts) + body
