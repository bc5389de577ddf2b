"""Limits of bytes per second: frames, files and input wait, and nothing is cut."""

import asyncio
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from guacr.display.framebuffer import FrameBuffer
from guacr.display.geometry import Rect
from guacr.errors import UpstreamUnavailableError
from guacr.limits.book import BYTES_LEAST
from guacr.limits.ledger import LocalLedger
from guacr.limits.refusal import Scope
from guacr.limits.traffic import Flows, TrafficLimits
from guacr.session.frames.viewer import Viewer
from guacr.session.origin import Origin, TokenTerms
from guacr.settings.limits import OwnLimits
from tests.guacr.limits.conftest import LimitedBench, MakeLimited
from tests.support.clock import FrozenClock
from tests.support.loopback import frame, sketch, until

RATE = 100_000
ANN = Origin(subject="ann")


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


async def passes(
    clock: FrozenClock, seconds: float, work: Callable[[], None] | None = None
) -> None:
    until = clock.now + seconds
    while clock.now < until - 1e-6:
        if work is not None:
            work()
        await clock.pass_by(0.02)


def noise(surface: FrameBuffer) -> None:
    pixels = np.random.default_rng().integers(0, 255, (100, 200, 4), dtype=np.uint8)
    surface.blit(Rect(0, 0, 200, 100), pixels)


async def test_nobody_waits_for_counts_that_do_not_come(monkeypatch: pytest.MonkeyPatch) -> None:
    async def use(*_: object) -> float:
        raise UpstreamUnavailableError("a process of the daemon does not answer: try again")

    ledger = LocalLedger()
    monkeypatch.setattr(ledger, "use", use)
    flow = Flows(ledger).enter("ann", RATE)
    await until(lambda: not flow.is_full)


class Recording(Viewer):
    """A viewer that is not a user, and has no limit."""

    sets_pace = False
    buffered = 0

    def send(self, data: bytes) -> None:
        pass


class Limited:
    """A user whose session shows noise, or pictures that do not change."""

    def __init__(self, bench: LimitedBench, origin: Origin = ANN, select: str = "sketch") -> None:
        self.transport, self.reader = bench.open(origin, select=select)
        self.transport.replies = True
        self.surface = sketch(self.reader.user).surface

    def work(self) -> None:
        noise(self.surface)
        self.reader.session.context.changed()

    @property
    def shows_all(self) -> bool:
        shown = self.transport.canvas.flatten().astype(int)
        return bool(np.abs(shown - self.surface.array[..., 2::-1]).max() < 200)


async def test_frames_keep_to_a_rate(make_bench: MakeLimited, clock: FrozenClock) -> None:
    bench = make_bench(limits={"bytes_per_subject": RATE})
    free = Limited(bench, Origin(subject="bob", connection="other"))
    one = Limited(bench)
    await frame(one.transport, 1)
    before = one.transport.written
    await passes(clock, 5, one.work)
    used = one.transport.written - before
    assert 0.8 * 5 * RATE < used < 5 * RATE + RATE + 50_000  # a second's worth, and a frame
    assert len(one.transport.all("sync")) > 10
    assert {stale.opcode for stale in one.transport.received} >= {"img", "sync"}
    await passes(clock, 3)
    assert one.shows_all
    assert free.transport.closed_with is None


async def test_users_share_a_rate(make_bench: MakeLimited, clock: FrozenClock) -> None:
    bench = make_bench(limits={"bytes_per_subject": RATE})
    both = [Limited(bench), Limited(bench)]
    for one in both:
        await frame(one.transport, 1)
    before = [one.transport.written for one in both]

    def work() -> None:
        for one in both:
            one.work()

    await passes(clock, 5, work)
    used = [one.transport.written - size for one, size in zip(both, before, strict=True)]
    assert sum(used) < 6 * RATE + 100_000
    assert min(used) > RATE


async def test_guests_count_for_the_person_who_has_invited_them(
    make_bench: MakeLimited, clock: FrozenClock
) -> None:
    bench = make_bench(limits={"bytes_per_subject": RATE})
    owner = Limited(bench)
    guests = [
        Limited(bench, origin, owner.reader.session.id)
        for origin in (Origin(), Origin(subject="bob"))
    ]
    await frame(guests[1].transport, 1)
    users = [owner, *guests]
    before = [one.transport.written for one in users]
    await passes(clock, 5, owner.work)
    used = [one.transport.written - size for one, size in zip(users, before, strict=True)]
    assert used[0] + used[1] < 6 * RATE + 100_000
    assert 4 * RATE < used[2] < 6 * RATE + 100_000
    assert min(used) > 100_000


async def test_a_new_session_pays_for_the_one_before(
    make_bench: MakeLimited, clock: FrozenClock
) -> None:
    bench = make_bench(limits={"bytes_per_subject": BYTES_LEAST})
    one = Limited(bench)
    await frame(one.transport, 1)
    one.reader.session.presentation.messages.send_clipboard({"text/plain": b"x" * 10 * BYTES_LEAST})
    await clock.pass_by(0.1)
    one.transport.receiver.connection_lost()
    await passes(clock, 1)
    two = Limited(bench)
    await passes(clock, 5)
    assert not two.transport.all("sync")
    await passes(clock, 10)
    assert two.transport.all("sync")
    assert two.shows_all
    two.reader.session.close()
    assert two.reader.user.link.meter is None


async def test_users_without_a_limit_do_not_wait_for_others(
    make_bench: MakeLimited, clock: FrozenClock
) -> None:
    bench = make_bench()
    owner = Limited(bench, Origin())
    terms = TokenTerms("t", limits=OwnLimits(bytes=10_000))
    joiner = Limited(bench, Origin(terms=terms), owner.reader.session.id)
    await frame(joiner.transport, 1)
    for one in (owner, joiner):
        one.transport.received.clear()
    await passes(clock, 5, owner.work)
    assert len(owner.transport.all("sync")) > 100
    assert 1 <= len(joiner.transport.all("sync")) < 20
    await passes(clock, 30)
    assert joiner.shows_all


async def test_a_user_who_waits_misses_no_changes(
    make_bench: MakeLimited, clock: FrozenClock
) -> None:
    bench = make_bench(limits={"bytes_per_subject": BYTES_LEAST})
    one = Limited(bench)
    recording = Recording()
    one.reader.session.presentation.add_viewer(recording)
    one.work()
    await frame(one.transport, 1)
    await passes(clock, 5)
    assert one.reader.user.pacing.rate_limit == BYTES_LEAST
    one.reader.user.link.meter.sent(3 * BYTES_LEAST)  # type: ignore[union-attr]
    await clock.pass_by(0.1)
    before, frames = one.transport.written, len(one.transport.all("sync"))
    one.surface.blit(Rect(5, 5, 1, 1), np.zeros((1, 1, 4), np.uint8))
    one.reader.session.context.changed()
    await passes(clock, 1)
    assert len(one.transport.all("sync")) == frames
    assert not recording.stale
    await passes(clock, 2)
    assert len(one.transport.all("sync")) > frames
    assert one.transport.written - before < 2000  # not the whole picture
    assert one.shows_all


async def test_files_keep_to_a_rate(make_bench: MakeLimited, clock: FrozenClock) -> None:
    bench = make_bench(limits={"bytes_per_subject": RATE})
    one = Limited(bench)
    await frame(one.transport, 1)
    user = one.reader.user

    async def send() -> None:
        async with user.outputs.open_file("big", "text/plain") as stream:
            for _ in range(20):
                await stream.write(b"x" * 30_000)

    def acknowledge() -> None:
        for index, *_ in one.transport.all("file") + one.transport.all("blob"):
            one.transport.send("ack", index, "OK", 0)
        one.transport.received.clear()

    task = asyncio.create_task(send())
    await passes(clock, 4, acknowledge)
    assert [task.done()] == [False]
    one.reader.user.link.meter.sent(30 * RATE)  # type: ignore[union-attr]
    await passes(clock, 30, acknowledge)
    assert [task.done()] == [False]
    await passes(clock, 6, acknowledge)
    assert task.done()
    assert task.exception() is None
    assert one.transport.closed_with is None


async def test_input_waits(make_bench: MakeLimited, clock: FrozenClock) -> None:
    bench = make_bench(limits={"bytes_per_subject": BYTES_LEAST})
    one = Limited(bench)
    await frame(one.transport, 1)
    assert one.transport.reading
    for _ in range(BYTES_LEAST // 100):
        one.transport.send("key", 65, 1)
        one.transport.receiver.data_received(b"9.unknown-x,200." + b"y" * 200 + b";")
    await clock.pass_by(0.1)
    assert one.transport.reading
    one.transport.send("key", 65, 0)  # this is read, and nothing after it
    assert [one.transport.reading] == [False]
    bench.registry.keep_alive(clock.now)
    await passes(clock, 0.5)
    assert [one.transport.reading] == [False]
    await passes(clock, 3)
    assert one.transport.reading
    assert ("key", 65, True) in sketch(one.reader.user).events
    assert one.transport.closed_with is None


async def test_what_is_held_does_not_time_out(make_bench: MakeLimited, clock: FrozenClock) -> None:
    bench = make_bench(limits={"bytes_per_subject": 1024})
    one = Limited(bench)
    await frame(one.transport, 1)
    one.transport.receiver.data_received(b"9.unknown-x,200." + b"y" * 200 + b";")
    one.reader.user.link.heard(200_000)
    await clock.pass_by(0.1)
    one.reader.user.link.heard(1)
    for _ in range(25):
        await passes(clock, 1)
        bench.registry.keep_alive(clock.now)
    assert one.transport.closed_with is None
    assert one.transport.all("nop")


async def test_flows_end_with_their_users() -> None:
    flows, changes, resumed = Flows(LocalLedger()), list[bool](), list[int]()
    rates = [(Scope.ALL, "", 1000.0), (Scope.SUBJECT, "ann", 1000.0)]
    meters = [
        TrafficLimits(flows, rates, partial(resumed.append, number), changes.append)
        for number in range(3)
    ]
    assert len(flows) == 4
    assert [meter.may_be_sent for meter in meters[:2]] == [False, False]
    meters[0].received(1)
    assert changes == [True]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert changes == [True, False]
    assert resumed == [0, 1], "the third one has nothing to send"
    assert meters[0].may_be_sent
    meters[0].sent(1_000_000)
    meters[0].received(1_000_000)
    await asyncio.sleep(0)
    assert not meters[1].may_be_sent
    assert changes == [True, False], "nothing is read only from those who send more"
    meters[1].received(1)
    assert changes == [True, False, True]
    for meter in meters:
        meter.close()
        meter.close()
        meter.sent(1)
    assert len(flows) == 0
