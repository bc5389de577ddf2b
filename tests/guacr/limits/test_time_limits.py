"""Sessions that end after a time, with a warning before."""

import asyncio
from collections.abc import AsyncIterator
from time import sleep

import pytest

from guacr.errors import SessionTimeoutError
from guacr.limits.refusal import counts
from guacr.limits.time_limits import NOTICE_TIME
from guacr.protocol.status import Status
from guacr.session.origin import Origin, TokenTerms
from guacr.settings.limits import OwnLimits
from tests.guacr.limits.conftest import LimitedBench, MakeLimited
from tests.support.clock import FrozenClock
from tests.support.loopback import frame, sketch


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> FrozenClock:
    return FrozenClock(monkeypatch)


class Limited:
    """A session with limits, its client, and what it shows."""

    def __init__(self, bench: LimitedBench, clock: FrozenClock, origin: Origin) -> None:
        self.clock = clock
        self.transport, self.reader = bench.open(origin)
        self.transport.replies = True
        self.shown = sketch(self.reader.user).surface.array[..., 2::-1].copy()

    def is_warned(self) -> bool:
        return bool((self.transport.canvas.flatten() != self.shown).any())

    async def warned(self, is_warned: bool = True) -> None:
        """Until there is a warning, or none, within some frames."""
        async with asyncio.timeout(10):
            while self.is_warned() is not is_warned:
                await self.clock.pass_by(0.002)
                await asyncio.to_thread(sleep, 0.002)  # for the thread that draws

    async def passes(self, seconds: float) -> None:
        """Have so much time pass, in steps in which no process stands still."""
        until = self.clock.now + seconds
        while self.clock.now < until:
            await self.clock.pass_by(min(0.45, until - self.clock.now))

    @property
    def error(self) -> tuple[str, ...]:
        return next(iter(self.transport.all("error")), ())


@pytest.fixture
async def limited(request: pytest.FixtureRequest, clock: FrozenClock) -> AsyncIterator[Limited]:
    """A session with the limits of the test's parameter."""
    bench = LimitedBench(limits=request.param)
    limited = Limited(bench, clock, Origin())
    await frame(limited.transport, 1)
    yield limited
    await bench.close()


def limits(**limits: float) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("limited", [limits], indirect=True)


@limits(session_length=120, warning=50)
async def test_a_session_ends_at_its_length_after_a_warning(limited: Limited) -> None:
    began = limited.clock.now
    await limited.passes(69)
    assert not limited.is_warned()
    await limited.passes(1.01)
    await limited.warned()
    limited.transport.send("key", 65, 1)
    await limited.passes(1)
    assert limited.is_warned()
    await limited.passes(NOTICE_TIME)
    await limited.warned(False)
    await limited.passes(began + 119.5 - limited.clock.now)
    assert not limited.error
    await limited.passes(0.6)
    assert limited.error == (
        "this session has reached its limit of 2 minutes: connect again to go on",
        str(int(SessionTimeoutError.status)),
    )
    assert limited.transport.closed_with is Status.SESSION_TIMEOUT
    assert counts == {"session-length": 1}


@limits(idle_time=60, warning=100)
async def test_a_session_that_nobody_uses_ends_after_a_warning(limited: Limited) -> None:
    transport = limited.transport
    for instruction in (("key", 65, 1), ("mouse", 1, 2, 0), ("touch", 1, 2, 3, 4, 5, 6, 1)):
        await limited.passes(29)
        transport.send(*instruction)
        transport.send("nop")
    assert not limited.is_warned()
    await limited.passes(30.1)
    await limited.warned()  # after half of the time at most
    await limited.passes(20)
    assert limited.is_warned()
    transport.send("mouse", 5, 5, 0)
    await limited.warned(False)
    await limited.passes(28)
    assert not limited.is_warned()
    transport.send("nop")
    await limited.passes(2.1)
    await limited.warned()
    await limited.passes(30)
    sentence = "nobody has used this session for 1 minute: connect again to go on"
    assert limited.error == (sentence, "522")
    assert counts == {"idle-time": 1}


@limits(idle_time=60)
async def test_what_is_not_input_does_not_keep_a_session(limited: Limited) -> None:
    for _ in range(7):
        limited.transport.send("nop")
        limited.transport.send("sync", limited.transport.all("sync")[-1][0])
        limited.reader.session.context.changed()
        await limited.passes(10)
    assert limited.error


@limits(idle_time=60)
async def test_transfers_keep_a_session(limited: Limited) -> None:
    user, wait = limited.reader.user, asyncio.Event()

    async def transfer() -> None:
        await wait.wait()

    user.transfers.start(transfer(), "a file")
    await limited.passes(200)
    assert not limited.error
    wait.set()
    await limited.passes(70)
    assert limited.error


@limits(idle_time=60)
async def test_a_process_that_stood_still_blames_nobody(limited: Limited) -> None:
    await limited.passes(10)
    await limited.clock.pass_by(10_000)
    assert not limited.error
    await limited.warned()
    await limited.passes(20)
    assert not limited.error
    await limited.passes(11)
    assert limited.error


@limits(idle_time=60, session_length=90)
async def test_nothing_is_left_of_a_session_that_ends_before(limited: Limited) -> None:
    await limited.passes(59)
    limited.transport.receiver.connection_lost()
    await limited.passes(100)
    assert not limited.error


async def test_the_token_and_the_connection_have_limits_of_their_own(
    make_bench: MakeLimited, clock: FrozenClock
) -> None:
    connections = {"router": {"protocol": "sketch", "limits": {"idle_time": 30}}}
    bench = make_bench(limits={"idle_time": 40}, connections=connections)
    terms = TokenTerms("id", limits=OwnLimits(session_length=20))
    origins = (Origin(connection="router", terms=terms), Origin(connection="router"), Origin())
    sessions = [Limited(bench, clock, origin) for origin in origins]
    for one in sessions:
        await frame(one.transport, 1)
    open_after = []
    for _ in range(4):
        await sessions[0].passes(10.1)
        open_after.append([not one.error for one in sessions])
    assert open_after == [
        [True, True, True],
        [False, True, True],
        [False, False, True],
        [False, False, False],
    ]
