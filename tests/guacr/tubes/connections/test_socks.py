"""SOCKS5 requests of clients."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.connections.socks import (
    Command,
    Reply,
    Request,
    SocksHandshake,
    failure,
    read_address,
    reply,
    write_address,
)
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.socks_target import SocksTarget

GREETING = b"\x05\x01\x00"
BY_NAME = b"\x05\x01\x00\x03\x0bexample.com\x01\xbb"
BY_IPV4 = b"\x05\x01\x00\x01\xc0\x00\x02\x01\x00\x50"
BY_IPV6 = b"\x05\x01\x00\x04" + bytes.fromhex("20010db8000000000000000000000001") + b"\x00\x50"
UDP = b"\x05\x03\x00\x01\x00\x00\x00\x00\x00\x00"


@pytest.mark.parametrize(
    ("request_bytes", "expected"),
    [
        (BY_NAME, Request(Command.CONNECT, SocksTarget("example.com", 443))),
        (BY_IPV4, Request(Command.CONNECT, SocksTarget("192.0.2.1", 80))),
        (BY_IPV6, Request(Command.CONNECT, SocksTarget("2001:db8:0:0:0:0:0:1", 80))),
        (UDP, Request(Command.UDP_ASSOCIATE, SocksTarget("0.0.0.0", 0))),
    ],
)
def test_requests_are_read_however_they_are_cut(request_bytes: bytes, expected: Request) -> None:
    data = GREETING + request_bytes + b"early data"
    for cut in range(len(data) + 1):
        handshake = SocksHandshake()

        answer = handshake.feed(data[:cut])
        rest = handshake.rest if handshake.request else b""
        answer += handshake.feed(data[cut:]) if handshake.request is None else b""

        assert answer == b"\x05\x00"
        assert handshake.request == expected
        assert b"early data".startswith(rest)


def test_what_follows_the_request_is_kept() -> None:
    handshake = SocksHandshake()

    handshake.feed(GREETING + BY_IPV4 + b"GET / HTTP/1.0")

    assert handshake.rest == b"GET / HTTP/1.0"


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"\x04\x01\x00\x50", b"\x05\xff"),
        (b"GET / HTTP/1.1\r\n", b"\x05\xff"),
        (b"\x05\x01\x02", b"\x05\xff"),
        (b"\x05\x00", b"\x05\xff"),
        (
            GREETING + b"\x05\x02\x00\x01" + bytes(6),
            b"\x05\x00" + reply(Reply.COMMAND_NOT_SUPPORTED),
        ),
        (
            GREETING + b"\x05\x09\x00\x01" + bytes(6),
            b"\x05\x00" + reply(Reply.COMMAND_NOT_SUPPORTED),
        ),
        (
            GREETING + b"\x05\x01\x00\x02" + bytes(6),
            b"\x05\x00" + reply(Reply.ADDRESS_NOT_SUPPORTED),
        ),
        (GREETING + b"\x04\x01\x00\x01" + bytes(6), b"\x05\x00" + reply(Reply.FAILURE)),
        (GREETING + b"\x05\x01\x00\x03\x00\x00\x50", b"\x05\x00" + reply(Reply.FAILURE)),
        (GREETING + b"\x05\x01\x00\x03\x01\xff\x00\x50", b"\x05\x00" + reply(Reply.FAILURE)),
        (GREETING + b"\x05\x01\x00\x03\x01\x00\x00\x50", b"\x05\x00" + reply(Reply.FAILURE)),
    ],
)
def test_what_is_not_supported_is_refused(data: bytes, answer: bytes) -> None:
    handshake = SocksHandshake()

    assert b"".join(handshake.feed(bytes([byte])) for byte in data) == answer
    assert handshake.has_failed
    assert handshake.request is None
    assert handshake.feed(b"more") == b""


def test_replies_are_those_of_the_published_system() -> None:
    assert reply(Reply.SUCCEEDED).hex() == "05000001000000000000"
    assert reply(Reply.COMMAND_NOT_SUPPORTED).hex() == "05070001000000000000"
    assert reply(Reply.SUCCEEDED, "::1", 4660).hex() == "05000004" + "00" * 15 + "01" + "1234"


@pytest.mark.parametrize(
    ("reason", "text", "code"),
    [
        (10, "Connection refused (os error 111)", Reply.CONNECTION_REFUSED),
        (10, "SOCKS5 destination x not allowed or unresolvable", Reply.NOT_ALLOWED),
        (10, "No route to host (os error 113)", Reply.HOST_UNREACHABLE),
        (10, "Network is unreachable (os error 101)", Reply.NETWORK_UNREACHABLE),
        (10, "DNS lookup failed for host 'x'", Reply.HOST_UNREACHABLE),
        (10, "no answer from 192.0.2.1:80", Reply.TTL_EXPIRED),
        (2, "", Reply.TTL_EXPIRED),
        (1, "", Reply.FAILURE),
    ],
)
def test_refusals_are_told_to_clients(reason: int, text: str, code: Reply) -> None:
    assert failure(CloseReason(reason), text) is code


@given(st.ip_addresses(), st.integers(0, 65535), st.binary(max_size=5))
def test_addresses_that_are_written_can_be_read(host: object, port: int, rest: bytes) -> None:
    data = write_address(str(host), port) + rest

    found = read_address(data, 0)

    assert found is not None
    assert type(host)(found[0]) == host  # type: ignore[call-arg]
    assert found[1:] == (port, len(data) - len(rest))


@given(st.lists(st.binary(max_size=30), max_size=8), st.booleans())
def test_any_bytes_are_read_or_refused(pieces: list[bytes], greeted: bool) -> None:
    handshake, whole = SocksHandshake(), SocksHandshake()
    head = [GREETING] if greeted else []

    answers = b"".join(handshake.feed(piece) for piece in [*head, *pieces] if not handshake.request)
    expected = whole.feed(b"".join([*head, *pieces]))

    assert (answers, handshake.has_failed, handshake.request) == (
        expected,
        whole.has_failed,
        whole.request,
    )
