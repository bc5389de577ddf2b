from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handlers.vnc.rfb.security.eax import Eax

VECTORS = [  # key, nonce, header, message, sealed: from the paper that defines the mode
    (
        "233952DEE4D5ED5F9B9C6D6FF80FF478", "62EC67F9C3A4A407FCB2A8C49031A8B3", "6BFB914FD07EAE6B",
        "", "E037830E8389F27B025A2D6527E79D01",
    ),
    (
        "91945D3F4DCBEE0BF45EF52255F095A4", "BECAF043B0A23D843194BA972C66DEBD", "FA3BFD4806EB53FA",
        "F7FB", "19DD5C4C9331049D0BDAB0277408F67967E5",
    ),
    (
        "01F74AD64077F2E704C0F60ADA3DD523", "70C3DB4F0D26368400A10ED05D2BFF5E", "234A3463C1264AC6",
        "1A47CB4933", "D851D5BAE03A59F238A23E39199DC9266626C40F80",
    ),
]  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS)
def test_known_answers(vector: tuple[str, ...]) -> None:
    key, nonce, header, message, sealed = map(bytes.fromhex, vector)
    assert Eax(key).seal(nonce, header, message) == sealed
    assert Eax(key).open(nonce, header, sealed) == message


@settings(max_examples=30)
@given(st.binary(), st.integers(0))
def test_a_changed_message_is_not_opened(message: bytes, place: int) -> None:
    eax = Eax(bytes(32))
    sealed = bytearray(eax.seal(bytes(16), b"head", message))
    assert eax.open(bytes(16), b"head", bytes(sealed)) == message
    assert eax.open(bytes(16), b"Head", bytes(sealed)) is None
    sealed[place % len(sealed)] ^= 1
    assert eax.open(bytes(16), b"head", bytes(sealed)) is None


def test_a_message_without_a_tag_is_not_opened() -> None:
    assert Eax(bytes(16)).open(bytes(16), b"", b"short") is None
