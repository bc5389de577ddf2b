"""Output of a host: in order, in turns, and with a word to a host that sends too much."""

import asyncio
from concurrent.futures import Future

import pytest

from handlers.terminal.output import BACKLOG_HIGH, BACKLOG_MAX, PORTION, TURN, Output
from tests.support.loopback import until


class Clock:
    """A time that goes on only while something is parsed."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


clock = Clock()


@pytest.fixture(autouse=True)
def time_of_parsing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parsing takes exactly as long as a test says, however busy the machine is."""
    monkeypatch.setattr(clock, "now", 0.0)
    monkeypatch.setattr("handlers.terminal.output.perf_counter", clock)


class Host:
    """A source, and a parser that takes `cost` seconds for a portion, and some for each byte."""

    def __init__(self, cost: float = 0.0, cost_of_byte: float = 0.0) -> None:
        self.parsed = bytearray()
        self.blocks: list[bool] = []
        self.cost = cost
        self.cost_of_byte = cost_of_byte
        self.calls = 0
        self.worked = 0.0
        self.pending: list[Future[None]] = []
        """What the parser waits for after its next portions."""
        self.output = Output(self._parse, self.blocks.append, self._worked)

    def _worked(self, seconds: float) -> None:
        self.worked += seconds

    def _parse(self, data: bytes) -> Future[None] | None:
        assert len(data) <= PORTION
        clock.now += self.cost + self.cost_of_byte * len(data)
        self.calls += 1
        self.parsed += data
        return self.pending.pop(0) if self.pending else None


async def test_the_first_in_a_turn_is_parsed_at_once_and_the_rest_together() -> None:
    host = Host()
    for part in (b"a", b"b", b"c"):
        host.output.put(part)
    assert host.parsed == b"a"
    await asyncio.sleep(0)
    assert host.parsed == b"abc"
    assert host.calls == 2
    await asyncio.sleep(0)
    host.output.put(b"d")
    assert host.parsed == b"abcd"


async def test_what_takes_long_leaves_others_their_turn() -> None:
    host = Host(cost=TURN)
    data = bytes(range(256)) * 896
    host.output.put(data)
    host.output.put(b"end")
    turns = 0
    while len(host.parsed) < len(data) + 3:
        before = len(host.parsed)
        await asyncio.sleep(0)
        assert len(host.parsed) - before <= PORTION
        turns += 1
    assert turns >= 3
    assert host.parsed == data + b"end"
    assert host.blocks == []


async def test_portions_of_what_takes_long_are_small() -> None:
    host = Host(cost_of_byte=TURN / 4096)
    sizes = []
    host.output.put(bytes(2 * PORTION))
    while len(host.parsed) < 2 * PORTION:
        before = len(host.parsed)
        await asyncio.sleep(0)
        sizes.append(len(host.parsed) - before)
    assert sizes[0] == PORTION
    assert max(sizes[1:]) <= 2 * 4096
    host.cost_of_byte = 0.0
    for _ in range(10):
        host.output.put(b"x")
        await asyncio.sleep(0)
    calls = host.calls
    host.output.put(bytes(PORTION))
    assert host.calls == calls + 1


async def test_portions_are_not_cut_where_they_fit() -> None:
    host = Host()
    for _ in range(10):
        host.output.put(bytes(PORTION // 2 - 1))
    await until(lambda: len(host.parsed) == 10 * (PORTION // 2 - 1))
    assert host.calls == 6


async def test_the_host_is_told_to_wait_and_to_go_on() -> None:
    host = Host(cost=TURN)
    while not host.blocks:
        host.output.put(bytes(PORTION))
    assert len(host.parsed) < BACKLOG_HIGH
    await until(lambda: host.blocks == [True, False])


async def test_a_host_that_does_not_wait_holds_no_more_than_the_limit() -> None:
    host = Host()
    host.output.put(bytes(PORTION))
    host.cost = TURN
    host.output.put(b"x")
    host.cost = 0
    sent = PORTION + 1
    for _ in range(2 * BACKLOG_MAX // PORTION):
        host.output.put(bytes(PORTION))
        sent += PORTION
        assert sent - len(host.parsed) <= BACKLOG_MAX + PORTION
    await until(lambda: len(host.parsed) == sent)


async def test_the_last_words_are_not_lost() -> None:
    host = Host(cost=TURN)
    host.output.put(bytes(4 * PORTION))
    assert len(host.parsed) < 4 * PORTION
    host.output.finish()
    assert len(host.parsed) == 4 * PORTION
    assert host.worked == pytest.approx(4 * TURN)


async def test_nothing_is_parsed_until_the_parser_can_go_on() -> None:
    host = Host()
    first, second = Future[None](), Future[None]()
    host.pending = [first, second]
    for part in (b"a", b"b", bytes(BACKLOG_HIGH)):
        host.output.put(part)
    await asyncio.sleep(0)
    assert host.parsed == b"a"
    assert (host.calls, host.blocks) == (1, [True])
    first.set_result(None)
    await until(lambda: host.calls == 2)
    assert len(host.parsed) <= 1 + PORTION
    second.set_exception(ValueError("of no interest here"))
    await until(lambda: host.blocks == [True, False])
    assert host.parsed == b"ab" + bytes(BACKLOG_HIGH)


async def test_the_parser_goes_on_though_nothing_more_comes() -> None:
    host = Host()
    host.pending = [Future[None]()]
    (pending,) = host.pending
    host.output.put(b"a")
    pending.set_result(None)
    await until(lambda: host.calls == 2)
    assert host.parsed == b"a"
    host.output.put(b"b")
    assert host.parsed == b"ab"


async def test_an_end_waits_for_nothing() -> None:
    host = Host()
    host.pending = [Future[None](), Future[None](), Future[None]()]
    host.output.put(b"a")
    host.output.put(b"b")
    host.output.finish()
    assert host.parsed == b"ab"
    assert host.calls == 4
    await asyncio.sleep(0)
    assert host.calls == 4
