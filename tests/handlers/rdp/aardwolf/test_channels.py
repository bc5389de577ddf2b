"""Messages in parts."""

from __future__ import annotations

import struct

import pytest

from handlers.rdp.aardwolf.channels import FIRST, LAST, Incoming, parts
from handlers.rdp.aardwolf.errors import EndError


def fed(data: list[bytes], most: int) -> list[tuple[bytes, bool]]:
    found: list[tuple[bytes, bool]] = []
    incoming = Incoming(most, lambda *piece: found.append(piece))
    for part in data:
        incoming.feed(part)
    return found


@pytest.mark.parametrize("size", [0, 1, 1600, 1601, 5000])
def test_what_is_sent_can_be_received(size: int) -> None:
    message = (bytes(range(256)) * 20)[:size]
    sent = [*parts(message), *parts(b"next")]
    assert fed(sent, 5000) == [(message, True), (b"next", True)]


def test_longer_messages_are_passed_on_in_pieces() -> None:
    data = [*parts(b"x" * 4000), *parts(b"y" * 3000)]
    assert fed(data, 3200) == [(b"x" * 3200, False), (b"x" * 800, True), (b"y" * 3000, True)]


def test_servers_that_want_to_see_the_headers() -> None:
    (part,) = parts(b"x", shows_protocol=True)
    assert part == struct.pack("<II", 1, FIRST | LAST | 0x10) + b"x"


def test_damaged_parts() -> None:
    for part in (b"", bytes(7), struct.pack("<II", 1, 0x00200000 | FIRST | LAST) + b"x"):
        with pytest.raises(EndError):
            fed([part], 100)
