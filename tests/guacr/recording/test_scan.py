"""The course of a recording, found by reading it."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from guacr.errors import BadRequestError
from guacr.protocol.instruction import encode, encode_stream
from guacr.recording import scan
from guacr.recording.index import KEYFRAME
from guacr.recording.scan import Map, Scanner

START = 1_764_412_800_000
IMAGE = encode_stream(encode("img", 1, 14, 0, "image/png", 0, 0), 1, b"pixels" * 3000)
SIZE = encode("size", 0, 640, 480)


def sync(time: int) -> bytes:
    return encode("sync", START + time)


def key(keysym: int, pressed: int, time: int) -> bytes:
    return encode("key", keysym, pressed, START + time)


RECORDING = b"".join(
    [
        *(KEYFRAME, SIZE, IMAGE, sync(0)),
        *(key(97, 1, 300), key(97, 0, 380), IMAGE, sync(400)),
        *(encode("clipboard", 2, "text/ä😀;4.sync,1.5;"), IMAGE, sync(1000), sync(1000)),
        *(IMAGE, sync(1500), KEYFRAME, SIZE, IMAGE, encode("sync", START + 60_000, 1)),
        *(encode("mouse", 1, 2, 0, START + 60_100), sync(59_000)),
    ]
)


def scanned(*pieces: bytes) -> Map:
    scanner = Scanner()
    for piece in pieces:
        scanner.feed(piece)
    return scanner.map


def test_a_recording() -> None:
    found = scanned(RECORDING)
    second = RECORDING.rindex(KEYFRAME)
    assert (found.start, found.duration, found.size) == (START, 60_000, len(RECORDING))
    assert found.keyframes == [(0, 0), (60_000, second)]
    assert found.keys == [(300, 97, True), (380, 97, False)]
    assert [time for time, _ in found.points] == [0, 1000, 60_000]
    twice = sync(1000) * 2
    assert found.points[1][1] == RECORDING.index(twice) + len(twice)


def test_what_follows_the_last_frame_does_not_count() -> None:
    whole = scanned(RECORDING)
    assert scanned(RECORDING + IMAGE[:-7]) == whole
    assert scanned(RECORDING + IMAGE) == whole


@given(cuts=st.lists(st.integers(0, len(RECORDING)), max_size=6))
def test_pieces_of_any_size(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(RECORDING)]
    pieces = [RECORDING[start:end] for start, end in pairwise(places)]
    assert scanned(*pieces) == scanned(RECORDING)


def test_every_byte_alone() -> None:
    small = RECORDING.replace(IMAGE, encode("rect", 0, 0, 0, 1, 1))
    assert scanned(*(small[at : at + 1] for at in range(len(small)))) == scanned(small)


@settings(max_examples=50)
@given(text=st.text(st.characters(codec="utf-8")), cut=st.integers(0, 100))
@example("桌面", 0)
@example("Jörg é", 7)
def test_texts_in_any_script(text: str, cut: int) -> None:
    """guacd records the names of connections and files as they are, also where they end in a
    character of several bytes."""
    recording = encode("name", text) + sync(0) + encode("file", 1, "text/plain", text) + sync(500)
    found = scanned(recording[:cut], recording[cut:])
    assert (found.duration, found.size) == (500, len(recording))


@pytest.mark.parametrize(
    "damage",
    [b"x", b"4,sync;", b"5.sync,1.1;", b"4.sync,1.1x", b"4.sync\n", b"99999999999.a", b"4.sync,,;"],
)
def test_damage(damage: bytes) -> None:
    with pytest.raises(BadRequestError, match=f"damaged after {len(RECORDING)}"):
        scanned(RECORDING + damage + b";" * 16)


def test_a_clock_that_is_set_back_does_not_run_backwards() -> None:
    found = scanned(sync(5000) + IMAGE + sync(2000) + key(97, 1, 1000) + IMAGE + sync(7000))
    assert (found.start, found.duration) == (START + 5000, 2000)
    assert found.keys == [(0, 97, True)]


def test_the_map_of_endless_frames_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "POINTS_MAX", 100)
    scanner = Scanner()
    for number in range(1, 5000):
        scanner.feed(KEYFRAME + encode("sync", number * 1000))
    found = scanner.map
    assert 25 < len(found.points) <= 100
    assert 25 < len(found.keyframes) <= 100
    assert found.points[0][0] == found.keyframes[0][0] == 0
    assert found.points[-1][0] > 4_900_000
    assert found.duration == 4_998_000


def test_an_instruction_has_a_limit() -> None:
    scanner = Scanner()
    with pytest.raises(BadRequestError):
        scanner.feed(b"4.blob,1.0,8000000." + b"x" * (scan.HELD_MAX + 1))
