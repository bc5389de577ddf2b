"""guacd's bytes in payloads of whole instructions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import ProtocolError
from guacr.protocol.instruction import encode, encode_blobs
from guacr.tubes.guacamole.boundaries import INSTRUCTION_MAX
from guacr.tubes.guacamole.splitter import BATCH_MAX, Splitter

INSTRUCTIONS = st.builds(
    lambda opcode, args: encode(opcode, *args),
    st.sampled_from(["sync", "copy", "size", "blob"]),
    st.lists(
        st.one_of(
            st.text(alphabet="a.,;1é😀", max_size=8),
            st.sampled_from([100, 3000, 20000]).map(lambda size: "x" * size),
        ),
        max_size=3,
    ),
)


def is_whole(payload: bytes) -> bool:
    splitter = Splitter()
    return b"".join(splitter.feed(payload)) == payload and not splitter.held


@given(st.lists(INSTRUCTIONS, max_size=30), st.integers(1, 5000))
def test_payloads_are_whole_instructions_in_order(parts: list[bytes], step: int) -> None:
    data, splitter = b"".join(parts), Splitter()
    payloads = [
        payload
        for start in range(0, len(data), step)
        for payload in splitter.feed(data[start : start + step])
    ]
    assert b"".join(payloads) == data
    assert splitter.held == 0
    for payload in payloads:
        assert is_whole(payload)
        assert len(payload) <= BATCH_MAX or payload in parts


@given(st.lists(INSTRUCTIONS, min_size=1, max_size=10))
def test_whatever_is_whole_does_not_wait(parts: list[bytes]) -> None:
    data = b"".join(parts)
    for size in {len(data) // 3, len(data) // 2, len(data) - 1}:
        splitter = Splitter()
        sent = b"".join(splitter.feed(data[:size]))
        count = next(n for n in range(len(parts) + 1) if sent == b"".join(parts[:n]))
        assert size < len(sent) + len(parts[count])
        assert splitter.held == size - len(sent)


def test_byte_by_byte() -> None:
    parts = [encode("name", "é😀,;"), encode("size", 0, 10, 20), encode("blob", 1, "x" * 200)]
    splitter, data = Splitter(), b"".join(parts)
    sizes: list[str] = []
    payloads: list[bytes] = []
    for number in range(len(data)):
        payloads += splitter.feed(data[number : number + 1])
        sizes += splitter.sizes
    assert payloads == parts
    assert sizes == ["4.size,1.0,2.10,2.20;"]


def test_small_instructions_share_payloads() -> None:
    one = encode("copy", 1, 2, 3)
    data = one * (3 * BATCH_MAX // len(one))
    payloads = Splitter().feed(data)
    assert len(payloads) == 3
    assert all(len(payload) > BATCH_MAX - 2 * len(one) for payload in payloads)


def test_instructions_that_are_not_ascii_share_payloads() -> None:
    data = (encode("name", "é" * 20) + encode("copy", 1, 2)) * 1000
    payloads = Splitter().feed(data)
    assert b"".join(payloads) == data
    assert len(payloads) < 2 * len(data) / BATCH_MAX + 1


def test_a_long_instruction_is_alone() -> None:
    small, long = encode("nop"), encode("argv", "x" * BATCH_MAX)
    assert Splitter().feed(small + long + small) == [small, long, small]


def test_images_share_payloads() -> None:
    image = encode("img", 1, 14, 0, "image/png", 1, 2) + encode_blobs(1, bytes(30000))
    payloads = Splitter().feed(image)
    assert [len(payload) <= BATCH_MAX for payload in payloads] == [True] * 3


def test_sizes_are_noticed() -> None:
    splitter = Splitter()
    sizes = [encode("size", 0, 1024, 768), encode("size", -1, 1, 1)]
    hidden = encode("name", "4.size,1.0;") + encode("sizes", 1) + encode("x" * 200, "size")
    data = sizes[0] + hidden + sizes[1] + encode("sync", 1)
    assert b"".join(splitter.feed(data)) == data
    assert splitter.sizes == [size.decode() for size in sizes]
    splitter.feed(encode("sync", 2))
    assert splitter.sizes == []


@pytest.mark.parametrize("opcode", ["error", "disconnect"])
@pytest.mark.parametrize("args", [(), ("a", 519)])
def test_the_last_instruction(opcode: str, args: tuple[str | int, ...]) -> None:
    before, last = encode("name", f"{len(opcode)}.{opcode};"), encode(opcode, *args)
    splitter = Splitter()
    assert splitter.feed(before) == [before]
    assert splitter.end == ""
    assert b"".join(splitter.feed(before + last + before)) == before + last
    assert splitter.end == opcode
    assert splitter.feed(before) == []


def test_the_last_instruction_in_two_pieces() -> None:
    splitter, last = Splitter(), encode("disconnect")
    assert splitter.feed(last[:5]) == []
    assert splitter.feed(last[5:] + b"garbage") == [last]
    assert splitter.end == "disconnect"


def test_garbage() -> None:
    with pytest.raises(ProtocolError):
        Splitter().feed(encode("sync", 1) + b"HTTP/1.1 400 Bad Request")
    splitter = Splitter()
    splitter.feed(b"4.sy")
    with pytest.raises(ProtocolError):
        splitter.feed(b"nc!")


def test_an_instruction_without_end_is_refused() -> None:
    splitter = Splitter()
    part = b"5000." + b"x" * 5000 + b","
    for _ in range(INSTRUCTION_MAX // len(part)):
        assert splitter.feed(part) == []
    with pytest.raises(ProtocolError, match="longer"):
        splitter.feed(part)
