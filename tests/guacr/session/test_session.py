"""A session and its users: joining, rights, input, frames, slow viewers, the end."""

import asyncio
import errno
import json
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from itertools import count
from time import thread_time

import numpy as np
import pytest

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.pixels import Pixels
from guacr.errors import (
    BadRequestError,
    BusyError,
    NotFoundError,
    TooManyError,
    UnsupportedError,
    UpstreamError,
)
from guacr.protocol.client import ClientInfo
from guacr.protocol.clipboard import SEVERAL, pack
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.protocol.status import Status
from guacr.session.input import reader
from guacr.session.input.held import KEYS_MAX
from guacr.session.input.opcodes import KEYSYM_MAX
from guacr.session.input.touch import RADIUS_MAX, Contact
from guacr.session.keep_alive import ANSWER, KEEP_ALIVE
from guacr.session.user import User
from guacr.settings.models import Settings
from guacr.turns import TURN
from tests.support.clock import SkippingClock
from tests.support.loopback import (
    Bench,
    MemoryTransport,
    SketchHandler,
    frame,
    note_session,
    session_of,
    sketch,
    until,
    until_seen,
)

LATER = KEEP_ALIVE + 1
"""Seconds after which a session checks every user again."""


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> SkippingClock:
    return SkippingClock(monkeypatch)


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.close()


def same_picture(transport: MemoryTransport, user) -> bool:  # type: ignore[no-untyped-def]
    return bool((transport.canvas.flatten() == sketch(user).surface.array[..., 2::-1]).all())


# ---- frames


async def test_owner_sees_the_first_picture(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    assert transport.received[0].opcode == "ready"
    assert transport.received[0].args == (session_of(user).id,)
    assert transport.canvas.size == (200, 100)
    assert same_picture(transport, user)


async def test_the_first_picture_is_drawn_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Rect] = []
    pixels = FrameBuffer.pixels

    def counted(surface: FrameBuffer, rect: Rect) -> Pixels:
        drawn.append(rect)
        return pixels(surface, rect)

    monkeypatch.setattr(FrameBuffer, "pixels", counted)
    transport, _ = bench.connect()
    await frame(transport)
    whole = Rect(0, 0, 200, 100)
    assert drawn == [whole], "what is remembered is what the viewer is sent"


async def test_changes_follow(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    for red in (50, 100, 150):
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (red, 0, 0))
        session_of(user).context.changed()
        await frame(transport)
        transport.acknowledge()
        assert same_picture(transport, user)


async def test_many_changes_are_few_frames(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    loop = asyncio.get_running_loop()
    started, end = loop.time(), thread_time() + 0.25
    while thread_time() < end:
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (int(loop.time() * 1e4) % 256, 0, 0))
        session_of(user).context.changed()
        await asyncio.sleep(0)
    assert 5 <= len(transport.all("sync")) <= 68 * (loop.time() - started)


async def test_a_joiner_gets_the_whole_picture_and_then_the_changes(bench: Bench) -> None:
    first, owner = bench.connect()
    await frame(first)
    sketch(owner).surface.fill(Rect(10, 10, 20, 20), (9, 8, 7))
    session_of(owner).context.changed()
    await frame(first)
    second, joiner = bench.connect(session_of(owner).id)
    await frame(second)
    assert same_picture(second, owner)
    assert not joiner.owner
    sketch(owner).surface.fill(Rect(30, 10, 20, 20), (7, 8, 7))
    session_of(owner).context.changed()
    await frame(second)
    assert same_picture(second, owner)
    assert same_picture(first, owner)
    assert len(second.all("size")) == 2, "layer 0 and the cursor, once"


async def test_a_slow_viewer_misses_frames_and_catches_up(bench: Bench) -> None:
    slow, owner = bench.connect(info=ClientInfo(width=800, height=600))
    quick, _ = bench.connect(session_of(owner).id)
    await frame(slow)
    await frame(quick, 1)
    slow.stalled = True
    slow.replies = quick.replies = True
    noise = np.random.default_rng(1)
    for _ in range(12):
        pixels = noise.integers(0, 256, (400, 400, 4), dtype="uint8")
        sketch(owner).surface.blit(Rect(0, 0, 400, 400), pixels)
        session_of(owner).context.changed()
        await frame(quick)
    assert owner.stale
    high_water = session_of(owner).settings.session.send_high_water
    assert slow.buffered < 4 * high_water, "it holds a frame or two beyond the mark, not all"
    slow.drain()
    await until(lambda: not owner.stale)
    for transport in (slow, quick):
        await until_seen(transport, lambda seen=transport: same_picture(seen, owner))  # type: ignore[misc]


def change(owner: User, red: int) -> None:
    sketch(owner).surface.fill(Rect(0, 0, 9, 9), (red, 0, 0))
    session_of(owner).context.changed()


async def test_viewers_that_are_equally_late_get_what_changed(
    bench: Bench, clock: SkippingClock
) -> None:
    transports = [bench.connect()]
    owner = transports[0][1]
    transports.append(bench.connect(session_of(owner).id))
    both = [transport for transport, _ in transports]
    await until(lambda: all(transport.all("sync") for transport in both))
    for transport in both:
        transport.acknowledge()
    change(owner, 50)
    for transport in both:
        await until(lambda transport=transport: len(transport.all("sync")) == 2)  # type: ignore[misc]
    for red in range(60, 64):
        clock.skip(1.2)
        change(owner, red)
        await frame(both[0])
        assert [user.stale for _, user in transports] == [False, False]
        for transport in both:
            transport.send("sync", transport.all("sync")[-2][0])
    assert [len(transport.all("size")) for transport in both] == [2, 2], "the whole picture, once"


async def test_a_viewer_behind_the_quickest_gets_the_whole_picture(
    bench: Bench, clock: SkippingClock
) -> None:
    slow, owner = bench.connect()
    quick, _ = bench.connect(session_of(owner).id)
    await until(lambda: bool(slow.all("sync") and quick.all("sync")))
    slow.acknowledge()
    quick.acknowledge()
    quick.replies = True
    change(owner, 50)
    await frame(quick)
    clock.skip(1.2)
    change(owner, 51)
    await frame(quick)
    assert owner.stale
    slow.acknowledge()
    await until(lambda: not owner.stale)
    assert same_picture(slow, owner)
    assert len(slow.all("size")) == 4


async def test_layers_that_are_gone_are_disposed_of_where_they_are_known(
    bench: Bench, clock: SkippingClock
) -> None:
    slow, owner = bench.connect()
    quick, _ = bench.connect(session_of(owner).id)
    display = session_of(owner).display
    layer = display.add_layer(FrameBuffer(9, 9))
    await until(lambda: slow.canvas.layers == quick.canvas.layers == [-1, 0, 1])
    slow.acknowledge()
    quick.acknowledge()
    quick.replies = True
    change(owner, 50)
    await frame(quick)
    clock.skip(1.2)
    display.remove(layer)
    change(owner, 51)
    await frame(quick)
    assert owner.stale
    slow.acknowledge()
    await until(lambda: slow.canvas.layers == [-1, 0])
    newcomer, _ = bench.connect(session_of(owner).id)
    await frame(newcomer)
    assert newcomer.all("dispose") == []


async def test_a_viewer_that_never_acknowledges_is_paced_but_served(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    for red in range(3):
        sketch(user).surface.fill(Rect(0, 0, 9, 9), (red + 1, 0, 0))
        session_of(user).context.changed()
        await frame(transport)
    assert same_picture(transport, user)


# ---- before the host is there


class SlowHandler(SketchHandler):
    """Connects when the test says so."""

    async def run(self) -> None:
        self.session.changed()
        await self.end


@pytest.fixture
async def slow_bench() -> AsyncIterator[Bench]:
    bench = Bench(handler=SlowHandler)
    yield bench
    await bench.close()


async def test_no_frame_goes_out_before_the_host_is_there(slow_bench: Bench) -> None:
    transport, user = slow_bench.connect()
    joiner, _ = slow_bench.connect(session_of(user).id)
    for red in range(3):
        change(user, red)
        await asyncio.sleep(0)
    assert {one.opcode for one in transport.received} == {"ready", "argv", "blob", "end", "msg"}
    session_of(user).context.set_connected()
    await frame(transport)
    await frame(joiner, 1)
    assert same_picture(transport, user)
    session_of(user).context.set_connected()
    await asyncio.sleep(0)
    assert len(transport.all("sync")) == 1


async def test_a_failure_before_the_host_is_there_is_no_picture(slow_bench: Bench) -> None:
    transport, user = slow_bench.connect()
    change(user, 50)
    sketch(user).fail(UpstreamError("nobody is there"))
    await until(lambda: transport.closed_with is not None)
    assert transport.all("error") == [("nobody is there", "515")]
    assert transport.all("sync") == []


async def test_what_a_handler_has_drawn_that_ends_at_once_is_seen(slow_bench: Bench) -> None:
    transport, user = slow_bench.connect()
    change(user, 50)
    sketch(user).end.set_result(None)
    await until(lambda: transport.closed_with is not None)
    assert same_picture(transport, user)


async def test_who_is_asked_sees_the_picture(slow_bench: Bench) -> None:
    transport, user = slow_bench.connect()
    asking = asyncio.create_task(session_of(user).context.ask("password"))
    await frame(transport)
    assert transport.all("required") == [("password",)]
    asking.cancel()


async def test_nothing_reaches_a_handler_that_has_not_started() -> None:
    bench = Bench()
    transport = MemoryTransport()
    opened = bench.registry.open("sketch", {}, ClientInfo(width=9, height=9), transport)
    note_session(opened)
    user = opened.user
    opened.take_over(InstructionParser(), [Instruction("key", ("65", "1"))])
    transport.send("key", 66, 1)
    assert sketch(user).events == [("joined", True)]
    await until(lambda: len(sketch(user).events) == 4)
    assert sketch(user).events[1:] == [("run",), ("key", 65, True), ("key", 66, True)]
    await bench.close()


# ---- turns


class BusyHandler(SketchHandler):
    """Needs twice a turn for a key."""

    def key(self, user: User, keysym: int, pressed: bool) -> None:
        super().key(user, keysym, pressed)
        end = thread_time() + 2 * TURN
        while thread_time() < end:
            pass


async def test_others_have_their_turn_while_one_user_sends_much() -> None:
    bench = Bench(handler=BusyHandler)
    greedy, user = bench.connect()
    modest, other = bench.connect()
    await until(lambda: bool(greedy.all("sync") and modest.all("sync")))
    start = len(sketch(user).events)
    greedy.receiver.data_received(
        b"".join(encode("key", 65, n % 2) + encode("size", 100 + n, 50) for n in range(8))
    )
    assert not greedy.reading
    modest.send("mouse", 1, 1, 0)
    assert sketch(other).events[-1] == ("mouse", 1, 1, 0)
    greedy.send("key", 66, 1)
    assert len(sketch(user).events) == start + 1, "the first key alone"
    await until(lambda: greedy.reading)
    assert sketch(user).events[start:] == [
        ("key", 65, False),
        ("resize", 107, 50),
        *[("key", 65, bool(n % 2)) for n in range(1, 8)],
        ("key", 66, True),
    ]
    await bench.close()


async def test_much_that_arrives_at_once_is_parsed_in_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    greedy, user = bench.connect()
    modest, other = bench.connect()
    await until(lambda: bool(greedy.all("sync") and modest.all("sync")))
    monkeypatch.setattr(reader, "perf_counter", count(step=2 * TURN).__next__)
    sizes = b"".join(encode("size", 100 + n, 50) for n in range(2000))
    greedy.receiver.data_received(sizes[:-5])
    greedy.receiver.data_received(sizes[-5:] + encode("key", 65, 1))
    assert not greedy.reading
    modest.send("mouse", 1, 1, 0)
    assert sketch(other).events[-1] == ("mouse", 1, 1, 0)
    assert sketch(user).events[-1] == ("run",)
    await until(lambda: greedy.reading)
    assert sketch(user).events[-2:] == [("resize", 2099, 50), ("key", 65, True)]
    greedy.receiver.data_received(sizes + b"?")
    assert greedy.closed_with is None
    await until(lambda: greedy.closed_with is not None)
    await bench.close()


async def test_who_waits_for_a_turn_is_not_silent() -> None:
    bench = Bench(handler=BusyHandler)
    greedy, user = bench.connect()
    await until(lambda: bool(greedy.all("sync")))
    greedy.receiver.data_received(b"".join(encode("key", 65, n % 2) for n in range(4)))
    assert not greedy.reading
    bench.registry.keep_alive(user.link.last_received + 100)
    user.link.last_received -= 100
    await until(lambda: greedy.reading)
    bench.registry.keep_alive(user.now() + LATER)
    assert greedy.closed_with is None
    await bench.close()


async def test_who_leaves_has_no_further_turn() -> None:
    bench = Bench(handler=BusyHandler)
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    second.receiver.data_received(b"".join(encode("key", 65, 1) for _ in range(5)))
    second.send("disconnect")
    second.receiver.connection_lost()
    before = len(sketch(owner).events)
    await frame(first)
    assert [event[0] for event in sketch(owner).events[before:] if event[0] == "key"] == []
    await bench.close()


# ---- rights and input


async def test_what_a_user_holds_is_released_when_it_leaves(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    await frame(second)
    second.send("key", 0xFFE3, 1)
    second.send("key", 97, 1)
    second.send("mouse", 7, 8, 1)
    second.send("touch", 5, 9, 9, 4, 4, 0, 1)
    first.send("touch", 5, 3, 3, 4, 4, 0, 1)
    first.send("key", 98, 1)
    second.receiver.connection_lost()
    assert sketch(owner).events[-5:] == [
        ("key", 97, False),
        ("key", 0xFFE3, False),
        ("mouse", 7, 8, 0),
        ("touch", Contact(id=5, x=9, y=9, radius_x=4, radius_y=4, force=0)),
        ("left", False),
    ]


async def test_touches_reach_the_handler_within_bounds(bench: Bench) -> None:
    transport, user = bench.connect()
    watcher, _ = bench.connect(session_of(user).id, read_only="true")
    await frame(transport)
    before = len(sketch(user).events)
    transport.send("touch", 0, 10, 20, 5, "6.7", "12.5", "0.25")
    transport.send("touch", 0, 9999, -5, -1, 99999, -90, 7)
    transport.send("touch", 7, 1, 1, 1, 1, 0, 0)
    transport.send("touch", 0, 30, 40, 5, 6, 0, 0)
    watcher.send("touch", 0, 10, 20, 5, 6, 0, 1)
    assert sketch(user).events[before:] == [
        ("touch", Contact(id=0, x=10, y=20, radius_x=5, radius_y=6, angle=12.5, force=0.25)),
        ("touch", Contact(id=0, x=199, y=0, radius_x=0, radius_y=RADIUS_MAX, angle=270, force=1)),
        ("touch", Contact(id=0, x=30, y=40, radius_x=5, radius_y=6, force=0)),
    ]


@pytest.mark.parametrize(
    "args", [("0", "1", "1", "1", "1", "0"), ("0", "1", "1", "1", "1", "0", "?")]
)
async def test_malformed_touches_end_their_user(bench: Bench, args: tuple[str, ...]) -> None:
    transport, _ = bench.connect()
    transport.send("touch", *args)
    assert transport.closed_with is not None


async def test_input_reaches_the_handler(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    transport.send("key", 65, 1)
    transport.send("mouse", 12, 13, 5)
    transport.send("mouse", "12.7", -4, 255)
    transport.send("mouse", 9999, 9999, 0)
    transport.send("size", 300, 150)
    assert sketch(user).events[2:] == [
        ("key", 65, True),
        ("mouse", 12, 13, 5),
        ("mouse", 12, 0, 31),
        ("mouse", 199, 99, 0),
        ("resize", 300, 150),
    ]
    await frame(transport)
    assert transport.canvas.size == (300, 150)


async def test_numbers_that_are_no_keysyms_are_ignored(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    for number in (-1, "-5e9", KEYSYM_MAX + 1, 1 << 32, "1e300", KEYSYM_MAX):
        transport.send("key", number, 1)
    assert sketch(user).events[2:] == [("key", KEYSYM_MAX, True)]


async def test_a_handler_may_accept_more_buttons(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SketchHandler, "pointer_buttons", 0x1FF)
    transport, user = bench.connect()
    transport.send("mouse", 1, 2, 0x100 | 1)
    transport.send("mouse", 1, 2, 0xFFFF)
    sketch(user).release_input(user)
    assert sketch(user).events[-3:] == [
        ("mouse", 1, 2, 0x101),
        ("mouse", 1, 2, 0x1FF),
        ("mouse", 1, 2, 0),
    ]


@pytest.mark.parametrize("size", [(0, 0), (0, 50), (-3, 9)])
async def test_a_hidden_window_does_not_resize(bench: Bench, size: tuple[int, int]) -> None:
    transport, user = bench.connect()
    transport.send("size", *size)
    assert ("resize", *size) not in sketch(user).events


async def test_a_giant_window_is_held_within_limits() -> None:
    bench = Bench(Settings.model_validate({"display": {"max_width": 900, "max_height": 700}}))
    transport, user = bench.connect()
    transport.send("size", 100000, 100000)
    assert sketch(user).events[-1] == ("resize", 900, 700)
    with pytest.raises(BadRequestError, match="at most 900x9 pixels of it are allowed"):
        bench.connect(info=ClientInfo(width=901, height=9))
    await bench.close()


async def test_read_only_joiner_has_no_input(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id, read_only="true")
    await frame(second)
    before = list(sketch(owner).events)
    for opcode, *args in [
        ("key", 65, 1),
        ("mouse", 1, 1, 1),
        ("size", 50, 50),
        ("blob", 0, "QQ=="),
    ]:
        second.send(str(opcode), *args)
    assert sketch(owner).events == before
    second.send("clipboard", 3, "text/plain")
    second.send("pipe", 4, "text/plain", "STDIN")
    assert [ack[0::2] for ack in second.all("ack")] == [("3", "256"), ("4", "256")]
    assert first.closed_with is None


async def test_pointers_are_shown_to_the_others(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    await frame(second)
    second.send("mouse", 5, 6, 1)
    assert first.canvas.pointer == (5, 6)
    assert second.canvas.pointer is None


async def test_a_joiner_learns_where_the_pointer_is(bench: Bench) -> None:
    first, owner = bench.connect()
    alone, _ = bench.connect(session_of(owner).id)
    assert not alone.all("mouse"), "nobody has moved it"
    first.send("mouse", 5, 6, 1)
    third, _ = bench.connect(session_of(owner).id)
    assert third.canvas.pointer == (5, 6)
    assert third.all("mouse")[0][2] == "1"


async def test_the_host_moves_the_pointer_of_everybody(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    first.send("mouse", 9, 9, 4)
    session_of(owner).context.move_pointer(30, 40)
    assert first.canvas.pointer == second.canvas.pointer == (30, 40)
    assert first.all("mouse")[-1][2] == "4", "what is held stays held"
    for x in range(1000):
        session_of(owner).context.move_pointer(x, -5)
    await until(lambda: first.canvas.pointer == second.canvas.pointer == (199, 0))
    assert len(first.all("mouse")) < 10, "no more often than frames"


async def test_a_name_that_turns_text_around_is_told_without_it(bench: Bench) -> None:
    first, owner = bench.connect()
    _, joiner = bench.connect(session_of(owner).id, info=ClientInfo(name="\u202eAn\x1bn\u200b"))
    assert first.all("msg") == [("1", joiner.id, "Ann")]


async def test_owner_is_told_who_comes_and_goes(bench: Bench) -> None:
    first, owner = bench.connect()
    second, joiner = bench.connect(session_of(owner).id)
    second.send("disconnect")
    assert first.all("msg") == [("1", joiner.id, "somebody"), ("2", joiner.id, "somebody")]
    assert second.closed_with == Status.SUCCESS
    assert sketch(owner).events[-1] == ("left", False)


async def test_old_clients_get_no_msg(bench: Bench) -> None:
    first, owner = bench.connect(info=ClientInfo(version=(1, 3, 0)))
    bench.connect(session_of(owner).id)
    assert first.all("msg") == []


# ---- streams


async def test_clipboard_arrives_whole(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("clipboard", 0, "text/plain")
    transport.send("blob", 0, "aGVs")
    transport.send("blob", 0, "bG8=")
    transport.send("end", 0)
    assert sketch(user).events[-1] == ("clipboard", "text/plain", b"hello")
    assert [ack[2] for ack in transport.all("ack")] == ["0", "0"]


async def test_a_user_opens_no_more_streams_than_its_memory_holds() -> None:
    bench = Bench(Settings.model_validate({"session": {"max_user_memory": 1 << 20}}))
    transport, user = bench.connect()
    blob, most = b64encode(bytes(6000)).decode(), (1 << 20) // 6000
    for index in range(most):
        transport.send("clipboard", index, "text/plain")
        transport.send("blob", index, blob)
    assert {ack[2] for ack in transport.all("ack")} == {"0"}
    transport.send("clipboard", most, "text/plain")
    transport.send("blob", most, blob)
    assert transport.all("ack")[-1] == (
        str(most),
        "the clipboard needs 6000 bytes, of which 4576 are left (session.max_user_memory): end or "
        "shrink something else first",
        "781",
    )
    for index in range(0, most, 2):
        transport.send("end", index)
    for index in range(1, most, 2):  # opened anew
        transport.send("clipboard", index, "text/plain")
    assert user.memory.used == 0
    transport.send("blob", 1, blob)
    transport.send("disconnect")
    assert user.memory.used == 0
    await bench.close()


async def test_a_clipboard_beyond_the_limit_is_refused_not_cut(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("clipboard", 0, "text/plain")
    limit = session_of(user).context.clipboard_limit
    blob = "QUFB" * 2016
    for _ in range(limit // 6048):
        transport.send("blob", 0, blob)
    assert all(ack[2] == "0" for ack in transport.all("ack"))
    transport.send("blob", 0, blob)
    assert transport.all("ack")[-1][2] == "781"
    transport.send("end", 0)
    assert sketch(user).events[-1][0] != "clipboard"


async def test_pasting_can_be_disabled(bench: Bench) -> None:
    transport, _ = bench.connect(disable_paste="true")
    transport.send("clipboard", 0, "text/plain")
    assert transport.all("ack")[-1][2] == "771"


async def test_a_page_learns_which_clipboards_are_accepted(bench: Bench) -> None:
    transport, user = bench.connect(info=ClientInfo(clipboard=("text/html",)))
    (index, *_, name) = transport.all("argv")[0]
    assert name == "clipboard"
    (told,) = (blob for at, blob in transport.all("blob") if at == index)
    limit = session_of(user).settings.session.max_clipboard
    expected = {"types": ["text/plain"], "limit": limit, "files": False}
    assert json.loads(b64decode(told)) == expected


async def test_pasting_several_types(bench: Bench) -> None:
    transport, user = bench.connect()
    for index, data in enumerate((pack({"text/html": b"<b>", "text/plain": b"a"}), b"nonsense")):
        transport.send("clipboard", index, SEVERAL)
        transport.send("blob", index, b64encode(data).decode())
        transport.send("end", index)
    assert sketch(user).events[-1] == ("clipboard", "text/plain", b"a")
    assert transport.all("ack")[-1][2] == "768"


async def test_live_parameters(bench: Bench) -> None:
    transport, user = bench.connect()
    assert transport.all("argv")[0][1:] == ("text/plain", "colour")
    transport.send("argv", 1, "text/plain", "colour")
    transport.send("blob", 1, "Ymx1ZQ==")
    transport.send("end", 1)
    assert sketch(user).colour == "blue"
    assert len(transport.all("argv")) == 2
    transport.send("argv", 1, "text/plain", "hostname")
    assert transport.all("ack")[-1][2] == "771"
    transport.send("argv", 1, "text/plain", "colour")
    transport.send("blob", 1, "bm9uZQ==")
    transport.send("end", 1)
    assert transport.all("ack")[-1][1:] == ("none is no colour", "768")


async def test_values_of_a_flood_are_few_and_the_newest(bench: Bench) -> None:
    owner, user = bench.connect()
    joiner, _ = bench.connect(session_of(user).id)
    for number in range(1000):
        joiner.send("argv", 1, "text/plain", "colour")
        joiner.send("blob", 1, b64encode(b"blue" if number % 2 else b"red").decode())
        joiner.send("end", 1)
    session_of(user).close()
    assert len(owner.all("argv")) < 100
    values = [text for _, text in owner.all("blob") if text in ("Ymx1ZQ==", "cmVk")]
    assert values[-1] == "Ymx1ZQ=="


async def test_streams_of_handlers(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("file", 0, "text/plain", "a.txt")
    assert transport.all("ack")[-1][2] == "256"
    transport.send("pipe", 1, "text/plain", "STDIN")
    stream = sketch(user).stream
    assert stream is not None
    got: list[bytes] = []
    stream.on_blob = got.append
    transport.send("blob", 1, "aGk=")
    assert got == [b"hi"]


@pytest.mark.parametrize("instruction", [("blob", 7, "QQ=="), ("end", 7)])
async def test_unknown_streams_are_answered(bench: Bench, instruction) -> None:  # type: ignore[no-untyped-def]
    transport, _ = bench.connect()
    transport.send(*instruction)
    assert transport.all("ack")[-1][2] == "768"
    assert transport.closed_with is None


async def test_broken_base64_is_answered(bench: Bench) -> None:
    transport, _ = bench.connect()
    transport.send("clipboard", 0, "text/plain")
    transport.send("blob", 0, "ü!")
    assert transport.all("ack")[-1][2] == "768"


# ---- errors of clients


@pytest.mark.parametrize(
    "data",
    [
        encode("sync", 99_999_999_999),
        encode("key"),
        encode("key", "x", 1),
        encode("mouse", 1),
        encode("blob", "x", "QQ=="),
        encode("clipboard", 512, "text/plain"),
        b"nonsense",
        b"9000.",
    ],
)
async def test_a_broken_client_is_dropped_and_the_others_stay(bench: Bench, data: bytes) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    second.receiver.data_received(data)
    assert second.all("error")[-1][1] == str(int(Status.CLIENT_BAD_REQUEST))
    assert second.closed_with == Status.CLIENT_BAD_REQUEST
    assert first.closed_with is None
    await frame(first)


async def test_unknown_opcodes_are_ignored(bench: Bench) -> None:
    transport, _ = bench.connect()
    transport.send("usbconnect", 1)
    transport.send("", "something")
    assert transport.closed_with is None


async def test_tunnel_pings_are_echoed(bench: Bench) -> None:
    transport, _ = bench.connect()
    transport.receiver.data_received(encode("", "ping", 1234))
    assert transport.received[-1].args == ("ping", "1234")


async def test_what_follows_a_disconnect_is_not_carried_out(bench: Bench) -> None:
    transport, user = bench.connect()
    handler = sketch(user)
    transport.receiver.data_received(encode("disconnect") + encode("key", 65, 1))
    assert ("key", 65, True) not in handler.events


# ---- time


async def test_silence_ends_a_client(bench: Bench) -> None:
    transport, user = bench.connect()
    bench.registry.keep_alive(user.link.last_received + 14.9)
    assert transport.closed_with is None
    bench.registry.keep_alive(user.link.last_received + 15.1)
    sentence, status = transport.all("error")[-1]
    assert "nothing came from this client for " in sentence
    assert status == str(int(Status.CLIENT_TIMEOUT))


async def test_who_may_not_speak_is_not_silent(bench: Bench) -> None:
    transport, user = bench.connect()
    session_of(user).context.pause_input()
    second, _ = bench.connect(session_of(user).id)
    assert (transport.reading, second.reading) == (False, False)
    bench.registry.keep_alive(user.link.last_received + 100)
    assert transport.closed_with is None
    user.link.last_received -= 100
    session_of(user).context.resume_input()
    bench.registry.keep_alive(user.now() + LATER)
    assert transport.closed_with is None
    assert (transport.reading, second.reading) == (True, True)


async def test_a_standstill_is_not_the_clients_silence(bench: Bench) -> None:
    stuck, owner = bench.connect()
    await frame(stuck)
    stuck.stalled = True
    owner.send(encode("nop"))
    now = owner.now()
    bench.registry.keep_alive(now)
    bench.registry.stood_still(100)
    bench.registry.keep_alive(now + 100)
    assert stuck.closed_with is None
    bench.registry.keep_alive(now + 116)
    assert stuck.closed_with == Status.CLIENT_TIMEOUT


async def test_a_nop_keeps_clients_alive(bench: Bench) -> None:
    transport, user = bench.connect()
    bench.registry.keep_alive(user.link.last_sent + 4.5)
    assert transport.all("nop") == []
    bench.registry.keep_alive(user.link.last_sent + 5.5)
    assert transport.all("nop") == [()]


@pytest.mark.parametrize("data", [encode("nop"), encode("mouse", 1, 1, 0) + encode("nop")])
async def test_a_nop_is_answered_at_once(bench: Bench, clock: SkippingClock, data: bytes) -> None:
    transport, user = bench.connect()
    clock.skip(ANSWER + 0.1)
    transport.receiver.data_received(data)
    assert transport.all("nop") == [()]
    bench.registry.keep_alive(user.now() + KEEP_ALIVE - 0.5)
    assert transport.all("nop") == [()], "the client needs no other keep-alive"
    bench.registry.keep_alive(user.now() + KEEP_ALIVE + 0.1)
    assert transport.all("nop") == [(), ()]


async def test_nops_are_not_answered_without_pause(bench: Bench, clock: SkippingClock) -> None:
    transport, _ = bench.connect()
    for _ in range(100):
        transport.send("nop")
    assert transport.all("nop") == []
    clock.skip(ANSWER + 0.1)
    transport.receiver.data_received(encode("nop") * 100)
    assert transport.all("nop") == [()]


async def test_a_client_that_does_not_read_is_sent_no_answers(
    bench: Bench, clock: SkippingClock
) -> None:
    transport, user = bench.connect()
    await frame(transport)
    transport.stalled = True
    user.send(encode("name", "x"))
    written = transport.written
    clock.skip(ANSWER + 0.1)
    transport.send("nop")
    assert transport.written == written


@pytest.mark.parametrize(
    ("text", "x"),
    [
        ("17", 17), ("-1", 0), ("17.9", 17), ("33.333333333333336", 33), ("1e1", 10),
        ("1e400", 199), ("9" * 300, 199), ("-1e999", 0), ("12." + "3" * 300, 12),
    ],
)  # fmt: skip
async def test_numbers_as_browsers_write_them(bench: Bench, text: str, x: int) -> None:
    transport, user = bench.connect()
    transport.send("mouse", text, "5", "0")
    assert sketch(user).events[-1] == ("mouse", x, 5, 0)
    assert transport.all("error") == []


@pytest.mark.parametrize(
    "text",
    [
        "1_0",
        "\N{ARABIC-INDIC DIGIT THREE}",
        "²",
        " 1",
        "+1",
        "0x10",
        "nan",
        "inf",
        "",
        "1.5.2",
        "9" * 500,
    ],
)
async def test_what_is_no_number(bench: Bench, text: str) -> None:
    transport, _ = bench.connect()
    transport.send("mouse", text, "5", "0")
    assert "is not a number" in transport.all("error")[0][0]


async def test_a_nop_within_an_instruction_is_a_part_of_it(bench: Bench) -> None:
    transport, _ = bench.connect()
    for part in (b"3.key,6.", b"3.nop;", b",1.1;"):
        transport.receiver.data_received(part)
    assert "'3.nop;' is not a number" in transport.all("error")[0][0]


async def test_a_stuck_client_is_dropped(bench: Bench) -> None:
    stuck, owner = bench.connect()
    other, _ = bench.connect(session_of(owner).id)
    await frame(stuck)
    stuck.stalled = True
    owner.send(encode("nop"))
    now = owner.now()
    for step in range(5):
        owner.link.last_received = now + step * 5
        for user in session_of(owner).users:
            user.link.last_received = now + step * 5
        bench.registry.keep_alive(now + step * 5 + 0.5)
    assert stuck.closed_with == Status.CLIENT_TIMEOUT
    assert other.closed_with is None


# ---- the end


async def test_the_last_picture_is_sent_before_the_end(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    handler = sketch(user)
    handler.surface.fill(Rect(0, 0, 50, 50), (1, 2, 3))
    handler.end.set_result(None)
    await until(lambda: transport.closed_with is not None)
    assert same_picture(transport, user)
    assert transport.received[-1].opcode == "disconnect"
    assert transport.all("error") == []
    assert bench.registry.sessions == {}


async def test_a_failure_reaches_every_user(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    await frame(second)
    sketch(owner).fail(UpstreamError("the host went away"))
    await until(lambda: first.closed_with is not None)
    for transport in (first, second):
        assert transport.all("error") == [("the host went away", "515")]
        assert transport.closed_with == Status.UPSTREAM_ERROR


@pytest.mark.parametrize("error", [OSError(errno.EMFILE, "x"), MemoryError()])
async def test_a_machine_that_is_full_is_no_internal_error(
    bench: Bench, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    transport, user = bench.connect()
    sketch(user).fail(error)
    await until(lambda: transport.closed_with is not None)
    ((sentence, status),) = transport.all("error")
    assert "too many open files" in sentence or "out of memory" in sentence
    assert int(status) == Status.SERVER_BUSY
    assert "Traceback" not in caplog.text


async def test_a_task_that_fails_ends_the_session_with_its_error(bench: Bench) -> None:
    transport, user = bench.connect()

    async def read() -> None:
        raise UpstreamError("the host went away")

    async def wait() -> None:
        await asyncio.Event().wait()

    reader = session_of(user).context.start_task(read(), "reader")
    other = session_of(user).context.start_task(wait(), "other")
    await until(lambda: transport.closed_with is not None)
    assert transport.all("error") == [("the host went away", "515")]
    await until(lambda: ("ended",) in sketch(user).events)
    assert (reader.cancelled(), other.cancelled()) == (False, True)


async def broken() -> None:
    raise RuntimeError("a bug")


async def test_a_task_that_returns_ends_nothing(bench: Bench) -> None:
    transport, user = bench.connect()

    async def work() -> None:
        await asyncio.sleep(0)

    await frame(transport)
    await session_of(user).context.start_task(work(), "work")
    change(user, 50)
    await frame(transport)
    assert transport.closed_with is None


@pytest.mark.parametrize("where", ["run", "task", "key"])
async def test_a_bug_ends_the_session_without_details(
    bench: Bench, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    transport, user = bench.connect()
    if where == "run":
        sketch(user).fail(RuntimeError("a bug"))
    elif where == "task":
        session_of(user).context.start_task(broken(), "broken")
    else:
        transport.send("key", 0xDEAD, 1)
    await until(lambda: transport.closed_with is not None)
    assert transport.all("error")[0][1] == "512"
    assert "a bug" not in transport.all("error")[0][0]
    assert "a bug" in caplog.text


async def test_the_session_ends_with_its_last_user(bench: Bench) -> None:
    first, owner = bench.connect()
    second, joiner = bench.connect(session_of(owner).id)
    await frame(second)
    handler = sketch(owner)
    first.send("disconnect")
    assert session_of(joiner).id in bench.registry.sessions
    second.receiver.connection_lost()
    assert session_of(joiner).closed
    await until(lambda: handler.events[-1] == ("ended",))


async def test_viewers_with_no_format_in_common_are_sent_png(bench: Bench) -> None:
    joined = ""
    viewers: list[MemoryTransport] = []
    for accepted in ("image/png", "image/webp"):
        info = ClientInfo(width=300, height=300, version=(1, 5, 0), image=(accepted,))
        viewer, user = bench.connect(joined or "sketch", info)
        joined = session_of(user).id
        viewers.append(viewer)
    noise = np.random.default_rng(1).integers(0, 256, (300, 300, 4), np.uint8)
    sketch(user).surface.blit(Rect(0, 0, 300, 300), noise)
    for viewer in viewers:
        await until(lambda viewer=viewer: viewer.all("sync"))  # type: ignore[misc]
        assert {image[3] for image in viewer.all("img")} == {"image/png"}


async def test_no_key_of_many_stays_pressed(bench: Bench) -> None:
    _, owner = bench.connect()
    joiner, _ = bench.connect(session_of(owner).id)
    keys = range(1, KEYS_MAX + 2)
    for keysym in keys:
        joiner.send("key", keysym, 1)
    events = sketch(owner).events
    assert events[-2:] == [("key", 1, False), ("key", KEYS_MAX + 1, True)]
    joiner.receiver.connection_lost()
    assert sorted(event[1] for event in events if event[2:] == (False,)) == list(keys)  # type: ignore[type-var]


async def test_closing_twice_is_harmless(bench: Bench) -> None:
    transport, user = bench.connect()
    session_of(user).close()
    session_of(user).close(UpstreamError("late"))
    session_of(user).detach(user)
    assert transport.all("error") == []


async def test_shutdown_tells_everybody(bench: Bench) -> None:
    transport, _ = bench.connect()
    await bench.registry.close()
    assert transport.closed_with == Status.UPSTREAM_UNAVAILABLE
    assert transport.all("error")[0][1] == "520"


# ---- the registry


async def test_opening_what_is_not_there(bench: Bench) -> None:
    with pytest.raises(UnsupportedError, match="sketch"):
        bench.connect("skech")
    with pytest.raises(NotFoundError, match="unknown connection"):
        bench.connect("$00000000-0000-0000-0000-000000000000")
    with pytest.raises(BadRequestError, match="level"):
        bench.connect(level="10")
    assert bench.registry.sessions == {}


async def test_limits_of_users_and_sessions() -> None:
    settings = Settings.model_validate({"server": {"max_sessions": 1}, "session": {"max_users": 2}})
    bench = Bench(settings)
    _, owner = bench.connect()
    with pytest.raises(BusyError, match="1"):
        bench.connect()
    bench.connect(session_of(owner).id)
    with pytest.raises(TooManyError, match="2"):
        bench.connect(session_of(owner).id)
    await bench.close()
