"""Reading candidates of peers, of several stacks and hostile ones."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guacr.tubes.errors import CandidateError
from guacr.tubes.rtc.ice.candidates import (
    TEXT_MAX,
    can_pair,
    host_candidate,
    is_reachable,
    parse,
    relayed_candidate,
    text_of,
)

WHEEL = "candidate:607854466 1 udp 2130706431 192.0.2.2 46545 typ host"
CHROMIUM = (
    "candidate:842163049 1 udp 1677729535 203.0.113.5 62000 typ srflx raddr 0.0.0.0 rport 0 "
    "generation 0 ufrag EsAw network-id 1 network-cost 999"
)
HIDDEN = (
    "candidate:1 1 UDP 2122252543 0b0b5c9e-8f1a-4b5c-9d0a-7f2a7c3f1c11.local 55555 typ host "
    "generation 0"
)


@pytest.mark.parametrize(
    ("text", "kind", "host", "port", "ufrag"),
    [
        (WHEEL, "host", "192.0.2.2", 46545, ""),
        (f"a={WHEEL}\r\n", "host", "192.0.2.2", 46545, ""),
        (CHROMIUM, "srflx", "203.0.113.5", 62000, "EsAw"),
        ("candidate:x 1 udp 1 2001:DB8:0::1 9 typ relay", "relay", "2001:db8::1", 9, ""),
        (HIDDEN, "host", "0b0b5c9e-8f1a-4b5c-9d0a-7f2a7c3f1c11.local", 55555, ""),
    ],
)
def test_candidates_of_other_stacks(text: str, kind: str, host: str, port: int, ufrag: str) -> None:
    found = parse(text)
    assert found is not None
    candidate = found.candidate
    assert (candidate.type, candidate.host, candidate.port) == (kind, host, port)
    assert (found.ufrag, found.is_name) == (ufrag, host.endswith(".local"))


@pytest.mark.parametrize(
    "text",
    [
        WHEEL.replace(" 1 udp", " 2 udp"),
        WHEEL.replace("udp", "tcp").replace("46545", "9") + " tcptype active",
        WHEEL.replace("192.0.2.2", "host.example"),
        WHEEL.replace("192.0.2.2", "2001:db8::1%eth0"),
        WHEEL.replace("typ host", "typ other"),
        WHEEL.replace("46545", "0"),
    ],
)
def test_what_cannot_be_used_is_no_error(text: str) -> None:
    assert parse(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "candidate:",
        "candidate:1 1 udp 1 192.0.2.2 46545",
        WHEEL.replace("46545", "65536"),
        WHEEL.replace("46545", "-1"),
        WHEEL.replace("2130706431", "4294967296"),
        WHEEL.replace(" 1 udp", " 0 udp"),
        WHEEL + "\ncandidate:2",
        WHEEL + "\0",
        "1" * 65 + WHEEL.replace("candidate:", "candidate:" + "1" * 64),
        WHEEL + " x" * TEXT_MAX,
    ],
)
def test_garbage_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(CandidateError) as caught:
        parse(text)
    assert len(str(caught.value)) < 120
    assert "candidate" in str(caught.value)


def test_the_longest_candidate_is_taken() -> None:
    padding = TEXT_MAX - len(WHEEL) - 1
    assert parse(f"{WHEEL} {'x' * padding}") is not None
    with pytest.raises(CandidateError, match="more than"):
        parse(f"{WHEEL} {'x' * (padding + 1)}")


@given(st.text(max_size=200) | st.from_regex(r"candidate:\S+ \d+ udp \d+ \S+ \d+ typ \S+( \S+)*"))
@example("candidate:1 1 udp 1 ::ffff:1.2.3.4 1 typ host")
def test_nothing_but_the_typed_error(text: str) -> None:
    try:
        found = parse(text)
    except CandidateError:
        return
    if found is not None and not found.is_name:
        is_reachable(found.candidate.host, loopback=False)


def test_own_candidates_read_again() -> None:
    own = relayed_candidate(("192.0.2.9", 50000), ("203.0.113.1", 1), "turn:x", 0, hidden=True)
    assert text_of(own).endswith("typ relay raddr 0.0.0.0 rport 9")
    found = parse(text_of(own))
    assert found is not None
    assert found.candidate.host == "192.0.2.9"


def test_earlier_addresses_have_a_higher_priority() -> None:
    first, second = (host_candidate(("192.0.2.1", 1), index) for index in range(2))
    assert first.priority > second.priority > 1 << 30


@pytest.mark.parametrize(
    ("host", "loopback", "reachable"),
    [
        ("192.0.2.1", False, True),
        ("2001:db8::1", False, True),
        ("127.0.0.1", False, False),
        ("::1", False, False),
        ("127.0.0.1", True, True),
        ("::1", True, True),
        ("0.0.0.0", True, False),
        ("::", True, False),
        ("224.0.0.251", True, False),
        ("255.255.255.255", True, False),
        ("169.254.1.1", True, False),
        ("fe80::1", True, False),
        ("ff02::1", True, False),
        ("::ffff:127.0.0.1", True, False),
    ],
)
def test_addresses_to_which_no_checks_are_sent(host: str, loopback: bool, reachable: bool) -> None:
    assert is_reachable(host, loopback=loopback) is reachable


def test_pairs_are_of_one_version_and_kind() -> None:
    assert can_pair("127.0.0.1", "127.0.0.2")
    assert can_pair("192.0.2.1", "198.51.100.1")
    assert not can_pair("192.0.2.1", "2001:db8::1")
    assert not can_pair("127.0.0.1", "192.0.2.1")
    assert not can_pair("2001:db8::1", "::1")
