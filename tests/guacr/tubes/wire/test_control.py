"""Control messages: the captured ones, whatever can be written, and whatever cannot be read."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire import control
from guacr.tubes.wire.control import (
    CONTROL_MAX,
    TEXT_MAX,
    CloseConnection,
    ConnectionOpened,
    ControlMessage,
    MetricsConfig,
    MetricsRequest,
    MetricsResponse,
    OpenConnection,
    Ping,
    Pong,
    SendEof,
    UdpAssociate,
    UdpAssociateClosed,
    UdpAssociateOpened,
    UdpPacket,
    Unknown,
    Window,
    parse,
)
from guacr.tubes.wire.socks_target import read_target
from tests.guacr.tubes.wire.captured import FRAMES, Captured, unsqueezed

CONTROLS = [one for one in FRAMES if "control" in one.facts]
SHORTENED = {"ctrl_Ping_len2", "ctrl_CloseConnection_len6"}
"""Captured messages that leave out what has a default, which is written always."""

conn_nos = st.integers(0, 0xFFFFFFFF)
ports = st.integers(0, 0xFFFF)
data = st.binary(max_size=40)
texts = st.text(max_size=1100) | st.text("aä日😀", min_size=250, max_size=1100)
numbered = st.sampled_from([ConnectionOpened, SendEof, UdpAssociateClosed])
messages: st.SearchStrategy[ControlMessage] = st.one_of(
    st.builds(Ping, conn_nos, data),
    st.builds(Pong, conn_nos, data),
    st.builds(OpenConnection, conn_nos, data),
    st.builds(CloseConnection, conn_nos, st.sampled_from(CloseReason), texts.map(control.cut)),
    st.builds(lambda kind, conn_no: kind(conn_no), numbered, conn_nos),
    st.builds(UdpAssociate, conn_nos, ports),
    st.builds(UdpAssociateOpened, conn_nos, ports),
    st.builds(UdpPacket, conn_nos, st.ip_addresses(), ports, data),
    st.builds(MetricsRequest, data),
    st.builds(MetricsResponse, data),
    st.builds(MetricsConfig, data),
    st.builds(Window, conn_nos, st.integers(0, 2**64 - 1)),
    st.builds(Unknown, st.integers(1000, 0xFFFF), data),
)


def expected(facts: dict[str, Any]) -> ControlMessage | None:
    """Return the message that was captured."""
    noted = facts["control"]
    if noted is None:
        return None
    values = {name: value for name, value in noted.items() if name != "kind"}
    for name in {"data", "target"} & values.keys():
        values[name] = unsqueezed(values[name])
    if "client" in values:
        values["client"] = ipaddress.ip_address(bytes.fromhex(values["client"]))
    if "reason" in values:
        values["reason"] = CloseReason(values["reason"])
    message: ControlMessage = getattr(control, noted["kind"])(**values)
    return message


@pytest.mark.parametrize("captured", CONTROLS, ids=lambda one: one.name)
def test_captured(captured: Captured) -> None:
    (_, payload), *_ = captured.payloads
    message = parse(payload)
    assert message == expected(captured.facts)
    if message is not None and captured.name.split("/")[1] not in SHORTENED:
        assert message.encode() == payload


def test_every_kind_but_one_was_captured() -> None:
    kinds = {type(expected(one.facts)) for one in CONTROLS}
    assert set(control._KINDS.values()) - kinds == {Window}


@pytest.mark.parametrize(
    "captured", [one for one in CONTROLS if "socks" in one.facts], ids=lambda one: one.name
)
def test_captured_targets(captured: Captured) -> None:
    message = expected(captured.facts)
    assert isinstance(message, OpenConnection | UdpPacket)
    found = message.target if isinstance(message, OpenConnection) else message.data
    target, rest = read_target(found)
    assert [target.host, target.port] == captured.facts["socks"]
    assert target.encode() + rest == found


def test_codes() -> None:
    assert {kind.__name__: code for code, kind in control._KINDS.items()} == {
        "Ping": 1, "Pong": 2, "OpenConnection": 101, "CloseConnection": 102,
        "ConnectionOpened": 103, "SendEof": 104, "UdpAssociate": 201, "UdpAssociateOpened": 202,
        "UdpPacket": 203, "UdpAssociateClosed": 204, "MetricsRequest": 301,
        "MetricsResponse": 302, "MetricsConfig": 303, "Window": 901,
    }  # fmt: skip


def test_a_window_as_it_is_sent() -> None:
    assert Window(5, 262144).encode().hex() == "0385" + "00000005" + "0000000000040000"
    assert parse(bytes.fromhex("0385" + "00000005" + "00000000000400")) is None


@given(messages)
def test_what_is_written_can_be_read(message: ControlMessage) -> None:
    assert parse(message.encode()) == message


@given(
    st.binary(max_size=60)
    | st.builds(
        lambda code, body: code.to_bytes(2, "big") + body,
        st.sampled_from(sorted(control._KINDS)),
        st.binary(max_size=60) | st.binary(min_size=1500, max_size=1600),
    )
)
def test_whatever_the_bytes(payload: bytes) -> None:
    message = parse(payload)
    if message is not None:
        assert parse(message.encode()) == message
        assert len(message.encode()) <= len(payload) * 3 + 4
    if isinstance(message, CloseConnection):
        assert len(message.text.encode()) <= TEXT_MAX


@pytest.mark.parametrize("code", [101, 102, 103, 104, 201, 202, 203, 204])
def test_a_body_that_is_too_short_is_ignored(code: int) -> None:
    assert parse(code.to_bytes(2, "big") + b"\0\0\0") is None


@pytest.mark.parametrize("payload", [b"", b"\0", b"\x66"])
def test_what_is_too_short_is_ignored(payload: bytes) -> None:
    assert parse(payload) is None


@pytest.mark.parametrize("code", [103, 104, 204])
def test_what_follows_a_body_is_ignored(code: int) -> None:
    message = parse(code.to_bytes(2, "big") + b"\0\0\0\5more")
    assert isinstance(message, ConnectionOpened | SendEof | UdpAssociateClosed)
    assert message.conn_no == 5


def test_the_longest_message() -> None:
    assert parse(b"\0\1" + bytes(CONTROL_MAX - 2)) == Ping(0, bytes(CONTROL_MAX - 6))
    assert parse(b"\0\1" + bytes(CONTROL_MAX - 1)) is None


@pytest.mark.parametrize("body", [b"", b"\0", b"\1\1\1"])
def test_a_ping_without_a_number_is_one_for_the_channel(body: bytes) -> None:
    assert parse(b"\0\1" + body) == Ping(0, b"")


def test_a_ping_is_answered_with_the_same_body() -> None:
    ping = Ping(8, b"time")
    assert ping.pong().encode()[2:] == ping.encode()[2:]
    assert ping.pong() == Pong(8, b"time")


def closing(text: bytes, length: int | None = None) -> CloseConnection:
    """The message that is read from a text of a length."""
    count = len(text) if length is None else length
    message = parse(b"\0\x66\0\0\0\1\x09" + count.to_bytes(2, "big") + text)
    assert isinstance(message, CloseConnection)
    assert message.conn_no == 1
    assert message.reason is CloseReason.CONNECTION_LOST
    return message


def test_an_unknown_reason() -> None:
    assert parse(b"\0\x66\0\0\0\1\xff") == CloseConnection(1, CloseReason.UNKNOWN)


def test_a_text_that_is_cut_off() -> None:
    assert closing(b"abc", 9).text == "abc"
    assert closing(b"abcdef", 3).text == "abc"
    assert parse(b"\0\x66\0\0\0\1\x09\0") == CloseConnection(1, CloseReason.CONNECTION_LOST)


@pytest.mark.parametrize(("sent", "read"), [(1023, 1023), (1024, 1024), (1025, 1024)])
def test_long_texts_are_cut(sent: int, read: int) -> None:
    assert closing(b"x" * sent).text == "x" * read
    written = CloseConnection(1, CloseReason.CONNECTION_LOST, "x" * sent).encode()
    assert written[7:] == read.to_bytes(2, "big") + b"x" * read


@pytest.mark.parametrize("shift", range(4))
@pytest.mark.parametrize("character", ["é", "日", "😀"])
def test_texts_are_cut_at_a_character(character: str, shift: int) -> None:
    text = "x" * shift + character * 1100
    size = len(character.encode())
    kept = "x" * shift + character * ((TEXT_MAX - shift) // size)
    assert control.cut(text) == kept
    assert closing(text.encode()).text == kept
    assert parse(CloseConnection(1, CloseReason.CONNECTION_LOST, text).encode()) == closing(
        kept.encode()
    )


def test_texts_that_are_not_utf_8() -> None:
    assert closing(b"a\xff\xc3").text == "a\ufffd\ufffd"
    assert len(closing(b"\xff" * 1024).text.encode()) == 1023
    assert parse(CloseConnection(1, CloseReason.CONNECTION_LOST, "a\ud800").encode()) == closing(
        b"a?"
    )


def test_an_address_of_an_unknown_kind_is_ignored() -> None:
    assert parse(b"\0\xcb\0\0\0\1\3" + bytes(40)) is None
    assert parse(b"\0\xcb\0\0\0\1\4" + bytes(17)) is None
    assert parse(b"\0\xcb\0\0\0\1\4" + bytes(18)) == UdpPacket(1, ipaddress.IPv6Address(0), 0, b"")
