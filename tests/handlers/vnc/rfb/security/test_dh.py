"""Diffie-Hellman with numbers of the server, which may be long."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from handlers.vnc.rfb import numbers
from handlers.vnc.rfb.client import ClientOptions, RfbClient
from handlers.vnc.rfb.handshake import Credentials
from handlers.vnc.rfb.input import Wait
from handlers.vnc.rfb.pixel_format import BGRX
from handlers.vnc.rfb.security.dh import _power

SIZE = 512
"""Bytes of the longest numbers."""


@given(st.integers(2, 1 << 600), st.integers(1, 1 << 520), st.integers(3, 1 << 600))
def test_powers(base: int, exponent: int, modulus: int) -> None:
    assert _power(base, exponent, modulus) == pow(base, exponent, modulus)


def test_keys_are_agreed_on_a_thread() -> None:
    client = RfbClient(ClientOptions(BGRX, [], 1 << 20), Credentials("ada", "secret"))
    prime = ((1 << 8 * SIZE) - 1).to_bytes(SIZE, "big")
    client.feed(b"RFB 003.889\n" + bytes([1, numbers.APPLE]) + b"\0\2\2\0" + prime)
    client.take_output()
    client.feed((5).to_bytes(SIZE, "big"))
    assert client.waits_for is Wait.THREAD
    assert not client.take_output()
    client.go_on(inline=False)
    assert len(client.take_output()) == 128 + SIZE
