"""Peers and strangers that send what they should not. Only `DtlsError` may come of it."""

from __future__ import annotations

import os
import random
import resource
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from OpenSSL import SSL

from guacr.tubes.errors import DtlsError
from guacr.tubes.rtc.dtls.connection import DATAGRAM_MAX, HANDSHAKE_MAX, Dtls, DtlsState
from tests.guacr.tubes.rtc.dtls.link import (
    OTHER,
    Link,
    Plain,
    client,
    connected,
    context,
    encrypted,
    fragment,
    record,
    server,
)

NOW = 0.0
ALERT, CHANGE_CIPHER_SPEC, HANDSHAKE, DATA = 21, 20, 22, 23
CLOSE_NOTIFY, WARNING, FATAL = b"\1\0", b"\1\x5a", b"\2\x28"


def hello() -> bytes:
    """The first datagram of a client."""
    one = client()
    one.start(NOW)
    return one.take()[0]


def answering() -> Dtls:
    """A server that has answered a client, and waits for the certificate."""
    other = server()
    other.start(NOW)
    other.receive(hello(), NOW)
    assert other.take()
    return other


def garbage(*, epochs: tuple[int, ...] = (0, 1, 2, 65535)) -> Iterator[bytes]:
    """Datagrams that are no records, records that nobody has encrypted, and broken ones."""
    chance = random.Random(1)
    yield b""
    for length in (1, 12, 13, 14, 1200, DATAGRAM_MAX, DATAGRAM_MAX + 1, 65507):
        yield chance.randbytes(length)
    for kind in (*range(19, 27), 0, 255):
        for epoch in epochs:
            for length in (0, 1, 2, 12, 25, 100):
                yield record(kind, epoch, 1000 + length, chance.randbytes(length))
    whole = record(DATA, 1, 2**40, chance.randbytes(60))
    yield from (whole[:length] for length in range(len(whole)))
    yield whole + b"\x17"
    for length in (DATAGRAM_MAX, DATAGRAM_MAX + 1, 60_000):
        yield record(DATA, 1, 2**40 + length, bytes(length - 13))
    yield whole[:11] + b"\xff\xff" + whole[13:]


class TestConnected:
    def test_garbage_is_dropped(self) -> None:
        one, other = connected()
        for datagram in garbage():
            assert other.receive(datagram, NOW) == []
            assert one.receive(datagram, NOW) == []
        assert other.take() == one.take() == []
        assert other.receive(encrypted(one, b"a"), NOW) == [b"a"]
        assert one.receive(encrypted(other, b"b"), NOW) == [b"b"]

    def test_changed_datagrams_are_dropped(self) -> None:
        one, other = connected()
        datagram = encrypted(one, b"data")
        for bit in range(8 * len(datagram)):
            changed = bytearray(datagram)
            changed[bit // 8] ^= 1 << bit % 8
            assert other.receive(bytes(changed), NOW) == []
        assert other.receive(datagram, NOW) == [b"data"]

    def test_replays_are_dropped(self) -> None:
        one, other = connected()
        datagrams = [encrypted(one, bytes([number])) for number in range(100)]
        for datagram in datagrams:
            assert len(other.receive(datagram, NOW)) == 1
        for datagram in datagrams * 3:
            assert other.receive(datagram, NOW) == []
        both = encrypted(one, b"a")
        assert other.receive(both + both, NOW) == [b"a"]

    def test_datagrams_for_others_are_dropped(self) -> None:
        other = connected()[1]
        assert other.receive(encrypted(connected()[0], b"a"), NOW) == []
        assert other.state is DtlsState.CONNECTED

    def test_what_was_said_in_the_handshake_can_be_repeated(self) -> None:
        one, other = client(), server()
        link = Link(one, other).start().run()
        for _, datagram in link.sent * 20:
            assert one.receive(datagram, link.now) == []
            assert other.receive(datagram, link.now) == []
        assert other.receive(hello(), link.now) == []
        other.take()
        assert other.receive(encrypted(one, b"a"), NOW) == [b"a"]

    @pytest.mark.parametrize("body", [CLOSE_NOTIFY, WARNING, FATAL])
    def test_alerts_that_nobody_has_encrypted_are_dropped(self, body: bytes) -> None:
        one, other = connected()
        for number in range(100, 1000):
            assert other.receive(record(ALERT, 0, number, body), NOW) == []
        assert other.receive(encrypted(one, b"a"), NOW) == [b"a"]

    @pytest.mark.parametrize("is_client", [True, False])
    def test_new_handshakes_are_refused(self, is_client: bool) -> None:
        """A peer could show another certificate in one."""
        plain = Plain(context(certificate=OTHER, verify=True), is_client=is_client)
        ours = Dtls(OTHER, is_client=not is_client, remote_fingerprints=[OTHER.fingerprint])
        link = Link(*((plain, ours) if is_client else (ours, plain))).start().run()
        assert link.is_connected
        plain.connection.renegotiate()
        with suppress(SSL.WantReadError):
            plain.connection.do_handshake()
        for datagram in plain.take():
            assert ours.receive(datagram, link.now) == []
        (refusal,) = ours.take()
        assert refusal[0] == ALERT
        assert encrypted(ours, b"still there")[0] == DATA
        with pytest.raises(SSL.Error, match="no renegotiation"):
            plain.receive(refusal, link.now)
        with pytest.raises(DtlsError, match="failed: tls alert handshake failure"):
            ours.receive(plain.take()[0], link.now)


class TestHandshake:
    def test_garbage_is_dropped(self) -> None:
        link = Link()
        for datagram in garbage(epochs=(1, 2, 65535)):
            link.server.receive(datagram, NOW)
        link.start()
        for _ in range(4):
            for datagram in garbage(epochs=(1, 2, 65535)):
                link.server.receive(datagram, link.now)
                link.client.receive(datagram, link.now)
            link.run(0.015)
        link.run()
        assert link.is_connected

    @pytest.mark.parametrize(
        ("body", "sentence"),
        [
            (FATAL, "failed: tls alert handshake failure"),
            (CLOSE_NOTIFY, "failed: the peer has closed it"),
        ],
    )
    def test_alerts_end_it(self, body: bytes, sentence: str) -> None:
        for end in (answering(), _started(client())):
            with pytest.raises(DtlsError, match=sentence):
                end.receive(record(ALERT, 0, 100, body), NOW)
            assert end.state is DtlsState.FAILED

    def test_a_flood_of_warnings_ends_it(self) -> None:
        other = answering()
        for number in range(100, 104):
            other.receive(record(ALERT, 0, number, WARNING), NOW)
        with pytest.raises(DtlsError, match="failed: too many warn alerts"):
            other.receive(record(ALERT, 0, 104, WARNING), NOW)

    @pytest.mark.parametrize(
        "body",
        [
            fragment(11, 20, 1, 0, bytes(20)),
            fragment(11, 20, 1, 10, bytes(20)),
            fragment(11, 2**24 - 1, 1, 0, bytes(20)),
            fragment(20, 12, 1, 0, bytes(12)),
            fragment(255, 0, 1, 0, b""),
            b"",
            b"\1",
        ],
    )
    def test_invalid_messages_end_it_or_are_dropped(self, body: bytes) -> None:
        other = answering()
        with suppress(DtlsError):
            other.receive(record(HANDSHAKE, 0, 100, body), NOW)
        assert other.state in (DtlsState.FAILED, DtlsState.CONNECTING)
        other.receive(record(HANDSHAKE, 0, 101, body), NOW)

    def test_its_bytes_are_limited(self) -> None:
        other = server()
        other.start(NOW)
        datagram = record(DATA, 1, 1, bytes(1024 - 13))
        for _ in range(HANDSHAKE_MAX // 1024):
            other.receive(datagram, NOW)
        with pytest.raises(DtlsError, match=f"has more than {HANDSHAKE_MAX} bytes"):
            other.receive(datagram, NOW)
        assert other.state is DtlsState.FAILED

    @pytest.mark.parametrize("kind", ["hellos", "fragments", "early", "empty", "cookies"])
    def test_floods_cost_little_memory_and_cause_few_answers(self, kind: str) -> None:
        flood = list(_flood(kind))
        _stand(flood)  # what is allocated once
        before = _resident()
        ends = [_stand(flood) for _ in range(10)]
        assert (_resident() - before) / len(ends) < 1.5 * 2**20  # ten messages, and what was said
        assert max(sent for _, sent in ends) <= 1.1 * sum(map(len, flood))


def _started(end: Dtls) -> Dtls:
    end.start(NOW)
    end.take()
    return end


def _flood(kind: str) -> Iterator[bytes]:
    """More than is accepted, all with record numbers of their own."""
    first = hello()
    for number in range(100, 5100):
        if kind == "hellos":
            yield record(HANDSHAKE, 0, number, first[13:])
        elif kind == "fragments":  # of ten messages of 100,000 bytes, one byte in each kilobyte
            place = number * 1000 % 100_000
            yield record(HANDSHAKE, 0, number, fragment(11, 100_000, 1 + number % 10, place, b"x"))
        elif kind == "early":
            yield record(HANDSHAKE, 1, number, os.urandom(1000))
        elif kind == "empty":
            yield record(CHANGE_CIPHER_SPEC, 0, number, b"")
        else:
            cookie = os.urandom(20)
            yield record(HANDSHAKE, 0, number, fragment(3, 23, 0, 0, b"\xfe\xfd\x14" + cookie))


def _stand(flood: list[bytes]) -> tuple[Dtls, int]:
    """An end in this flood, and the bytes that it has sent."""
    end = _started(client()) if flood[0][13:14] == b"\3" else answering()
    sent = 0
    for datagram in flood:
        with suppress(DtlsError):
            assert end.receive(datagram, NOW) == []
        sent += sum(map(len, end.take()))
    return end, sent


def _resident() -> int:
    """Bytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
