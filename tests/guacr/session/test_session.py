"""A session and its users: joining, rights, input, frames, slow viewers, the end."""

import asyncio
from base64 import b64encode
from collections.abc import AsyncIterator

import numpy as np
import pytest

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.display.pixels import BgrxPixels
from guacr.errors import (
    BadRequestError,
    BusyError,
    NotFoundError,
    TooManyError,
    UnsupportedError,
    UpstreamError,
)
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import encode
from guacr.protocol.status import Status
from guacr.session.user import User
from guacr.settings import Settings
from tests.support.clock import SkippingClock
from tests.support.loopback import Bench, MemoryTransport, frame, sketch, until


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
    assert transport.received[0].args == (user.session.id,)
    assert transport.canvas.size == (200, 100)
    assert same_picture(transport, user)


async def test_the_first_picture_is_drawn_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Rect] = []
    pixels = FrameBuffer.pixels

    def counted(surface: FrameBuffer, rect: Rect) -> BgrxPixels:
        drawn.append(rect)
        return pixels(surface, rect)

    monkeypatch.setattr(FrameBuffer, "pixels", counted)
    transport, _ = bench.connect()
    await frame(transport)
    assert drawn == [Rect(0, 0, 200, 100)]


async def test_changes_follow(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    for red in (50, 100, 150):
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (red, 0, 0))
        user.session.changed()
        await frame(transport)
        transport.acknowledge()
        assert same_picture(transport, user)


async def test_many_changes_are_few_frames(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    loop = asyncio.get_running_loop()
    started = loop.time()
    while loop.time() < started + 0.25:
        sketch(user).surface.fill(Rect(10, 10, 20, 20), (int(loop.time() * 1e4) % 256, 0, 0))
        user.session.changed()
        await asyncio.sleep(0)
    assert 5 <= len(transport.all("sync")) <= 17


async def test_a_joiner_gets_the_whole_picture_and_then_the_changes(bench: Bench) -> None:
    first, owner = bench.connect()
    await frame(first)
    sketch(owner).surface.fill(Rect(10, 10, 20, 20), (9, 8, 7))
    owner.session.changed()
    await frame(first)
    second, joiner = bench.connect(owner.session.id)
    await frame(second)
    assert same_picture(second, owner)
    assert not joiner.owner
    sketch(owner).surface.fill(Rect(30, 10, 20, 20), (7, 8, 7))
    owner.session.changed()
    await frame(second)
    assert same_picture(second, owner)
    assert same_picture(first, owner)
    assert len(second.all("size")) == 2, "layer 0 and the cursor, once"


async def test_a_slow_viewer_misses_frames_and_catches_up(bench: Bench) -> None:
    slow, owner = bench.connect(info=ClientInfo(width=800, height=600))
    quick, _ = bench.connect(owner.session.id)
    await frame(slow)
    await frame(quick, 1)
    slow.stalled = True
    slow.replies = quick.replies = True
    noise = np.random.default_rng(1)
    for _ in range(12):
        pixels = noise.integers(0, 256, (400, 400, 4), dtype="uint8")
        sketch(owner).surface.blit(Rect(0, 0, 400, 400), pixels)
        owner.session.changed()
        await frame(quick)
    assert owner.stale
    high_water = owner.session.settings.session.send_high_water
    assert slow.buffered < 4 * high_water, "it holds a frame or two beyond the mark, not all"
    slow.drain()
    await until(lambda: not owner.stale)
    await until(lambda: not owner.session.display.lossy)
    await until(lambda: same_picture(slow, owner) and same_picture(quick, owner))


def change(owner: User, red: int) -> None:
    sketch(owner).surface.fill(Rect(0, 0, 9, 9), (red, 0, 0))
    owner.session.changed()


async def test_viewers_that_are_equally_late_get_what_changed(
    bench: Bench, clock: SkippingClock
) -> None:
    transports = [bench.connect()]
    owner = transports[0][1]
    transports.append(bench.connect(owner.session.id))
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
    quick, _ = bench.connect(owner.session.id)
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
    quick, _ = bench.connect(owner.session.id)
    display = owner.session.display
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
    newcomer, _ = bench.connect(owner.session.id)
    await frame(newcomer)
    assert newcomer.all("dispose") == []


async def test_a_viewer_that_never_acknowledges_is_paced_but_served(bench: Bench) -> None:
    transport, user = bench.connect()
    await frame(transport)
    transport.acknowledge()
    for red in range(3):
        sketch(user).surface.fill(Rect(0, 0, 9, 9), (red + 1, 0, 0))
        user.session.changed()
        await frame(transport)
    assert same_picture(transport, user)


# ---- rights and input


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
    with pytest.raises(BadRequestError, match="900x700"):
        bench.connect(info=ClientInfo(width=901, height=9))
    await bench.close()


async def test_read_only_joiner_has_no_input(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(owner.session.id, read_only="true")
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
    second, _ = bench.connect(owner.session.id)
    await frame(second)
    second.send("mouse", 5, 6, 1)
    assert first.canvas.pointer == (5, 6)
    assert second.canvas.pointer is None


async def test_owner_is_told_who_comes_and_goes(bench: Bench) -> None:
    first, owner = bench.connect()
    second, joiner = bench.connect(owner.session.id)
    second.send("disconnect")
    assert first.all("msg") == [("1", joiner.id, "somebody"), ("2", joiner.id, "somebody")]
    assert second.closed_with == Status.SUCCESS
    assert sketch(owner).events[-1] == ("left", False)


async def test_old_clients_get_no_msg(bench: Bench) -> None:
    first, owner = bench.connect(info=ClientInfo(version=(1, 3, 0)))
    bench.connect(owner.session.id)
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


async def test_a_clipboard_beyond_the_limit_is_refused_not_cut(bench: Bench) -> None:
    transport, user = bench.connect()
    transport.send("clipboard", 0, "text/plain")
    limit = user.session.clipboard_limit
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


async def test_copying_can_be_disabled_for_one_user(bench: Bench) -> None:
    first, owner = bench.connect()
    second, _ = bench.connect(owner.session.id, disable_copy="true")
    owner.session.send_clipboard("text/plain", b"secret")
    assert len(first.all("clipboard")) == 1
    assert second.all("clipboard") == []


async def test_titles_and_clipboards_of_a_flood_are_few_and_the_newest(bench: Bench) -> None:
    transport, user = bench.connect()
    session = user.session
    for number in range(10_000):
        session.set_name(f"title {number}")
        session.send_clipboard("text/plain", b"%d" % number)
        if number % 1000 == 0:
            await asyncio.sleep(0)
    assert transport.all("name")[0] == ("title 0",)
    await until(lambda: transport.all("name")[-1] == ("title 9999",))
    await until(lambda: transport.all("blob")[-1][1] == b64encode(b"9999").decode())
    passed = 2 + 10 * session.settings.display.frame_rate  # it took less than ten seconds
    assert 2 <= len(transport.all("name")) < passed
    assert 2 <= len(transport.all("clipboard")) < passed
    joiner, _ = bench.connect(session.id)
    assert joiner.all("name")[-1] == ("title 9999",)


async def test_the_last_title_and_clipboard_come_before_the_end(bench: Bench) -> None:
    transport, user = bench.connect()
    for name in ("one", "two", "three"):
        user.session.set_name(name)
        user.session.send_clipboard("text/plain", name.encode())
    user.session.close()
    assert transport.all("name") == [("one",), ("three",)]
    assert len(transport.all("clipboard")) == 2
    user.session.set_name("four")
    assert transport.all("name")[-1] == ("three",)


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
    second, _ = bench.connect(owner.session.id)
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
    bench.registry.keep_alive(user.last_received + 14.9)
    assert transport.closed_with is None
    bench.registry.keep_alive(user.last_received + 15.1)
    assert transport.all("error")[-1][1] == str(int(Status.CLIENT_TIMEOUT))


async def test_who_may_not_speak_is_not_silent(bench: Bench) -> None:
    transport, user = bench.connect()
    user.session.pause_input()
    second, _ = bench.connect(user.session.id)
    assert (transport.reading, second.reading) == (False, False)
    bench.registry.keep_alive(user.last_received + 100)
    assert transport.closed_with is None
    user.last_received -= 100
    user.session.resume_input()
    bench.registry.keep_alive(user.now())
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
    bench.registry.keep_alive(user.last_sent + 4.5)
    assert transport.all("nop") == []
    bench.registry.keep_alive(user.last_sent + 5.5)
    assert transport.all("nop") == [()]


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
    other, _ = bench.connect(owner.session.id)
    await frame(stuck)
    stuck.stalled = True
    owner.send(encode("nop"))
    now = owner.now()
    for step in range(5):
        owner.last_received = now + step * 5
        for user in owner.session.users.values():
            user.last_received = now + step * 5
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
    second, _ = bench.connect(owner.session.id)
    await frame(second)
    sketch(owner).fail(UpstreamError("the host went away"))
    await until(lambda: first.closed_with is not None)
    for transport in (first, second):
        assert transport.all("error") == [("the host went away", "515")]
        assert transport.closed_with == Status.UPSTREAM_ERROR


async def test_a_task_that_fails_ends_the_session_with_its_error(bench: Bench) -> None:
    transport, user = bench.connect()

    async def read() -> None:
        raise UpstreamError("the host went away")

    async def wait() -> None:
        await asyncio.Event().wait()

    reader = user.session.start_task(read(), "reader")
    other = user.session.start_task(wait(), "other")
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
    await user.session.start_task(work(), "work")
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
        user.session.start_task(broken(), "broken")
    else:
        transport.send("key", 0xDEAD, 1)
    await until(lambda: transport.closed_with is not None)
    assert transport.all("error")[0][1] == "512"
    assert "a bug" not in transport.all("error")[0][0]
    assert "a bug" in caplog.text


async def test_the_session_ends_with_its_last_user(bench: Bench) -> None:
    first, owner = bench.connect()
    second, joiner = bench.connect(owner.session.id)
    await frame(second)
    handler = sketch(owner)
    first.send("disconnect")
    assert joiner.session.id in bench.registry.sessions
    second.receiver.connection_lost()
    assert joiner.session.closed
    await until(lambda: handler.events[-1] == ("ended",))


async def test_closing_twice_is_harmless(bench: Bench) -> None:
    transport, user = bench.connect()
    user.session.close()
    user.session.close(UpstreamError("late"))
    user.session.detach(user)
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
    with pytest.raises(NotFoundError, match="no such connection"):
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
    bench.connect(owner.session.id)
    with pytest.raises(TooManyError, match="2"):
        bench.connect(owner.session.id)
    await bench.close()
