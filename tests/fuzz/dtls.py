"""Fuzzes DTLS: a stranger's datagrams end a handshake at most, and no connection."""

from __future__ import annotations

from guacr.tubes.errors import DtlsError
from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState
from tests.fuzz.driver import main
from tests.guacr.tubes.rtc.dtls.link import TRIP, Link, client, connected, encrypted, server


def _samples() -> list[bytes]:
    """What both ends of a handshake have sent, after a byte for the receiver."""
    one, other = client(), server()
    link = Link(one, other).start().run()
    handshake = [bytes([to == "client"]) + datagram for to, datagram in link.sent]
    data = [b"\0" + encrypted(one, b"data"), b"\1" + encrypted(other, b"data")]
    one.close()
    return [*handshake, *data, b"\0" + one.take()[0], b"\0" + bytes(13)]


SAMPLES = _samples()


def one_input(data: bytes) -> None:
    """A datagram from a stranger arrives at a client or a server, after none to three flights."""
    one, other = client(), server()
    link = Link(one, other).start()
    try:
        for _ in range(len(data) % 4):
            link.run(1.1 * TRIP)
        _receive(one, other, data, link.now)
        link.run()
    except DtlsError:
        assert DtlsState.FAILED in (one.state, other.state)
    else:
        _talk(one, other)
    one, other = connected()
    _receive(one, other, data, link.now)
    _talk(one, other)


def _receive(one: Dtls, other: Dtls, data: bytes, now: float) -> None:
    end = one if data[:1] == b"\1" else other
    assert end.receive(data[1:], now) == []


def _talk(one: Dtls, other: Dtls) -> None:
    one.take(), other.take()
    assert other.receive(encrypted(one, b"ping"), 0.0) == [b"ping"]
    assert one.receive(encrypted(other, b"pong"), 0.0) == [b"pong"]


if __name__ == "__main__":
    main(one_input, SAMPLES)
