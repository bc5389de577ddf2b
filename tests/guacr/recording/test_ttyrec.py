"""The text of a terminal beside its recording."""

from __future__ import annotations

import asyncio
import io
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typing_extensions import override

from guacr.errors import BadRequestError, RecordingError
from guacr.recording import ttyrec
from guacr.recording.sink import Sink
from guacr.recording.ttyrec import TextEvent, Ttyrec, read_ttyrec
from tests.support.recordings import ttyrec_of
from tests.support.require import require
from tests.support.waiting import until

BEGIN = TextEvent(5000, "r", "80x24")
QUEUE = 1000


class MemorySink(Sink):
    """Keeps what it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.waiting = 0
        self.closed = False

    @property
    @override
    def buffered(self) -> int:
        return self.waiting

    @override
    def write(self, data: bytes) -> None:
        self.data += data

    @override
    async def close(self) -> None:
        self.closed = True


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def clock() -> list[int]:
    """The time, which tests set."""
    return [5000]


@pytest.fixture
def written(sink: MemorySink, clock: list[int]) -> Ttyrec:
    return Ttyrec(sink, (80, 24), lambda: clock[0], QUEUE)


def read(data: bytes) -> list[TextEvent]:
    return list(read_ttyrec(io.BytesIO(data)))


async def test_a_session(sink: MemorySink, clock: list[int], written: Ttyrec) -> None:
    """Nothing is decoded: a record may end within a character."""
    clock[0] = 6250
    written.shown(b"G")
    clock[0] = 6255
    written.shown(b"r\xc3")
    await until(lambda: b"Gr" in sink.data, "a record")
    clock[0] = 6270
    written.shown(b"\xbc\xc3\x9fe\r\n\x1b[1m")
    clock[0] = 7000
    written.resized(80, 24)
    written.resized(132, 43)
    written.shown(b"")
    written.shown(b"\xffafter \xe2\x82")
    await written.close()
    assert sink.closed
    records = [
        (5, 0, b"\x1b[8;24;80t"),
        (6, 250_000, b"Gr\xc3"),
        (6, 270_000, b"\xbc\xc3\x9fe\r\n\x1b[1m"),
        (7, 0, b"\x1b[8;43;132t"),
        (7, 0, b"\xffafter \xe2\x82"),
    ]
    assert sink.data == b"".join(struct.pack("<III", s, u, len(d)) + d for s, u, d in records)
    assert read(sink.data) == [
        BEGIN,
        TextEvent(6250, "o", "Gr"),
        TextEvent(6270, "o", "üße\r\n\x1b[1m"),
        TextEvent(7000, "r", "132x43"),
        TextEvent(7000, "o", "\ufffdafter "),
    ]


async def test_programs_change_no_size(sink: MemorySink, written: Ttyrec) -> None:
    written.shown(b"\x1b[8;")
    written.shown(b"1;1t")
    await written.close()
    assert read(sink.data)[1:] == [TextEvent(5000, "o", "\x1b"), TextEvent(5000, "o", "[8;1;1t")]


async def test_long_texts_are_divided(
    sink: MemorySink, written: Ttyrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ttyrec, "PART_MAX", 10)
    written.shown(b"0123456789ABCDEFGHIJ\x1b[8;1;1t")
    await written.close()
    texts = ["0123456789", "ABCDEFGHIJ", "\x1b", "[8;1;1t"]
    assert [event.text for event in read(sink.data)[1:]] == texts


async def test_small_texts_are_joined_up_to_a_length(
    sink: MemorySink, written: Ttyrec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ttyrec, "PART_MAX", 30)
    for _ in range(10):
        written.shown(b"1234567")
    await written.close()
    assert [event.text for event in read(sink.data)[1:]] == [
        "1234567" * 4,
        "1234567" * 4,
        "1234567" * 2,
    ]


async def test_a_slow_disk(
    sink: MemorySink, written: Ttyrec, caplog: pytest.LogCaptureFixture
) -> None:
    sink.waiting = QUEUE - 4
    for text in (b"fits", b"is too much", b"is too much, too"):
        written.shown(text)
        await until(lambda: written._timer is None, "a record")
    assert caplog.messages == [
        "the text of a recording is incomplete: the disk is too slow for the session"
    ]
    sink.waiting = 0
    written.shown(b" again")
    await written.close()
    assert [event.text for event in read(sink.data)[1:]] == ["fits", " again"]


async def test_failures_are_logged(
    sink: MemorySink, written: Ttyrec, caplog: pytest.LogCaptureFixture
) -> None:
    sink.on_failed(RecordingError("the disk is full"))
    await written.close()
    assert "the text of a recording is incomplete: the disk is full" in caplog.text


WHOLE = ttyrec_of((5.0, "\x1b[8;24;80t"), (6.5, "one"), (7.0, "\x1b[8;43;132t"), (8.25, "two"))
EVENTS = [
    BEGIN,
    TextEvent(6500, "o", "one"),
    TextEvent(7000, "r", "132x43"),
    TextEvent(8250, "o", "two"),
]


def test_a_torn_end() -> None:
    found = [read(WHOLE[:end]) for end in range(len(WHOLE) + 1)]
    assert found[0] == [TextEvent(0, "r", "80x24")]
    assert found[-1] == EVENTS
    assert all(len(short) <= len(long) for short, long in pairwise(found))
    assert all(one == EVENTS[: len(one)] for one in found[23:])


@pytest.mark.parametrize("length", [0, ttyrec.PART_MAX + 1, 0xFFFFFFFF])
def test_damage(length: int) -> None:
    events = read_ttyrec(io.BytesIO(WHOLE + struct.pack("<III", 9, 0, length) + b"x" * 100))
    assert [next(events) for _ in EVENTS] == EVENTS
    with pytest.raises(BadRequestError, match=f"damaged after {len(WHOLE)} bytes"):
        next(events)


def test_other_sizes_and_times() -> None:
    """A file that another program has written may have any."""
    assert read(ttyrec_of((0, "\x1b[8;0;999999999t"))) == [TextEvent(0, "r", "10000x1")]
    late = struct.pack("<III", 0xFFFFFFFF, 0xFFFFFFFF, 1) + b"x"
    time = 0xFFFFFFFF * 1000 + 0xFFFFFFFF // 1000
    assert read(late) == [TextEvent(time, "r", "80x24"), TextEvent(time, "o", "x")]


@given(st.lists(st.binary(max_size=30)))
def test_what_is_shown_is_read(texts: list[bytes]) -> None:
    sink = MemorySink()

    async def write() -> None:
        written = Ttyrec(sink, (80, 24), lambda: 5000, 1 << 20)
        for text in texts:
            written.shown(text)
            if len(text) % 3 == 0:
                written._write_texts()
        await written.close()

    asyncio.run(write())
    begin, *shown = read(sink.data)
    assert begin == BEGIN
    assert all(event.kind == "o" for event in shown)
    decoded = ttyrec.utf8_decoder().decode(b"".join(texts))
    assert "".join(event.text for event in shown) == decoded


def test_ttyplay_plays_it(tmp_path: Path) -> None:
    path = tmp_path / "session.ttyrec"
    path.write_bytes(WHOLE)
    played = subprocess.run(
        [require("ttyplay"), "-n", str(path)], capture_output=True, check=True, timeout=10
    )
    assert played.stdout == b"\x1b[8;24;80tone\x1b[8;43;132ttwo"
