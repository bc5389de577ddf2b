"""Kitty graphics in libghostty: what programs are answered, what is shown, and what is kept."""

from __future__ import annotations

import os
import random
import zlib
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest

from guacr.display.geometry import Rect
from terminal.engines.contents import PlacedImage
from terminal.engines.emulator import EngineError
from terminal.engines.ghostty import graphics as ghostty_graphics
from terminal.engines.ghostty.emulator import GhosttyEmulator
from tests.terminal.engine import Heard, start
from tests.terminal.kitty_graphics import chunks, command, noise, png

CELL: dict[str, Any] = {"cell_width": 10, "cell_height": 20}
LIMIT = 1 << 20
PIXELS = noise(30, 40)
SIZE = "s=30,v=40"
BGRA = [2, 1, 0, 3]
OK = b"\x1b_Gi=1;OK\x1b\\"


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def emulator(heard: Heard) -> Iterator[GhosttyEmulator]:
    emulator = start(40, 10, heard, image_bytes=LIMIT, **CELL)
    yield emulator
    emulator.close()


def only(emulator: GhosttyEmulator) -> PlacedImage:
    (image,) = emulator.images()
    return image


def places(emulator: GhosttyEmulator) -> list[tuple[int, int]]:
    return [(image.column, image.row) for image in emulator.images()]


def show(emulator: GhosttyEmulator, keys: str = "i=1,q=2") -> None:
    emulator.feed(command(f"a=T,{SIZE},{keys}", PIXELS.tobytes()))


# ---- images in


@pytest.mark.parametrize(
    ("keys", "data"),
    [
        (f"f=32,{SIZE}", PIXELS.tobytes()),
        (f"f=24,{SIZE}", PIXELS[..., :3].tobytes()),
        (f"f=24,o=z,{SIZE}", zlib.compress(PIXELS[..., :3].tobytes())),
        ("f=100", png(PIXELS)),
    ],
)
def test_an_image_is_shown_at_the_cursor(
    emulator: GhosttyEmulator, heard: Heard, keys: str, data: bytes
) -> None:
    emulator.feed(b"ab\r\ncd" + chunks(f"a=T,i=1,{keys}", data, 512))
    assert heard.replies == OK
    image = only(emulator)
    assert (image.column, image.row, image.x, image.y) == (2, 1, 0, 0)
    assert (image.width, image.height, image.z) == (30, 40, 0)
    assert image.source == Rect(0, 0, 30, 40)
    assert (image.pixels == PIXELS[..., BGRA]).all()
    cursor = emulator.update().cursor
    assert (cursor.column, cursor.row) == (5, 2)


def test_output_may_be_cut_anywhere(emulator: GhosttyEmulator, heard: Heard) -> None:
    for byte in b"x" + chunks("a=T,i=1,f=100", png(PIXELS), 256) + b"y":
        emulator.feed(bytes([byte]))
    assert heard.replies == OK
    assert (only(emulator).pixels == PIXELS[..., BGRA]).all()
    assert emulator.row_at(0).cells[0] == "x"  # type: ignore[union-attr]
    assert emulator.row_at(1).cells[4] == "y"  # type: ignore[union-attr]


def test_brightness_comes_times_alpha(emulator: GhosttyEmulator) -> None:
    pixels = noise(30, 40, alpha=None)
    emulator.feed(command(f"a=T,{SIZE}", pixels.tobytes()))
    shown, alpha = only(emulator).pixels.astype(int), pixels[..., 3:].astype(int)
    assert (shown[..., 3:] == alpha).all()
    assert np.abs(shown[..., 2::-1] - pixels[..., :3] * alpha / 255).max() <= 1


def test_an_image_is_sent_once_and_shown_often(emulator: GhosttyEmulator, heard: Heard) -> None:
    emulator.feed(command(f"a=t,i=1,{SIZE}", PIXELS.tobytes()))
    assert emulator.images() == []
    emulator.feed(b"\x1b[3;5H" + command("a=p,i=1,p=4,C=1,z=7,X=3,Y=5"))
    emulator.feed(b"\x1b[1;9H" + command("a=p,i=1,p=5,C=1,z=-1,c=6,r=1,x=10,y=20,w=5,h=4"))
    assert heard.replies == OK + b"\x1b_Gi=1,p=4;OK\x1b\\" + b"\x1b_Gi=1,p=5;OK\x1b\\"
    below, above = emulator.images()
    assert (below.column, below.row, below.width, below.height) == (8, 0, 60, 20)
    assert (below.z, below.source) == (-1, Rect(10, 20, 5, 4))
    assert (above.column, above.row, above.x, above.y, above.z) == (4, 2, 3, 5, 7)
    assert below.pixels is above.pixels


def test_names_numbers_and_nothing_at_all(emulator: GhosttyEmulator, heard: Heard) -> None:
    emulator.feed(command(f"a=T,I=13,{SIZE}", PIXELS.tobytes()))
    assert heard.replies == b"\x1b_Gi=1,I=13;OK\x1b\\"
    emulator.feed(command("a=p,I=13,C=1"))
    heard.replies = b""
    emulator.feed(command(f"a=T,{SIZE}", PIXELS.tobytes()))
    assert heard.replies == b""
    assert len(emulator.images()) == 3
    assert len({image.generation for image in emulator.images()}) == 2


def test_an_image_sent_anew_replaces_the_old(emulator: GhosttyEmulator) -> None:
    show(emulator)
    before = only(emulator)
    assert only(emulator) == before
    emulator.feed(b"\x1b[H")
    show(emulator)
    after = only(emulator)
    assert after.generation != before.generation


# ---- answers


def test_a_query_is_answered_and_keeps_nothing(emulator: GhosttyEmulator, heard: Heard) -> None:
    emulator.feed(command("a=q,i=31,s=1,v=1,f=24", b"abc") + b"\x1b[c")
    assert heard.replies == b"\x1b_Gi=31;OK\x1b\\\x1b[?62;22c"
    emulator.feed(command("a=p,i=31"))
    assert heard.replies.endswith(b"\x1b_Gi=31;ENOENT: image not found\x1b\\")


@pytest.mark.parametrize(
    ("keys", "data", "code"),
    [
        ("a=T,f=32,s=2,v=2", b"abc", b"ENODATA"),
        ("a=T,f=32,s=600,v=600", b"abc", b"EFBIG"),
        ("a=T,f=100", b"no PNG, though it is long enough", b"EBADPNG"),
        ("a=q,f=7,s=1,v=1", b"abcd", b"EINVAL"),
        ("a=T,s=1,v=1,U=1", b"abcd", b"EINVAL"),
        ("a=p,U=1", b"", b"EINVAL"),
    ],
)
def test_what_cannot_be_done_is_answered_with_an_error(
    emulator: GhosttyEmulator, heard: Heard, keys: str, data: bytes, code: bytes
) -> None:
    emulator.feed(command(f"{keys},i=9", data))
    assert heard.replies.startswith(b"\x1b_Gi=9;" + code + b": ")
    assert heard.replies.endswith(b"\x1b\\")
    heard.replies = b""
    emulator.feed(command(f"{keys},i=9,q=2", data) + command(keys, data))
    assert heard.replies == b""
    assert emulator.images() == []


def test_of_an_animation_the_first_frame_is_shown(emulator: GhosttyEmulator, heard: Heard) -> None:
    emulator.feed(command(f"a=T,I=9,{SIZE},m=0", PIXELS.tobytes()))
    heard.replies = b""
    emulator.feed(chunks("a=f,I=9,s=30,v=40,z=100", noise(30, 40, 1).tobytes(), 1 << 20))
    emulator.feed(command("a=a,I=9,r=1,z=100") + command("a=c,I=9,r=1,c=2") + b"\x1b[5n")
    assert heard.replies == b"\x1b[0n"
    assert (only(emulator).pixels == PIXELS[..., BGRA]).all()


@pytest.mark.parametrize("action", ["q", "t", "T"])
@pytest.mark.parametrize("kind", ["f", "t", "s"])
def test_files_of_the_daemon_stay_closed(
    emulator: GhosttyEmulator, heard: Heard, tmp_path: Path, action: str, kind: str
) -> None:
    path = Path("/tmp", f"tty-graphics-protocol-{os.getpid()}-{action}{kind}")
    name = path.name if kind == "s" else str(path)
    shared = Path("/dev/shm", path.name)
    for file in (path, shared):
        file.write_bytes(png(PIXELS))
    try:
        for keys in (f"a={action},t={kind},i=9,f=100", f"t={kind},a={action},i=9,{SIZE},f=32"):
            heard.replies = b""
            emulator.feed(command(keys, name.encode()))
            assert heard.replies.startswith(b"\x1b_Gi=9;EINVAL: only direct transmission")
        assert emulator.images() == []
        assert path.exists()
        assert shared.exists()
    finally:
        path.unlink()
        shared.unlink()


@pytest.mark.parametrize(
    "introducer",
    [b"\x1b\x00_G", b"\x1b\x07_G", b"\x1b\x7f_G", b"\x1b[\x9fG", b"\x1bP\x9fG", b"\x1b_\x00G"],
)
def test_no_data_reach_the_library_past_guacr(
    emulator: GhosttyEmulator, heard: Heard, introducer: bytes
) -> None:
    show(emulator)
    emulator.feed(b"\x1b[2J")
    for keys in (b"s=1,v=1,f=24", b"s=1,v=1,f=24,m=1", b"f=100", b"t=f,f=100"):
        body = b"a=T,i=9," + keys + b";" + b64encode(b"abc")
        emulator.feed(introducer + body + b"\x1b\\")
        emulator.feed(introducer + b"m=0;" + b64encode(b"abc") + b"\x1b\\")
    assert emulator.images() == []
    emulator.feed(b"\x18" + command("a=p,i=9"))
    assert heard.replies.endswith(b"\x1b_Gi=9;ENOENT: image not found\x1b\\")


# ---- in another thread


class Busy:
    """A pool of one thread that does nothing until it is let."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(1)
        self._let = Event()
        self.pool.submit(self._let.wait)

    def let(self) -> None:
        """Have it do its work."""
        self._let.set()


@pytest.fixture
def busy() -> Iterator[Busy]:
    busy = Busy()
    yield busy
    busy.let()
    busy.pool.shutdown()


@pytest.fixture
def threaded(heard: Heard, busy: Busy) -> Iterator[GhosttyEmulator]:
    emulator = start(40, 10, heard, image_bytes=LIMIT, executor=busy.pool, **CELL)
    yield emulator
    emulator.close()


LATER = b"later\x1b[5n" + command("a=q,i=2,s=1,v=1,f=24", b"abc")


def test_what_follows_an_image_waits_until_it_is_unpacked(
    threaded: GhosttyEmulator, heard: Heard, busy: Busy
) -> None:
    threaded.feed(b"now" + command("a=T,i=1,f=100", png(PIXELS)) + LATER)
    pending = threaded.pending
    assert pending is not None
    assert threaded.row_at(0).cells[:4] == ("n", "o", "w", " ")  # type: ignore[union-attr]
    assert (threaded.images(), heard.replies) == ([], b"")
    busy.let()
    pending.result()
    threaded.feed(b"")
    assert threaded.pending is None
    assert places(threaded) == [(3, 0)]
    assert (only(threaded).pixels == PIXELS[..., BGRA]).all()
    assert threaded.row_at(1).cells[6:11] == tuple("later")  # type: ignore[union-attr]
    assert heard.replies == OK + b"\x1b[0n" + b"\x1b_Gi=2;OK\x1b\\"


def test_feeding_on_waits_for_the_image(
    threaded: GhosttyEmulator, heard: Heard, busy: Busy
) -> None:
    busy.let()
    for byte in command("a=T,i=1,f=100", png(PIXELS)) * 3 + b"\x1b[5n":
        threaded.feed(bytes([byte]))
    assert heard.replies == OK * 3 + b"\x1b[0n"


def test_one_image_is_unpacked_at_a_time(threaded: GhosttyEmulator, busy: Busy) -> None:
    threaded.feed(command("a=T,i=1,f=100", png(PIXELS)) + command("a=T,i=2,f=100", png(PIXELS)))
    first = threaded.pending
    busy.let()
    threaded.feed(b"")
    second = threaded.pending
    assert second not in (None, first)
    threaded.feed(b"")
    assert (threaded.pending, len(threaded.images())) == (None, 2)


def test_a_bad_image_is_answered_later(threaded: GhosttyEmulator, heard: Heard, busy: Busy) -> None:
    threaded.feed(command("a=T,i=9,f=100", bytes(100)) + b"\x1b[5n")
    busy.let()
    threaded.feed(b"")
    assert heard.replies == b"\x1b_Gi=9;EBADPNG: not a PNG\x1b\\\x1b[0n"


def test_small_images_need_no_thread(threaded: GhosttyEmulator, heard: Heard) -> None:
    threaded.feed(command("a=q,i=1,s=1,v=1,f=24", b"abc"))
    assert heard.replies == OK


def test_an_end_or_a_reset_waits_for_no_longer_than_needed(
    threaded: GhosttyEmulator, heard: Heard, busy: Busy
) -> None:
    closed = start(40, 10, executor=busy.pool, **CELL)
    closed.feed(command("a=T,i=1,f=100", png(PIXELS)) + LATER)
    pending = closed.pending
    assert pending
    closed.close()
    assert pending.cancelled()
    threaded.feed(command("a=T,i=1,f=100", png(PIXELS)) + LATER)
    busy.let()
    threaded.reset()
    assert threaded.pending is None
    assert threaded.images() == []
    assert heard.replies.startswith(OK + b"\x1b[0n")


def test_what_was_cancelled_is_left_out(
    threaded: GhosttyEmulator, heard: Heard, busy: Busy
) -> None:
    threaded.feed(command("a=T,i=1,f=100", png(PIXELS)) + b"\x1b[5n")
    assert threaded.pending
    assert threaded.pending.cancel()
    threaded.feed(b"")
    assert (threaded.images(), heard.replies) == ([], b"\x1b[0n")


# ---- places


def test_images_scroll_with_the_text_and_back(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[9;1H")
    show(emulator)
    assert places(emulator) == [(0, 8)]
    emulator.feed(b"\x1b[10;1H\n\n")
    assert places(emulator) == [(0, 6)]
    emulator.feed(b"\n" * 7)
    assert places(emulator) == [(0, -1)]
    emulator.feed(b"\n")
    assert places(emulator) == []
    emulator.scroll_by(-3)
    assert places(emulator) == [(0, 1)]
    emulator.scroll_to_bottom()
    assert places(emulator) == []


def test_images_scroll_in_a_region(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[3;1H")
    show(emulator)
    emulator.feed(b"\x1b[3;1H\x1b[2;8r\x1b[8;1H\n")
    assert places(emulator) == [(0, 1)]
    emulator.feed(b"\x1b[5;1H\x1b[2M")
    assert places(emulator) == [(0, 1)]


def test_each_screen_has_its_images(emulator: GhosttyEmulator) -> None:
    show(emulator)
    emulator.feed(b"\x1b[?1049h")
    assert places(emulator) == []
    emulator.feed(b"\x1b[4;4H")
    show(emulator, "i=2,q=2")
    assert places(emulator) == [(3, 3)]
    emulator.feed(b"\x1b[?1049l")
    assert places(emulator) == [(0, 0)]


def test_a_resize_keeps_images_on_their_cells(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\x1b[2;30H")
    show(emulator, "i=1,q=2,c=4,r=2")
    image = only(emulator)
    assert (image.column, image.row, image.width, image.height) == (29, 1, 40, 40)
    emulator.resize(40, 10, 20, 30)
    image = only(emulator)
    assert (image.column, image.row, image.width, image.height) == (29, 1, 80, 60)
    emulator.resize(20, 4, 20, 30)
    assert len(emulator.images()) <= 1


@pytest.mark.parametrize(
    "erase",
    [
        command("a=d"),
        command("a=d,d=A"),
        command("a=d,d=i,i=1"),
        command("a=d,d=p,x=2,y=2"),
        b"\x1b[2J",
        b"\x1b[H\x1b[2J\x1b[3J",
        b"\x1b[H\x1b[J\x1b[3J",
        b"\x1bc",
    ],
)
def test_images_are_deleted(emulator: GhosttyEmulator, erase: bytes) -> None:
    show(emulator)
    assert places(emulator) == [(0, 0)]
    for byte in erase:
        emulator.feed(bytes([byte]))
    assert places(emulator) == []


@pytest.mark.parametrize("clear", [b"\x1b[H\x1b[2J\x1b[3J", b"\x1b[H\x1b[J\x1b[3J"])
@pytest.mark.parametrize("scrolled", [0, -5])
def test_clear_takes_images_in_the_scrollback_along(
    emulator: GhosttyEmulator, clear: bytes, scrolled: int
) -> None:
    show(emulator)
    emulator.feed(b"\n" * 30)
    emulator.scroll_by(scrolled)
    emulator.feed(clear)
    emulator.scroll_to_top()
    assert places(emulator) == []


def test_erasing_the_scrollback_leaves_what_is_on_the_screen(emulator: GhosttyEmulator) -> None:
    emulator.feed(b"\n" * 30 + b"\x1b[H")
    show(emulator)
    emulator.feed(b"\x1b[3J")
    assert places(emulator) == [(0, 0)]


def test_images_go_with_rows_that_are_dropped() -> None:
    emulator = start(40, 10, scrollback_rows=20, **CELL)
    show(emulator)
    emulator.feed(b"line\r\n" * 10_000)
    emulator.scroll_to_top()
    assert places(emulator) == []
    emulator.close()


# ---- bounds


def test_the_oldest_images_go_when_bytes_run_out(emulator: GhosttyEmulator, heard: Heard) -> None:
    quarter = noise(256, 256)
    for number in range(1, 6):
        emulator.feed(command(f"a=t,i={number},s=256,v=256,q=1", quarter.tobytes()))
    for number in range(1, 6):
        emulator.feed(command(f"a=p,i={number},q=0"))
    assert heard.replies.count(b"ENOENT") == 1
    assert heard.replies.startswith(b"\x1b_Gi=1;ENOENT")


def test_an_image_of_the_limit_fits_and_a_larger_one_does_not(
    emulator: GhosttyEmulator, heard: Heard
) -> None:
    emulator.feed(chunks("a=T,i=1,s=512,v=512", bytes(LIMIT)))
    assert heard.replies == OK
    heard.replies = b""
    emulator.feed(chunks("a=T,i=2,s=512,v=513", bytes(LIMIT + 2048)))
    assert heard.replies.startswith(b"\x1b_Gi=2;EFBIG")


def test_the_oldest_images_go_when_there_are_many(
    emulator: GhosttyEmulator, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ghostty_graphics, "MAX_IMAGES", 3)
    names = ["i=10", "I=5", "", "i=11", "I=5", "i=12"]
    for screen in (b"", b"\x1b[?1049h", b"\x1b[?1049l\x1b[H"):
        emulator.feed(screen)
        for name in names:
            emulator.feed(command(f"a=T,s=1,v=1,{name}".strip(","), b"abcd"))
            assert len(emulator.images()) <= 3
        assert len(emulator.images()) == 3


def test_all_images_go_when_they_have_too_many_places(
    emulator: GhosttyEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ghostty_graphics, "MAX_PLACEMENTS", 10)
    show(emulator)
    emulator.feed(command("a=p,i=1,C=1") * 9)
    assert len(emulator.images()) == 10
    emulator.feed(b"\x1b\x00" + command("a=p,i=1,C=1")[1:])
    assert emulator.images() == []
    show(emulator)
    assert len(emulator.images()) == 1


def test_a_terminal_without_images_takes_none(heard: Heard) -> None:
    emulator = start(40, 10, heard, image_bytes=0, **CELL)
    emulator.feed(b"a" + command("a=q,i=31,s=1,v=1,f=24", b"abc") + b"b")
    show(emulator)
    assert (heard.replies, emulator.images()) == (b"", [])
    assert emulator.row_at(0).cells[:2] == ("a", "b")  # type: ignore[union-attr]
    emulator.close()


def test_reset_and_close_free_images(emulator: GhosttyEmulator, heard: Heard) -> None:
    show(emulator)
    emulator.feed(command(f"a=T,{SIZE},i=2,m=1", b"abc") + b"\x1b_Gm=1")
    emulator.reset()
    assert emulator.images() == []
    emulator.feed(b"text" + command("a=p,i=1"))
    assert heard.replies == b"\x1b_Gi=1;ENOENT: image not found\x1b\\"
    assert emulator.row_at(0).cells[:4] == tuple("text")  # type: ignore[union-attr]
    show(emulator)
    emulator.close()
    assert emulator.images() == []
    with pytest.raises(EngineError):
        show(emulator)


def test_what_a_listener_raises_at_an_error_comes_out_of_feed(emulator: GhosttyEmulator) -> None:
    class Fragile(Heard):
        def reply(self, data: bytes) -> None:
            raise ValueError("no")

    fragile = start(40, 10, Fragile(), **CELL)
    with pytest.raises(ValueError, match="no"):
        fragile.feed(command("a=T,i=1,f=100", b"x") + b"text")
    assert fragile.row_at(0).cells[:4] == tuple("text")  # type: ignore[union-attr]
    fragile.close()


def test_thousands_of_images_leave_nothing_behind() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    def use() -> None:
        emulator = start(40, 10, **CELL)
        emulator.feed(command("a=T,i=1,s=500,v=500", bytes(1_000_000)))
        assert emulator.images()
        emulator.close()

    for _ in range(20):
        use()
    before = resident()
    for _ in range(200):
        use()
    assert resident() - before < 20 << 20 >> 12


def test_random_commands_do_no_harm() -> None:
    source = random.Random(5)
    emulator = start(20, 6, image_bytes=4096, **CELL)
    keys = "aiIpqfstvoUcrzxywhXYCPQHVdm"
    values = ["T", "t", "p", "d", "q", "f", "a", "A", "z", "i", "1", "2", "0", "-1", "24", "100"]
    for _ in range(5000):
        chosen = [f"{source.choice(keys)}={source.choice(values)}" for _ in range(5)]
        data = source.choice([b"", b"abc", b"abcd", bytes(12), png(noise(2, 2))])
        emulator.feed(command(",".join(chosen), data)[: source.choice([None, 20])])
        emulator.feed(source.choice([b"", b"\n", b"text", b"\x1b[3J", b"\x1b[2S", b"\x1b[?1049h"]))
        for image in emulator.images():
            assert image.source.right <= image.pixels.shape[1]
            assert image.source.bottom <= image.pixels.shape[0]
            assert image.width > 0
            assert image.height > 0
    emulator.close()
