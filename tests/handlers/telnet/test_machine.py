"""The option machine: what is said, and what is answered, cut anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guacr.errors import UpstreamError
from handlers.telnet.machine import NEGOTIATIONS_MAX, SUBNEGOTIATION_MAX, TelnetMachine, Upgrade

IAC, DO, DONT, WILL, WONT, SB, SE = (bytes([n]) for n in (255, 253, 254, 251, 252, 250, 240))
BINARY, ECHO, SGA, TM, TTYPE, NAWS, ENV, TLS, MCCP2 = (
    bytes([n]) for n in (0, 1, 3, 6, 24, 31, 39, 46, 86)
)
OFFER = IAC + WILL + BINARY


def machine(**changes: object) -> TelnetMachine:
    return TelnetMachine("xterm", (80, 24), **changes)  # type: ignore[arg-type]


def told(data: bytes, made: TelnetMachine | None = None) -> bytes:
    """The replies to some bytes, without the offer that follows the first command."""
    reply = (made or machine()).receive(data).reply
    return reply.removeprefix(OFFER)


def sub(body: bytes) -> bytes:
    return IAC + SB + body + IAC + SE


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        (WILL + ECHO, DO + ECHO),
        (WILL + SGA, DO + SGA),
        (WILL + BINARY, DO + BINARY),
        (WILL + MCCP2, DO + MCCP2),
        (WILL + b"\x05", DONT + b"\x05"),
        (DO + SGA, WILL + SGA),
        (DO + TTYPE, WILL + TTYPE),
        (DO + ENV, WILL + ENV),
        (DO + TM, WILL + TM),
        (DO + ECHO, WONT + ECHO),
        (DO + b"\x22", WONT + b"\x22"),
    ],
)
def test_options(said: bytes, answer: bytes) -> None:
    assert told(IAC + said) == IAC + answer


@pytest.mark.parametrize("said", [DONT + TTYPE, WONT + SGA, b"\xf1", b"\xf9", b"\xf2"])
def test_what_wants_no_answer(said: bytes) -> None:
    assert told(IAC + said) == b""


def test_an_option_is_agreed_on_once_and_may_be_taken_back() -> None:
    made = machine()
    assert told(IAC + WILL + ECHO, made) == IAC + DO + ECHO
    assert told(IAC + WILL + ECHO, made) == b""
    assert told(IAC + WONT + ECHO, made) == IAC + DONT + ECHO
    assert told(IAC + DO + TTYPE, made) == IAC + WILL + TTYPE
    assert told(IAC + DO + TTYPE, made) == b""
    assert told(IAC + DONT + TTYPE, made) == IAC + WONT + TTYPE


def test_nothing_is_said_to_a_host_that_says_nothing() -> None:
    made = machine()
    assert made.receive(b"hello\r\n").reply == b""
    assert made.resize(100, 50) == b""
    assert made.encode(b"a\r\xff") == b"a\r\xff\xff"


def test_binary_is_offered_once() -> None:
    made = machine()
    assert made.receive(IAC + WILL + SGA).reply == OFFER + IAC + DO + SGA
    assert made.encode(b"a\r") == b"a\r\0"
    assert made.receive(IAC + DO + BINARY).reply == b""
    assert made.encode(b"a\r") == b"a\r"
    assert made.receive(IAC + DONT + BINARY).reply == IAC + WONT + BINARY
    assert made.encode(b"a\r") == b"a\r\0"


def test_the_window() -> None:
    made = machine()
    assert told(IAC + DO + NAWS, made) == IAC + WILL + NAWS + sub(NAWS + b"\0\x50\0\x18")
    assert made.resize(255, 70000) == sub(NAWS + b"\0\xff\xff\xff\xff\xff\xff")


def test_the_terminals_type() -> None:
    made = machine()
    told(IAC + DO + TTYPE, made)
    assert told(sub(TTYPE + b"\1"), made) == sub(TTYPE + b"\0xterm")
    assert told(sub(TTYPE + b"\0"), made) == b""


def test_a_sub_negotiation_of_an_option_that_is_off_is_ignored() -> None:
    assert told(sub(TTYPE + b"\1")) == b""
    assert told(sub(MCCP2)) == b""
    assert told(sub(b"")) == b""


@pytest.mark.parametrize(
    ("asked", "given"),
    [(b"\1", True), (b"\1\0", True), (b"\1\0\3", True), (b"\1\0USER", True), (b"\1\0ACCT", False)],
)
def test_the_environment(asked: bytes, given: bool) -> None:
    made = machine(username="ann\1\xff".encode())
    told(IAC + DO + ENV, made)
    user = b"\0USER\1ann\2\1\xc3\xbf" if given else b""
    assert told(sub(ENV + asked), made) == sub(ENV + b"\0" + user)


@pytest.mark.parametrize(
    ("said", "ours"), [(b"", False), (WONT, True), (WILL, False)], ids=["nothing", "wont", "will"]
)
def test_who_echoes(said: bytes, ours: bool) -> None:
    made = machine()
    told(IAC + said + ECHO if said else b"", made)
    assert made.local_echo is ours


def test_compression_starts_behind_its_mark() -> None:
    made = machine()
    told(IAC + WILL + MCCP2, made)
    received = made.receive(b"a\xff\xff" + sub(MCCP2) + b"\x78\x9c\xff\xff")
    assert received.output == b"a\xff"
    assert received.upgrade is Upgrade.COMPRESSION
    assert received.rest == b"\x78\x9c\xff\xff"
    assert told(IAC + DO + TLS, made) == IAC + WONT + TLS


def test_tls_starts_behind_its_mark() -> None:
    made = machine()
    assert told(IAC + DO + TLS, made) == IAC + WILL + TLS + sub(TLS + b"\1")
    received = made.receive(sub(TLS + b"\1"))
    assert (received.upgrade, received.rest) == (Upgrade.TLS, b"")
    assert told(IAC + DO + TLS, machine(tls=False)) == IAC + WONT + TLS


def test_the_longest_sub_negotiation() -> None:
    body = b"x" * (SUBNEGOTIATION_MAX - 2)
    assert machine().receive(IAC + SB + body + IAC + SE + b"!").output == b"!"
    with pytest.raises(UpstreamError, match="4096"):
        machine().receive(IAC + SB + body + b"x" + IAC + SE)
    made = machine()
    assert made.receive(IAC + SB + body).output == b""
    with pytest.raises(UpstreamError, match="4096"):
        made.receive(b"x")


def test_the_most_negotiations() -> None:
    made = machine()
    assert made.receive((IAC + WONT + SGA) * NEGOTIATIONS_MAX + b"!").output == b"!"
    with pytest.raises(UpstreamError, match="65536"):
        made.receive(IAC + WONT + SGA)


def test_a_sub_negotiation_cut_short_is_forgotten() -> None:
    assert told(IAC + SB + TTYPE + IAC + WILL + ECHO) == IAC + DO + ECHO


CONVERSATION = (
    b"hello" + IAC + WILL + ECHO + IAC + DO + TTYPE + b"a\xff\xffb" + sub(TTYPE + b"\1")
    + IAC + DO + NAWS + IAC + b"\xf1" + IAC + DO + BINARY + sub(b"\x99z\xff\xff\xf0") + b"end"
    + IAC + DO + ENV + sub(ENV + b"\1\0USER")
)  # fmt: skip


def heard(chunks: list[bytes]) -> tuple[bytes, bytes]:
    made = machine(username=b"ann")
    results = [made.receive(chunk) for chunk in chunks]
    return b"".join(r.output for r in results), b"".join(r.reply for r in results)


def test_cuts_make_no_difference() -> None:
    whole = heard([CONVERSATION])
    assert whole[0] == b"helloa\xffbend"
    for at in range(len(CONVERSATION) + 1):
        assert heard([CONVERSATION[:at], CONVERSATION[at:]]) == whole
    assert heard([bytes([code]) for code in CONVERSATION]) == whole


@given(st.binary(max_size=300), st.integers(1, 50))
def test_what_is_sent_is_what_the_other_side_reads(data: bytes, step: int) -> None:
    sent = machine().encode(data)
    other = machine()
    chunks = [sent[at : at + step] for at in range(0, len(sent), step)]
    assert b"".join(other.receive(chunk).output for chunk in chunks) == data
