"""Handlers that fail where sessions call them, and when sessions are checked."""

import asyncio

import pytest

from guacr.errors import BadRequestError, ShutdownError, UpstreamError
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import Instruction
from guacr.protocol.parser import InstructionParser
from guacr.session import registry
from guacr.session.context import SessionContext
from guacr.session.input.reader import Reader
from guacr.session.link import Link
from guacr.session.params import Params
from guacr.session.protocols import Protocols
from guacr.session.session import Session
from tests.support.loopback import (
    Bench,
    MemoryTransport,
    SketchHandler,
    frame,
    session_of,
    sketch,
    until,
)


def fail(*args: object) -> None:
    raise RuntimeError("a bug")


def assert_internal_error(transport: MemoryTransport) -> None:
    assert [status for _, status in transport.all("error")] == ["512"]
    assert transport.closed_with is not None


@pytest.mark.parametrize("method", ["user_joined", "argv_values"])
async def test_a_handler_that_fails_at_joining_ends_its_session(method: str) -> None:
    bench = Bench()
    other, _ = bench.connect()
    first, owner = bench.connect()
    await frame(first)
    vars(sketch(owner))[method] = fail
    events = sketch(owner).events
    second, refused = bench.connect(session_of(owner).id)
    reader = Reader(session_of(owner), refused)
    reader.open()
    reader.take_over(InstructionParser(), [Instruction("key", ("65", "1"))])
    assert not [event for event in events if event[0] == "key"]
    for transport in (first, second):
        assert_internal_error(transport)
    assert other.closed_with is None
    await bench.close()


async def test_a_handler_that_fails_at_the_first_user_leaves_no_session(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    monkeypatch.setattr("tests.support.loopback.SketchHandler.user_joined", fail)
    transport, user = bench.connect()
    assert_internal_error(transport)
    assert bench.registry.sessions == {}
    events = sketch(user).events
    await bench.close()
    assert ("run",) not in events


async def test_a_handler_that_fails_at_leaving_ends_its_session_alone() -> None:
    bench = Bench()
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    await frame(second)
    vars(sketch(owner))["user_left"] = fail
    second.receiver.connection_lost()
    assert_internal_error(first)
    await bench.close()


async def test_a_session_that_fails_at_its_tick_leaves_the_others_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    broken, owner = bench.connect()
    other, user = bench.connect()
    failing = owner.link
    monkeypatch.setattr(Link, "stuck_for", lambda link, now: fail() if link is failing else 0.0)
    bench.registry.keep_alive(user.link.last_sent + 6)
    assert_internal_error(broken)
    assert other.all("nop") == [()]
    await bench.close()


async def test_idle_sessions_are_checked_when_something_is_due(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bench = Bench()
    transport, user = bench.connect()
    _, gone = bench.connect()
    checked: list[str] = []
    keep_alive = Session.keep_alive

    def counted(session: Session, now: float) -> float:
        checked.append(session.id)
        return keep_alive(session, now)

    monkeypatch.setattr(Session, "keep_alive", counted)
    opened = user.link.last_sent
    bench.registry.keep_alive(opened + 0.5)
    assert len(checked) == 2
    session_of(gone).detach(gone)
    for second in range(1, 6):
        bench.registry.keep_alive(opened + second - 0.5)
    assert len(checked) == 2
    bench.registry.keep_alive(opened + 5.1)
    assert checked[2:] == [session_of(user).id]
    assert transport.all("nop") == [()]
    bench.registry.stood_still(20)
    bench.registry.keep_alive(opened + 5.2)
    assert len(checked) == 4, "deadlines have moved"
    await bench.close()


async def test_sessions_are_checked_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "CHECKS_MAX", 2)
    bench = Bench()
    transports = [bench.connect()[0] for _ in range(5)]
    now = asyncio.get_running_loop().time()
    for later in (6, 12):  # first one by one, as they were opened; then together
        rounds = 1
        while bench.registry.keep_alive(now + later):
            rounds += 1
        assert rounds == 3
    assert [transport.all("nop") for transport in transports] == [[(), ()]] * 5
    await bench.close()


async def test_a_handler_that_fails_at_its_end_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    vars(sketch(user))["closed"] = fail
    session_of(user).close()
    await until(lambda: "a bug" in caplog.text)
    await bench.close()


@pytest.mark.parametrize("late", [False, True])
async def test_a_picture_that_cannot_be_made_ends_its_session_alone(late: bool) -> None:
    bench = Bench()
    broken, owner = bench.connect()
    other, _ = bench.connect()
    await frame(broken)
    session_of(owner).display.before_frame = fail
    if late:
        session_of(owner).close(UpstreamError("the host went away"))
        assert broken.all("error") == [("the host went away", "515")]
    else:
        session_of(owner).context.changed()
        await until(lambda: broken.closed_with is not None)
        assert_internal_error(broken)
    assert len(bench.registry.sessions) == 1
    assert other.closed_with is None
    await bench.close()


async def test_a_handler_that_does_not_know_its_target_ends() -> None:
    bench = Bench()
    transport, user = bench.connect()
    await frame(transport)
    vars(sketch(user))["target"] = fail
    session_of(user).close()
    assert bench.registry.sessions == {}
    await bench.close()


async def test_a_joiner_that_is_to_blame_ends_only_its_own_part() -> None:
    def refuse(*args: object) -> None:
        raise BadRequestError("a bad key")

    bench = Bench()
    first, owner = bench.connect()
    second, _ = bench.connect(session_of(owner).id)
    second.send("key", 65, 1)
    vars(sketch(owner))["key"] = refuse
    second.send("key", 66, 1)
    assert second.all("error") == [("a bad key", "768")]
    assert first.closed_with is None
    assert sketch(owner).events[-1] == ("left", False)
    await bench.close()


class BusyHandler(SketchHandler):
    """Starts tasks that do not end by themselves."""

    tasks: list[asyncio.Task[None]]

    def __init__(self, session: SessionContext, params: Params) -> None:
        super().__init__(session, params)
        self.tasks.append(session.start_task(asyncio.Event().wait(), "early"))  # type: ignore[arg-type]
        if session.owner_info.name == "nobody":
            raise UpstreamError("not you")

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            late = self.session.start_task(asyncio.Event().wait(), "late")  # type: ignore[arg-type]
            self.tasks.append(late)


async def test_tasks_end_with_a_session_whenever_they_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tasks: list[asyncio.Task[None]] = []
    monkeypatch.setattr(BusyHandler, "tasks", tasks, raising=False)
    bench = Bench(handler=BusyHandler)
    with pytest.raises(UpstreamError, match="not you"):
        bench.connect(info=ClientInfo(width=200, height=100, version=(1, 5, 0), name="nobody"))
    transport, user = bench.connect()
    await frame(transport)
    session_of(user).close()
    await bench.close()
    await until(lambda: [task.cancelled() for task in tasks] == [True, True, True])


async def test_no_session_begins_once_the_daemon_ends() -> None:
    bench = Bench()
    await bench.registry.close()
    with pytest.raises(ShutdownError):
        bench.connect()
    assert not bench.registry.sessions
    await bench.close()


async def test_a_session_has_the_name_of_its_protocol_not_of_an_alias() -> None:
    class AliasHandler(SketchHandler):
        alias_of = "sketch"

    bench = Bench()
    bench.registry.protocols = Protocols({"sketch": SketchHandler, "drawing": AliasHandler})
    transport, user = bench.connect("drawing")
    await frame(transport)
    assert session_of(user).protocol == "sketch"
    assert list(bench.registry.counters) == ["sketch"]
    await bench.close()
