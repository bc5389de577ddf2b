"""Text copied by programs that is too large."""

from __future__ import annotations

from base64 import b64encode

import pytest

from terminal.engines.oversize import Oversize
from tests.terminal.desk import Desk

LIMIT = 300


def copied(size: int, end: bytes = b"\x07") -> bytes:
    return b"\x1b]52;c;" + b64encode(b"x" * size) + end


@pytest.mark.parametrize("end", [b"\x07", b"\x1b\\"])
def test_what_is_too_large_is_noticed_once_however_it_is_cut(end: bytes) -> None:
    data = b"before " + copied(LIMIT, end) + b" between " + copied(3 * LIMIT, end) + b" after"
    for at in range(len(data)):
        watch = Oversize(LIMIT)
        sizes = [watch.take(data[:at]), watch.take(data[at:]), watch.take(b"more")]
        (size,) = filter(None, sizes)
        assert size == 3 * LIMIT
    watch = Oversize(LIMIT)
    assert sum(watch.take(bytes([byte])) > 0 for byte in data) == 1


@pytest.mark.parametrize("engine", ["ghostty", "pyte"])
@pytest.mark.parametrize("limit", [LIMIT, LIMIT + 1, LIMIT + 2])
def test_what_the_engine_drops_is_told_and_what_it_takes_is_not(engine: str, limit: int) -> None:
    desk = Desk(clipboard_bytes=limit, engine=engine)
    desk.terminal.feed(copied(limit))
    assert (len(desk.written), desk.refused) == (1, [])
    desk.terminal.feed(copied(limit + 1))
    assert (len(desk.written), desk.refused) == (1, [limit + 1])
    desk.terminal.close()


@pytest.mark.parametrize("engine", ["ghostty", "pyte"])
def test_an_engine_that_takes_less_than_the_clipboard_holds_drops_nothing_in_silence(
    engine: str,
) -> None:
    desk = Desk(clipboard_bytes=50 << 20, engine=engine)
    most = desk.terminal.emulator.largest_copy
    desk.terminal.feed(copied(most))
    assert ([len(data) for data in desk.written], desk.refused) == ([most], [])
    desk.terminal.feed(copied(most + 1))
    assert desk.refused == [most + 1]
    desk.terminal.close()
