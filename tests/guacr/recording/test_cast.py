"""The text of a terminal beside its recording."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typing_extensions import override

from guacr.errors import BadRequestError, RecordingError
from guacr.recording import cast
from guacr.recording.cast import Cast, CastEvent, read_cast
from guacr.recording.sink import Sink
from tests.support.waiting import until


class MemorySink(Sink):
    """Keeps what it is written."""

    def __init__(self) -> None:
        super().__init__()
        self.data = b""
        self.closed = False

    @property
    @override
    def buffered(self) -> int:
        return 0

    @override
    def write(self, data: bytes) -> None:
        self.data += data

    @override
    async def close(self) -> None:
        self.closed = True

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.data.splitlines()]


@pytest.fixture
def sink() -> MemorySink:
    return MemorySink()


@pytest.fixture
def clock() -> list[int]:
    """The time, which tests set."""
    return [5000]


@pytest.fixture
def written(sink: MemorySink, clock: list[int]) -> Cast:
    return Cast(sink, (80, 24), lambda: clock[0], 1_764_412_800.7)


async def test_a_session(sink: MemorySink, clock: list[int], written: Cast) -> None:
    assert sink.lines == [
        {
            "version": 2,
            "width": 80,
            "height": 24,
            "timestamp": 1_764_412_800,
            "guacr_clock": 5000,
        }
    ]
    clock[0] = 6250
    written.shown(b"Gr\xc3")
    written.shown(b"\xbc\xc3\x9fe\r\n\x1b[1m")
    await until(lambda: len(sink.lines) == 2, "the text, after a moment")
    clock[0] = 7000
    written.shown(b"before")
    written.resized(80, 24)
    written.resized(132, 43)
    written.shown(b"\xffafter \xe2\x82")
    await written.close()
    assert sink.lines[1:] == [
        [1.25, "o", "Grüße\r\n\x1b[1m"],
        [2.0, "o", "before"],
        [2.0, "r", "132x43"],
        [2.0, "o", "\ufffdafter "],
    ]
    assert sink.closed
    assert list(read_cast(sink.data.splitlines(keepends=True))) == [
        CastEvent(5000, "r", "80x24"),
        CastEvent(6250, "o", "Grüße\r\n\x1b[1m"),
        CastEvent(7000, "o", "before"),
        CastEvent(7000, "r", "132x43"),
        CastEvent(7000, "o", "\ufffdafter "),
    ]


async def test_much_text_does_not_wait(sink: MemorySink, written: Cast) -> None:
    written.shown(b"x" * cast.PART_MAX)
    assert sink.lines[1][2] == "x" * cast.PART_MAX
    await written.close()


async def test_failures_are_logged(
    sink: MemorySink, written: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    sink.on_failed(RecordingError("the disk is full"))
    await written.close()
    assert "the text of a recording is incomplete: the disk is full" in caplog.text


def test_a_torn_end_and_foreign_lines() -> None:
    lines = [
        b'{"version": 2, "width": 0, "height": 999999, "env": {}}\n',
        b'[1.5, "i", "typed"]\n',
        b'[1e308, "o", "later"]\n',
        b'[2, "o", "shown"]\n',
        b"\n",
        b'{"o": 1}\n',
        b'[3, "o", "' + b"x" * cast.LINE_MAX + b'"]\n',
        b'[3, "o", "tor',
    ]
    assert list(read_cast(lines)) == [CastEvent(0, "r", "1x10000"), CastEvent(2000, "o", "shown")]


@pytest.mark.parametrize(
    "first", [b"", b"[]\n", b"{}\n", b'{"version": 3, "width": 80, "height": 24}\n', b"\xff\n"]
)
def test_other_files(first: bytes) -> None:
    with pytest.raises(BadRequestError, match="no asciicast"):
        list(read_cast([first]))
