"""The encodings of the conference."""

from __future__ import annotations

import pytest

from handlers.rdp.aardwolf import mcs
from handlers.rdp.aardwolf.errors import INVALID, REFUSED, EndError
from handlers.rdp.aardwolf.mcs import Received
from tests.support import rdp_host

CONFIRM, JOINED = bytes.fromhex("2e000006"), bytes.fromhex("3e00000603eb03eb")


def test_the_servers_data() -> None:
    answer = rdp_host._connect_response(2)[3:]
    blocks = mcs.connect_response(answer)
    assert list(blocks) == [mcs.CORE, mcs.SECURITY, mcs.NETWORK]
    assert blocks[mcs.NETWORK] == bytes.fromhex("030c0c00eb030200ec03ed03")


@pytest.mark.parametrize("size", [1, 8, 40, 60, 100])
def test_an_incomplete_answer(size: int) -> None:
    answer = rdp_host._connect_response(2)[3:]
    with pytest.raises(EndError) as raised:
        mcs.connect_response(answer[:size])
    assert raised.value.name == INVALID


def test_a_refusal() -> None:
    answer = rdp_host._connect_response(0)[3:].replace(b"\x0a\1\0\2", b"\x0a\1\3\2", 1)
    with pytest.raises(EndError) as raised:
        mcs.connect_response(answer)
    assert raised.value.name == REFUSED


def test_channels() -> None:
    assert mcs.attached(CONFIRM) == 6
    assert mcs.joined(JOINED) == 0x3EB
    assert mcs.join(6, 0x3EB) == bytes.fromhex("38000603eb")
    for data in (CONFIRM[:3], JOINED[:2], JOINED, b""):
        with pytest.raises(EndError):
            mcs.attached(data)
    with pytest.raises(EndError) as raised:
        mcs.attached(bytes.fromhex("2e010006"))
    assert raised.value.name == REFUSED


@pytest.mark.parametrize("size", [0, 127, 128, 300])
def test_data(size: int) -> None:
    request = mcs.send_request(6, 0x3EB, bytes(size))
    indication = bytes((26 << 2,)) + request[1:]
    assert mcs.received(indication) == Received(0x3EB, bytes(size))
    with pytest.raises(EndError):
        mcs.received(indication[:-1])


def test_the_end() -> None:
    with pytest.raises(EndError) as raised:
        mcs.received(bytes.fromhex("2180"))
    assert raised.value.name == ""
    assert mcs.received(b"") is None
