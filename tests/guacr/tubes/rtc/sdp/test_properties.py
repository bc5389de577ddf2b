from __future__ import annotations

import re
from contextlib import suppress
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from guacr.tubes.errors import SdpError
from guacr.tubes.rtc import sdp
from guacr.tubes.rtc.dtls.fingerprint import ALGORITHMS, Fingerprint
from guacr.tubes.rtc.sdp.description import Refused, SessionDescription, Setup
from guacr.tubes.rtc.sdp.parser import PROTOCOLS
from tests.guacr.tubes.rtc.sdp.descriptions import DESCRIPTIONS

WORDS = st.from_regex(re.compile(r"[!#$%&'*+\-.0-9A-Z^_`a-z{|}~]{1,64}"), fullmatch=True)
ICE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
NUMBERS = st.integers(0, 2**64 - 1)
FINGERPRINTS = st.builds(Fingerprint.of, st.binary(), st.sampled_from(list(ALGORITHMS)))
REFUSED = st.builds(
    Refused,
    media=WORDS.filter(lambda word: word != "application"),
    protocol=st.lists(WORDS, min_size=1, max_size=3).map("/".join),
    format=WORDS,
    mid=st.none() | WORDS,
)


@st.composite
def descriptions(draw: st.DrawFn) -> SessionDescription:
    """Any that can be written: one whose group names no media description before its own."""
    mid = draw(st.none() | WORDS)
    sctpmap = draw(st.booleans())
    return SessionDescription(
        ufrag=draw(st.text(ICE, min_size=4, max_size=256)),
        password=draw(st.text(ICE, min_size=22, max_size=256)),
        fingerprints=tuple(draw(st.lists(FINGERPRINTS, min_size=1, max_size=5, unique=True))),
        setup=draw(st.sampled_from(Setup)),
        mid=mid,
        bundled=mid is not None and draw(st.booleans()),
        sctp_port=draw(st.integers(1, 65535)),
        max_message_size=draw(NUMBERS),
        candidates=tuple(draw(st.lists(WORDS.map("candidate:1 {}".format), max_size=5))),
        end_of_candidates=draw(st.booleans()),
        ice_options=tuple(draw(st.lists(WORDS, max_size=4))),
        ice_lite=draw(st.booleans()),
        keeper_version=draw(st.none() | st.just("2.2.9")),
        session_id=draw(NUMBERS),
        session_version=draw(NUMBERS),
        protocol=draw(st.sampled_from(PROTOCOLS)),
        sctpmap=sctpmap,
        before=tuple(draw(st.lists(REFUSED, max_size=3))),
        after=tuple(draw(st.lists(REFUSED, max_size=3))),
    )


@given(descriptions())
def test_what_is_written_is_read(description: SessionDescription) -> None:
    assert sdp.parse(sdp.write(description)) == description


@given(descriptions(), st.randoms(use_true_random=False))
def test_the_order_of_attributes_makes_no_difference(
    description: SessionDescription, chance: Random
) -> None:
    head, *parts = re.split("(?m)^(?=m=)", sdp.write(description))
    mixed = [head]
    for part in parts:
        first, *lines = part.splitlines(keepends=True)
        kept = [line for line in lines if line.startswith("a=candidate")]
        others = [line for line in lines if line not in kept]
        chance.shuffle(others)
        mixed.append("".join([first, *others, *kept]))
    assert sdp.parse("".join(mixed)) == description


def read_or_refused(text: str) -> None:
    with suppress(SdpError):
        found = sdp.parse(text)
        assert sdp.parse(sdp.write(found)) == found


@given(st.text() | st.text().map("v=0\n{}".format))
def test_any_text_is_read_or_refused(text: str) -> None:
    read_or_refused(text)


@given(st.sampled_from(list(DESCRIPTIONS.values())), st.data())
def test_descriptions_with_parts_of_others_are_read_or_refused(
    text: str, data: st.DataObject
) -> None:
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 5))):
        other = data.draw(st.sampled_from(list(DESCRIPTIONS.values()))).splitlines(keepends=True)
        at = data.draw(st.integers(0, len(lines)))
        lines[at : at + data.draw(st.integers(0, 3))] = [data.draw(st.sampled_from(other))]
    read_or_refused("".join(lines))


@given(st.text() | st.text(f"{ICE}=", max_size=8))
def test_any_base64_is_read_or_refused(text: str) -> None:
    with suppress(SdpError):
        assert sdp.encode(sdp.decode(text)) == text


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=1000))
def test_base64_and_back(text: str) -> None:
    assert sdp.decode(sdp.encode(text)) == text
