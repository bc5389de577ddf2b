"""The control of one process: what it shows, and that it acts."""

import asyncio
import json
import os
import time
from collections.abc import Callable

import pytest

from guacr.control import local
from guacr.control.info import DaemonStatus, Reloaded, SessionInfo, UserInfo, plain
from guacr.control.local import LocalControl
from guacr.errors import (
    BusyError,
    DrainingError,
    GuacrError,
    NotFoundError,
    SessionClosedError,
    SettingsError,
)
from guacr.protocol.client import ClientInfo
from guacr.protocol.status import Status
from guacr.session.events import Event, Observer, OperatorActed, Pasted, Refused
from guacr.session.origin import Origin
from tests.support.loopback import Bench, MemoryTransport, frame, session_of, until


async def test_sessions_are_listed_with_their_users_and_without_secrets() -> None:
    bench = Bench()
    control = LocalControl(bench.registry, worker="a")
    assert await control.sessions() == []
    transport = MemoryTransport()
    texts = {"hostname": "example.com", "password": "pa55"}
    info = ClientInfo(width=9, height=9, name="Ann's browser")
    origin = Origin(subject="ann", connection="desk")
    reader = bench.registry.open("sketch", texts, info, transport, origin)
    session, owner = reader.session, reader.user
    _, joiner = bench.connect(session.id, read_only="true")
    await frame(transport)
    (listed,) = await control.sessions()
    assert listed == await control.session(session.id)
    assert listed == SessionInfo(
        id=session.id,
        protocol="sketch",
        host="example.com",
        username="",
        connection="desk",
        client="memory",
        subject="ann",
        since=session.since,
        received=session.traffic.received,
        sent=session.traffic.sent,
        worker="a",
        users=(
            UserInfo(
                id=owner.id,
                name="Ann's browser",
                client="memory",
                subject="ann",
                owner=True,
                read_only=False,
                since=owner.since,
                received=owner.link.traffic.received,
                sent=owner.link.traffic.sent,
            ),
            UserInfo(
                id=joiner.id,
                name="somebody",
                client="memory",
                subject="",
                owner=False,
                read_only=True,
                since=joiner.since,
                received=joiner.link.traffic.received,
                sent=joiner.link.traffic.sent,
            ),
        ),
    )
    assert listed.sent > 0
    assert time.time() - 60 < listed.since <= owner.since <= time.time()
    assert "pa55" not in repr(listed)
    assert SessionInfo.of(json.loads(json.dumps(plain(listed)))) == listed
    await bench.close()


async def test_names_of_any_length_are_shown_shortly() -> None:
    bench = Bench()
    bench.connect(hostname="h" * 8000)
    (listed,) = await LocalControl(bench.registry).sessions()
    assert listed.host == "h" * (local.NAME_MAX - 1) + "…"
    await bench.close()


async def test_sessions_may_end_while_they_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "BATCH", 1)
    bench = Bench()
    control = LocalControl(bench.registry)
    first, second = (session_of(bench.connect()[1]) for _ in range(2))
    listing = asyncio.create_task(control.sessions())
    await asyncio.sleep(0)
    second.close()
    assert [one.id for one in await listing] == [first.id]
    await bench.close()


async def test_a_session_is_ended_with_a_sentence() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    transport, user = bench.connect()
    other, _ = bench.connect()
    await frame(transport)
    await control.end(session_of(user).id, SessionClosedError("maintenance: come back at ten"))
    assert transport.all("error") == [
        ("maintenance: come back at ten", str(int(Status.SESSION_CLOSED)))
    ]
    assert transport.closed_with == Status.SESSION_CLOSED
    assert other.closed_with is None
    with pytest.raises(NotFoundError, match="unknown connection"):
        await control.end(session_of(user).id, SessionClosedError("again"))
    with pytest.raises(NotFoundError, match="unknown connection"):
        await control.session(session_of(user).id)
    await bench.close()


async def test_a_draining_daemon_opens_nothing_and_ends_nothing() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    _, user = bench.connect()
    await control.drain()
    with pytest.raises(DrainingError, match="no new sessions"):
        bench.connect()
    bench.connect(session_of(user).id)
    status = await control.status()
    assert (status.state, status.is_ready) == ("draining", False)
    assert status.not_ready == ("the daemon is draining: it opens no more sessions",)
    await control.resume()
    bench.connect()
    assert (await control.status()).is_ready
    await bench.close()


async def test_the_status_has_the_workers_and_why_nobody_should_come() -> None:
    bench = Bench()
    bench.registry.settings = bench.registry.settings.model_copy(
        update={"server": bench.registry.settings.server.model_copy(update={"max_sessions": 1})}
    )
    control = LocalControl(bench.registry, lambda: 0.25, worker="a")
    control.checks.append(lambda: "the disk is full")
    full = "all 1 sessions are in use (server.max_sessions)"
    control.checks.append(lambda: f"{full}; the disk is full")  # as the front tells a worker
    bench.connect()
    status = await control.status()
    (worker,) = status.workers
    assert status.not_ready == (full, "the disk is full")
    assert (worker.name, worker.pid, worker.state) == ("a", os.getpid(), "ready")
    assert (worker.sessions, worker.users, worker.loop_lag) == (1, 1, 0.25)
    assert worker.memory > 1 << 20
    assert DaemonStatus.of(json.loads(json.dumps(plain(status)))) == status
    await bench.close()


async def test_a_reload_is_that_of_the_process() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    with pytest.raises(SettingsError, match="no settings"):
        await control.reload()

    async def reload() -> Reloaded:
        control.activity = lambda: "reading the settings"
        assert (await control.status()).activity == "reading the settings"
        return Reloaded(need_restart=("server.port",))

    control.on_reload = reload
    assert (await control.reload()).need_restart == ("server.port",)

    async def sample() -> dict[str, int]:
        return {"sessions": 3}

    control.sample = sample
    assert await control.samples() == [{"sessions": 3}]
    await bench.close()


async def test_events_are_plain_and_contain_no_clipboard() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    before = time.time()
    async with control.events() as events:
        _, user = bench.connect(hostname="example.com")
        session = session_of(user)
        bench.registry.events.publish(Pasted(session.id, user.id, {"text/plain": 6}, "secret"))
        happened = time.time()
        await asyncio.sleep(0.01)
        opened, joined, pasted = [await anext(events) for _ in range(3)]
    assert before <= opened.pop("time") <= happened
    assert opened == {
        "event": "session-opened",
        "session": session.id,
        "protocol": "sketch",
        "host": "example.com",
    }
    assert (joined["event"], joined["user"], joined["owner"]) == ("user-joined", user.id, True)
    assert (pasted["event"], pasted["sizes"]) == ("pasted", {"text/plain": 6})
    assert "secret" not in json.dumps([opened, joined, pasted])
    assert not bench.registry.events._subscriptions
    await bench.close()


async def test_events_that_are_not_read_in_time_are_counted() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    async with control.events() as events:
        for number in range(1003):
            bench.registry.events.publish(Refused("memory", str(number)))
        first, second = [await anext(events) for _ in range(2)]
        assert (first["event"], first["count"]) == ("dropped", 3)
        assert (second["event"], second["reason"]) == ("refused", "3")
        assert (await anext(events))["reason"] == "4"
    await bench.close()


class Strict(Observer):
    """An audit log whose disk is slow, or full."""

    is_strict = True

    def __init__(self) -> None:
        self.seen: list[object] = []
        self.waiting: list[tuple[Callable[[], None], Callable[[GuacrError], None]]] = []

    def check(self) -> None:
        pass

    def observe(self, event: Event) -> None:
        self.seen.append(event)

    def when_durable(self, proceed: Callable[[], None], fail: Callable[[GuacrError], None]) -> None:
        self.waiting.append((proceed, fail))


class Failed(Strict):
    """An audit log that cannot be written."""

    def check(self) -> None:
        raise BusyError("the audit log cannot be written")


async def test_a_daemon_whose_audit_log_refuses_sessions_is_not_ready() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    bench.registry.events.observer = Failed()
    assert (await control.status()).not_ready == ("the audit log cannot be written",)
    bench.registry.events.observer = None
    await bench.close()


async def test_what_an_operator_does_waits_for_a_strict_audit_log() -> None:
    bench = Bench()
    control = LocalControl(bench.registry)
    act = OperatorActed("ann", "10.0.0.1", "drain")
    await control.note(act)
    strict = bench.registry.events.observer = Strict()
    noting = asyncio.create_task(control.note(act))
    await until(lambda: len(strict.waiting) == 1)
    assert strict.seen == [act]
    assert not noting.done()
    strict.waiting[0][0]()
    await noting
    noting = asyncio.create_task(control.note(act))
    await until(lambda: len(strict.waiting) == 2)
    strict.waiting[1][1](BusyError("the disk is full"))
    with pytest.raises(BusyError, match="disk is full"):
        await noting
    bench.registry.events.observer = None
    await bench.close()
