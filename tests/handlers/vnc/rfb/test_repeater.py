"""The requests to a repeater, and its answers."""

from __future__ import annotations

import pytest

from guacr.api import BadRequestError, UpstreamError
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.pixel_format import BGRX
from handlers.vnc.rfb.repeater import GREETING, REQUEST_SIZE, destination_of


def client(destination: str) -> RfbClient:
    return RfbClient(ClientOptions(BGRX, [], 0, destination), Credentials())


@pytest.mark.parametrize(
    ("host", "port", "destination"),
    [
        ("", 5901, ""),
        ("desk.example", 0, "desk.example:5900"),
        ("desk.example", 5901, "desk.example:5901"),
        ("desk.example:5902", 0, "desk.example:5902"),
        ("ID:1234", 0, "ID:1234"),
        ("ID:1234", 5900, "ID:1234"),
        ("id:desk7", 0, "ID:desk7"),
        ("ID", 1234, "ID:1234"),
        ("2001:db8::7", 5901, "2001:db8::7:5901"),
    ],
)
def test_destinations(host: str, port: int, destination: str) -> None:
    assert destination_of(host, port) == destination


TOO_LONG = "x." * (REQUEST_SIZE // 2 - 2)


@pytest.mark.parametrize("host", [TOO_LONG, "desk\0", "desk\n", ".desk", "x" * 64])
def test_what_does_not_fit_is_refused(host: str) -> None:
    with pytest.raises(BadRequestError, match="dest-host is not a host or an ID"):
        destination_of(host, 5900)


def test_the_longest_destination() -> None:
    assert len(destination_of("x." * (REQUEST_SIZE // 2 - 3), 5900)) == REQUEST_SIZE - 1


def test_the_login_begins_behind_the_repeater() -> None:
    one = client("ID:1234")
    for at in range(len(GREETING)):
        assert one.take_output() == b""
        one.feed(GREETING[at : at + 1])
    assert one.take_output() == b"ID:1234" + bytes(REQUEST_SIZE - 7)
    before = one.greeted
    one.feed(b"RFB 003.008\n")
    assert (before, one.greeted) == (False, True)
    assert one.take_output() == b"RFB 003.008\n"


def test_a_server_that_is_no_repeater() -> None:
    with pytest.raises(UpstreamError, match="this is not an UltraVNC repeater"):
        client("ID:1234").feed(b"RFB 003.008\n")


def test_a_repeater_that_nobody_asks_for_anything() -> None:
    with pytest.raises(UpstreamError, match="this is an UltraVNC repeater: set dest-host"):
        client("").feed(GREETING)
