"""The packets of SFTP: round trips, and bytes that are cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.sftp.wire import (
    EXTENSIONS_MAX,
    Attributes,
    Decoder,
    Fields,
    Kind,
    Packet,
    StatusError,
    WireError,
    checked,
    extensions,
    names,
    packet,
    string,
    u32,
    u64,
    with_permissions,
    with_size,
)

PACKETS = [
    Packet(Kind.VERSION, 3, string(b"posix-rename@openssh.com") + string(b"1")),
    Packet(Kind.HANDLE, 4, string(b"\0\0\0\0")),
    Packet(Kind.DATA, 0xFFFFFFFF, string(bytes(1000))),
    Packet(Kind.STATUS, 5, u32(1)),
    Packet(Kind.NAME, 6, b""),
]
BYTES = b"".join(packet(Kind(one.kind), one.number, one.body) for one in PACKETS)


def test_packets_that_are_cut_anywhere() -> None:
    for at in range(len(BYTES)):
        decoder = Decoder()
        assert decoder.feed(BYTES[:at]) + decoder.feed(BYTES[at:]) == PACKETS
    decoder = Decoder()
    assert [one for byte in BYTES for one in decoder.feed(bytes([byte]))] == PACKETS


@given(
    st.lists(
        st.builds(
            Packet,
            st.sampled_from(Kind),
            st.integers(0, 0xFFFFFFFF),
            st.binary(max_size=100),
        )
    )
)
def test_packets_are_decoded_as_they_were_encoded(packets: list[Packet]) -> None:
    data = b"".join(packet(Kind(one.kind), one.number, one.body) for one in packets)
    assert Decoder().feed(data) == packets


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1))
def test_attributes(size: int, mode: int, modified: int) -> None:
    everything = u32(0x8000000F) + u64(size) + u32(1) + u32(2) + u32(mode) + u32(3)
    everything += u32(modified) + u32(1) + string(b"acl") + string(b"data")
    fields = Fields(everything + b"rest")
    assert fields.attributes() == Attributes(size, mode, modified, (1, 2))
    with pytest.raises(WireError):
        fields.string()
    for at in range(len(everything)):
        with pytest.raises(WireError):
            Fields(everything[:at]).attributes()


def test_attributes_that_are_sent() -> None:
    assert Fields(with_permissions(0o600)).attributes() == Attributes(mode=0o600)
    assert Fields(with_size(1 << 40)).attributes() == Attributes(size=1 << 40)


@pytest.mark.parametrize(
    ("mode", "kinds"),
    [
        (None, (False, False, True)),
        (0o600, (False, False, True)),
        (0o100600, (False, False, True)),
        (0o40755, (True, False, False)),
        (0o120777, (False, True, False)),
        (0o10600, (False, False, False)),
        (0o20600, (False, False, False)),
    ],
)
def test_types_of_files(mode: int | None, kinds: tuple[bool, bool, bool]) -> None:
    found = Attributes(mode=mode)
    assert (found.is_directory, found.is_link, found.is_file) == kinds


def test_a_status_has_a_message_or_none() -> None:
    for body, message in ((u32(4), ""), (u32(4) + string(b"caf\xe9") + string(b"en"), "caf\ufffd")):
        with pytest.raises(StatusError) as raised:
            checked(Packet(Kind.STATUS, 1, body), Kind.ATTRS)
        assert (raised.value.code, raised.value.message) == (4, message)
    checked(Packet(Kind.STATUS, 1, u32(0)), Kind.STATUS)


def test_names_have_attributes() -> None:
    body = u32(2) + string(b"a") + string(b"-rw a") + u32(0) + string(b"b") + string(b"") + u32(4)
    assert list(names(Fields(body + u32(7)))) == [(b"a", Attributes()), (b"b", Attributes(mode=7))]


@pytest.mark.parametrize("length", [0, 4, 262_145, 0xFFFFFFFF])
def test_lengths_are_limited(length: int) -> None:
    with pytest.raises(WireError):
        Decoder().feed(u32(length) + bytes(5))


def test_the_longest_packet_is_accepted() -> None:
    (longest,) = Decoder().feed(u32(262_144) + bytes(262_144))
    assert len(longest.body) == 262_139


def test_extensions() -> None:
    body = string(b"posix-rename@openssh.com") + string(b"1") + string(b"other") + string(b"")
    assert extensions(body) == {b"posix-rename@openssh.com", b"other"}
    assert extensions(b"") == frozenset()
    for at in range(1, len(body)):
        if at != len(body) - len(string(b"other") + string(b"")):
            with pytest.raises(WireError):
                extensions(body[:at])
    many = b"".join(string(b"%d" % number) + string(b"") for number in range(EXTENSIONS_MAX + 1))
    assert len(extensions(many)) == EXTENSIONS_MAX
