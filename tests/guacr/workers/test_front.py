"""A front with workers: real processes, which several tests share."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from guacr.access.operator_tokens import ALL_RIGHTS, make_operator_token
from guacr.access.tokens import Grant, make_token
from guacr.control.info import Reloaded
from guacr.errors import NotFoundError, SessionClosedError, SettingsError
from guacr.limits.refusal import Scope
from guacr.metrics.snapshots import Snapshot
from guacr.operators.service import OperatorService
from guacr.recording import service as recording_service
from guacr.session.ids import worker_of
from guacr.settings.models import Settings
from guacr.testing.client import Behaviour, GuacClient, Hello
from guacr.testing.daemon import LOCAL, local_settings
from guacr.testing.wire import Splitter
from guacr.workers import front as front_module
from guacr.workers.front import Front
from guacr.workers.generation import Generation
from guacr.workers.processor import Processor
from guacr.workers.remote import MISSED_MAX
from tests.support.certificates import Authority
from tests.support.guarding import owned
from tests.support.otlp import otlp_collector
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

CARD, KEY, OPERATORS_KEY = "testcard", "k" * 40, "o" * 40
STILL = dict.fromkeys(("moving-window", "scrolling-text", "clock"), "false")
TICK = 0.25
"""Seconds between pings where a worker hangs; others must not have to wait for a processor for
longer."""


def settings_of(**sections: object) -> Settings:
    """Two workers with the test card, and the page."""
    values: dict[str, object] = {
        "server": {"hosts": LOCAL, "port": 0, "protocols": [CARD]},
        "websocket": {"hosts": LOCAL, "port": 0, "token_keys": [KEY]},
        "daemon": {"workers": 2},
        "control": {"page": True, "token_keys": [OPERATORS_KEY]},
    }
    return local_settings(**(values | sections))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running() -> AsyncIterator[Front]:
    front = Front(settings_of())
    await front.start()
    try:
        yield front
    finally:
        await front.close()


@pytest_asyncio.fixture(loop_scope="module")
async def front(running: Front) -> Front:
    """The front with its first settings, which a test that came before may have replaced; tests
    that replace them at once need it not."""
    if running.settings != settings_of():
        with owned():
            await running.apply(settings_of())
            await until(lambda: states(running) == ["ready", "ready"], "the old workers end")
    return running


@pytest_asyncio.fixture(loop_scope="module")
async def stack(running: Front) -> AsyncIterator[AsyncExitStack]:
    """Ends what a test has opened, and waits until the workers have noticed it."""
    async with AsyncExitStack() as stack:
        yield stack
    await until(lambda: not clients(running), "nobody is connected")
    await until(lambda: states(running) == ["ready", "ready"], "the old workers end")
    await until(lambda: not running.book.sessions(Scope.ALL), "no session is counted")


def states(front: Front) -> list[str]:
    return [worker.state for worker in front._workers.values()]


def clients(front: Front) -> int:
    return sum(len(worker.clients) for worker in front._workers.values())


async def opened(
    front: Front, stack: AsyncExitStack, select: str = CARD, tls: ssl.SSLContext | None = None
) -> GuacClient:
    client = await stack.enter_async_context(
        await GuacClient.dial(LOCAL[0], front.port, Behaviour(paint=False), tls)
    )
    still = STILL if select == CARD else {}
    await client.handshake(select, still, Hello(width=320, height=240))
    return client


async def on_each_worker(
    front: Front, stack: AsyncExitStack, tls: ssl.SSLContext | None = None
) -> list[GuacClient]:
    """A session on each worker."""
    found: dict[int, GuacClient] = {}
    while len(found) < 2:
        client = await opened(front, stack, tls=tls)
        found.setdefault(worker_of(client.state.ready), client)
    return list(found.values())


def descriptors(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def lose(front: Front, number: int) -> None:
    """Kill a worker, and wait for another one."""
    os.kill(front._workers[number].pid, signal.SIGKILL)
    await until(lambda: number not in front._workers, "the end of the worker")
    await until(lambda: len(front._workers) == 2, "another worker")


async def refusal(front: Front, select: str) -> tuple[str, int]:
    async with await GuacClient.dial(LOCAL[0], front.port) as client:
        client.send("select", select)
        await client.wait(lambda: client.state.errors, "an error")
        return client.state.errors[0]


# ---- which worker


async def test_clients_are_spread_and_joiners_find_their_sessions(
    front: Front, stack: AsyncExitStack
) -> None:
    owners = [await opened(front, stack) for _ in range(4)]
    ids = [client.state.ready for client in owners]
    workers = [worker_of(one) for one in ids]
    assert sorted(map(workers.count, set(workers))) == [2, 2]
    for connection in ids:
        joiner = await opened(front, stack, connection)
        assert joiner.state.ready == connection
        await joiner.frame()


async def test_whoever_sends_a_handshake_in_pieces_or_at_once_is_served(front: Front) -> None:
    for pieces in ([b"6.sel", b"ect,8.test", b"card;"], [b"6.select,8.testcard;4.size,1.9,1.9;"]):
        reader, writer = await asyncio.open_connection(LOCAL[0], front.port)
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0.001)
        assert (await reader.readuntil(b";")).startswith(b"4.args,")
        writer.close()


async def test_while_workers_start_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = asyncio.Event()

    async def start(self: Generation) -> None:
        await may_go_on.wait()
        raise SettingsError("this is enough")

    monkeypatch.setattr(Generation, "start", start)
    path = tmp_path / "control.sock"
    starting = asyncio.create_task(Front(settings_of(control={"unix_socket": path})).start())
    await until(path.exists, "it listens")
    unix = aiohttp.UnixConnector(str(path))
    async with aiohttp.ClientSession("http://guacr", connector=unix) as http:
        async with http.get("/v1/status") as response:
            status = await response.json()
        async with http.get("/v1/sessions") as response:
            assert response.status == 503
            assert "the daemon is starting" in (await response.json())["error"]
    assert (status["state"], status["ready"]) == ("starting", False)
    assert "the daemon is starting" in status["not_ready"][0]
    assert status["activity"] == "starting 2 workers of generation 1"
    may_go_on.set()
    with pytest.raises(SettingsError, match="enough"):
        await starting


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\r\n", b"5.hello;", b"x" * 9000])
async def test_nonsense_is_answered_as_by_a_single_process(front: Front, data: bytes) -> None:
    reader, writer = await asyncio.open_connection(LOCAL[0], front.port)
    writer.write(data)
    answer = await reader.readuntil(b";")
    assert answer.startswith(b"5.error,"), answer
    writer.close()


async def test_sessions_that_nobody_has_are_unknown(front: Front) -> None:
    for worker in ("0001", "ffff", "nono"):
        sentence, status = await refusal(front, f"$00000000-0000-4000-8000-00000000{worker}")
        assert (sentence, status) == (
            "unknown connection: it has ended, or its id is wrong",
            516,
        )


def token(**grant: object) -> str:
    made = Grant(**grant)  # type: ignore[arg-type]
    return make_token(KEY, made, now=time.time(), lifetime=60)


async def browse(
    front: Front, stack: AsyncExitStack, connection: str, tls: ssl.SSLContext | None = None
) -> dict[str, bool]:
    """Join a session as a browser does; return what its session was asked."""
    connector = aiohttp.TCPConnector(ssl=tls or True)
    http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector))
    origin = f"http{'s' if tls else ''}://{LOCAL[0]}:{front.web_port}"
    url = f"{origin}/websocket?token={token(join=connection)}&width=800"
    headers = {"Origin": origin}
    socket = await stack.enter_async_context(
        http.ws_connect(url, protocols=["guacamole"], headers=headers)
    )
    splitter, received = Splitter(), dict[str, tuple[str, ...]]()
    while "ready" not in received:
        message = await socket.receive_str()
        received |= {one.opcode: one.args for one in splitter.feed(message.encode())}
    assert received["ready"] == (connection,)
    tunnel = received[""][0]
    assert worker_of(tunnel) == worker_of(connection)
    async with http.post(f"{origin}/api/join", json={"tunnel": tunnel}, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
    async with http.post(f"{origin}/api/session", json={"tunnel": tunnel}) as answer:
        about: dict[str, bool] = await answer.json()
    return about


async def test_browsers_join_sessions_of_any_worker(front: Front, stack: AsyncExitStack) -> None:
    for owner in await on_each_worker(front, stack):
        for _ in range(3):  # whichever worker has the WebSocket first
            about = await browse(front, stack, owner.state.ready)
            assert about == {"readOnly": False, "resizable": False}


async def test_links_to_sessions_that_have_ended_say_so(
    front: Front, stack: AsyncExitStack
) -> None:
    http = await stack.enter_async_context(aiohttp.ClientSession())
    gone = f"$00000000-0000-4000-8000-00000000{max(front._workers):04x}"
    url = f"http://{LOCAL[0]}:{front.web_port}/websocket?token={token(join=gone)}"
    socket = await stack.enter_async_context(http.ws_connect(url, protocols=["guacamole"]))
    text = ""
    while "5.error" not in text:
        text += await socket.receive_str()
    assert "unknown connection" in text


# ---- operators


def comm(pid: int) -> str:
    """The name that ps shows."""
    return Path(f"/proc/{pid}/comm").read_text()


async def test_operators_see_the_sessions_of_all_workers(
    front: Front, stack: AsyncExitStack
) -> None:
    control = front.control
    owners = await on_each_worker(front, stack)
    async with control.events() as events:
        ids = [owner.state.ready for owner in owners]
        listed = {info.id: info for info in await control.sessions()}
        assert set(ids) <= set(listed)
        assert {listed[one].worker for one in ids} == {str(worker_of(one)) for one in ids}
        assert (await control.session(ids[0])).id == ids[0]
        for one in ids:
            await control.end(one, SessionClosedError("time is up"))
        ended = set[str]()
        async for event in events:
            if event["event"] == "session-closed":
                assert event["reason"] == "time is up"
                ended.add(event["session"])
                if ended == set(ids):
                    break
    for owner in owners:
        await owner.wait_closed()
        assert owner.state.errors == [("time is up", 523)]
    for unknown in (ids[0], "$00000000-0000-4000-8000-00000000ffff", "nonsense"):
        with pytest.raises(NotFoundError):
            await control.session(unknown)


async def test_the_operators_page_of_a_worker_controls_all_of_them(
    front: Front, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def reload() -> Reloaded:
        return Reloaded(need_restart=("server.port",), warnings=("mind the gap",))

    owners = await on_each_worker(front, stack)
    ids = [owner.state.ready for owner in owners]
    token = make_operator_token(OPERATORS_KEY, "", ALL_RIGHTS, now=time.time(), lifetime=60)
    base = f"http://{LOCAL[0]}:{front.web_port}/api/admin/v1/"
    headers = {"Authorization": f"Bearer {token}", "Connection": "close"}
    http = await stack.enter_async_context(aiohttp.ClientSession(base, headers=headers))

    async def ask(path: str, method: str = "POST", status: int = 200) -> dict[str, Any]:
        async with http.request(method, path) as response:
            assert response.status == status, await response.text()
            answer: dict[str, Any] = await response.json()
            return answer

    listed = await ask("sessions", "GET")
    assert set(ids) <= {one["id"] for one in listed["sessions"]}
    assert len((await ask("status", "GET"))["workers"]) == 2
    for one in ids:
        assert (await ask(f"sessions/{one}", "GET"))["id"] == one
        await ask(f"sessions/{one}/end")
    for owner in owners:
        await owner.wait_closed()
    await ask(f"sessions/{ids[0]}", "GET", status=404)
    await ask("drain")
    try:
        assert (await front.control.status()).state == "draining"
    finally:
        await ask("resume")
    assert (await front.control.status()).state == "ready"
    refused = await ask("reload", status=409)  # nobody has set what it does
    assert "no settings to read again" in refused["error"]
    with monkeypatch.context() as patch:
        patch.setattr(front.control, "on_reload", reload)
        lists = {"changed": [], "need_restart": ["server.port"], "warnings": ["mind the gap"]}
        assert await ask("reload") == lists


async def test_keys_of_users_are_not_those_of_operators(front: Front) -> None:
    settings = settings_of(control={"page": True, "token_keys": [KEY]})
    with pytest.raises(SettingsError, match="generate another one"):
        await front.apply(settings)


async def test_operators_see_the_workers_and_drain_them(
    front: Front, stack: AsyncExitStack
) -> None:
    control = front.control
    client = await opened(front, stack)
    status = await control.status()
    assert (status.state, status.not_ready) == ("ready", ())
    workers = {int(info.name): info for info in status.workers}
    assert {n: info.pid for n, info in workers.items()} == {
        n: worker.pid for n, worker in front._workers.items()
    }
    for number, info in workers.items():
        assert comm(info.pid) == f"guacr w{number}\n"
    assert sum(info.sessions for info in status.workers) == 1
    await control.drain()
    try:
        assert not (await control.status()).is_ready
        assert (await joining_error(front, CARD))[1] == 520
        await opened(front, stack, client.state.ready)
    finally:
        await control.resume()
    assert (await control.status()).is_ready
    await opened(front, stack)


def value(snapshot: Snapshot, name: str, *labels: str) -> float:
    return next(n[0] for found, n in snapshot[name] if tuple(found) == labels)


async def test_metrics_of_all_processes_are_added_and_never_go_back(
    front: Front, stack: AsyncExitStack
) -> None:
    (before,) = await front.control.samples()
    assert value(before, "guacr_processes") == 3
    await on_each_worker(front, stack)
    (after,) = await front.control.samples()
    name = "guacr_sessions_opened_total"
    assert value(after, name, CARD) >= value(before, name, CARD) + 2
    assert value(after, "guacr_connections", "guacamole") >= 2
    with owned():
        await stack.aclose()
        number = min(front._workers)
        os.kill(front._workers[number].pid, signal.SIGTERM)
        await until(lambda: number not in front._workers, "the end of the worker")
        await until(lambda: states(front) == ["ready", "ready"], "another worker")
    (last,) = await front.control.samples()
    assert value(last, name, CARD) == value(after, name, CARD)
    assert value(last, "guacr_processes") == 3


async def test_a_collector_gets_the_metrics_of_the_front() -> None:
    async with otlp_collector() as collector, AsyncExitStack() as stack:
        telemetry = {"endpoint": collector.origin, "traces": False, "metrics_interval": 0.1}
        front = Front(settings_of(telemetry=telemetry))
        with owned():
            await front.start()
            stack.push_async_callback(front.close)
            async with await GuacClient.dial(LOCAL[0], front.port) as client:
                await client.handshake(CARD, STILL, Hello(width=320, height=240))

            def accepted() -> int:
                return max(
                    (
                        point.as_int
                        for request in collector.metrics
                        for metric in request.resource_metrics[0].scope_metrics[0].metrics
                        for point in metric.sum.data_points
                        if metric.name == "guacr_connections_accepted"
                    ),
                    default=0,
                )

            await until(lambda: accepted() == 1, "it is counted")


async def test_what_a_killed_worker_has_counted_stays(
    front: Front, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened_in(snapshot: Snapshot) -> float:
        return value(snapshot, "guacr_sessions_opened_total", CARD)

    monkeypatch.setattr(front_module, "COUNTED_EVERY", 1)
    with owned():
        await front.apply(settings_of(metrics={"enabled": True, "port": 0}))
        (before,) = await front.control.samples()
        client = await opened(front, stack)
        kept = front.control._processes  # metrics are not read before the worker is killed
        await until(lambda: opened_in(kept.merged) == opened_in(before) + 1, "the count")
        await lose(front, worker_of(client.state.ready))
    (after,) = await front.control.samples()
    assert opened_in(after) == opened_in(before) + 1


# ---- workers that fail


async def test_a_worker_that_dies_costs_its_own_sessions(
    front: Front, stack: AsyncExitStack
) -> None:
    victim, other = await on_each_worker(front, stack)
    with owned():
        await lose(front, worker_of(victim.state.ready))
    await victim.wait_closed()
    other.size(300, 200)
    await other.frame()
    assert (await refusal(front, victim.state.ready))[1] == 516
    await on_each_worker(front, stack)


async def test_a_worker_that_hangs_is_replaced_and_nobody_waits_for_it(
    front: Front, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_module, "TICK", TICK)
    victim, _ = await on_each_worker(front, stack)
    hanging = front._workers[worker_of(victim.state.ready)]
    with owned():
        os.kill(hanging.pid, signal.SIGSTOP)
        for _ in range(4):  # those that it was given go to others once it is dead
            await opened(front, stack)
        await until(lambda: hanging.number not in front._workers, "the end of the worker")
        await until(lambda: len(front._workers) == 2, "another worker")
    await victim.wait_closed()


async def test_a_worker_that_waits_for_a_processor_does_not_hang(
    front: Front, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(front_module, "TICK", TICK)
    monkeypatch.setattr(Processor, "share", lambda processor: 0.0)
    client, _ = await on_each_worker(front, stack)
    worker = front._workers[worker_of(client.state.ready)]
    with owned():
        os.kill(worker.pid, signal.SIGSTOP)
        await until(lambda: worker.missed > 2 * MISSED_MAX, "more unanswered pings than allowed")
        assert not worker.is_available
        os.kill(worker.pid, signal.SIGCONT)
        await until(lambda: worker.is_available, "an answer")
    client.size(320, 240)
    await client.frame()


async def test_clients_that_no_worker_can_be_given_are_told_so_in_time(
    front: Front, stack: AsyncExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Front, "_least_loaded", lambda front: None)  # while all are replaced
    with owned():
        async with await GuacClient.dial(LOCAL[0], front.port) as client:
            client.send("select", CARD)
            await until(lambda: bool(front._waiting), "the client waits")
            due = front._waiting[0].due
            front._flush()
            front._refuse_late(due)
            await client.wait(lambda: client.state.errors, "an error")
    assert client.state.errors[0] == ("no process can serve you now: try again", 513)


async def test_a_worker_that_cannot_open_sessions_is_given_none(
    front: Front, stack: AsyncExitStack
) -> None:
    client, _ = await on_each_worker(front, stack)
    worker = front._workers[worker_of(client.state.ready)]
    before = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    used = descriptors(worker.pid)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (used + 8, before[1]))
    try:
        await until(lambda: worker.refuses, "it says so")
        for _ in range(4):
            other = await opened(front, stack)
            assert worker_of(other.state.ready) != worker.number
        assert (await front.control.status()).is_ready
    finally:
        resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, before)
    await until(lambda: not worker.refuses, "it opens sessions again")


async def test_a_worker_that_hangs_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(front_module, "TICK", TICK)
    front = Front(settings_of())
    with owned():
        await front.start()
        os.kill(next(iter(front._workers.values())).pid, signal.SIGSTOP)
        async with asyncio.timeout(front_module.CLOSE_TIMEOUT):
            await front.close()
    assert not front._workers


async def test_a_worker_that_is_told_to_end_does_so_in_order(
    front: Front, stack: AsyncExitStack, caplog: pytest.LogCaptureFixture
) -> None:
    victim, other = await on_each_worker(front, stack)
    number = worker_of(victim.state.ready)
    with owned():
        os.kill(front._workers[number].pid, signal.SIGTERM)
        await victim.wait_closed()
        for _ in range(3):
            await opened(front, stack)  # nobody is sent there
        await until(lambda: number not in front._workers, "the end of the worker")
        await until(lambda: len(front._workers) == 2, "another worker")
    assert victim.state.errors[0][1] == 520
    assert "has ended: another one is started" in caplog.text
    other.size(300, 200)
    await other.frame()


async def test_workers_end_with_the_front(front: Front, stack: AsyncExitStack) -> None:
    victim, _ = await on_each_worker(front, stack)
    number = worker_of(victim.state.ready)
    with owned():
        front._workers[number].channel._sock.shutdown(socket.SHUT_RDWR)
        await victim.wait_closed()
        await until(lambda: len(front._workers) == 2, "another worker")
    assert victim.state.errors[0][1] == 520
    assert number not in front._workers


async def test_a_worker_that_hangs_says_where(
    front: Front,
    stack: AsyncExitStack,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(front_module, "TICK", TICK)
    hanging = front._workers[min(front._workers)]
    monkeypatch.setattr(hanging, "missed", 1)
    monkeypatch.setattr(hanging.channel, "_on_message", lambda message: None)  # no answers
    with owned():
        await until(lambda: hanging.number not in front._workers, "the end of the worker")
        await until(lambda: len(front._workers) == 2, "another worker")
    assert "in run" in caplog.text


# ---- new generations


async def test_new_settings_are_those_of_new_workers_and_lose_no_session(
    front: Front, stack: AsyncExitStack
) -> None:
    async with AsyncExitStack() as before:
        owners = await on_each_worker(front, before)
        old = set(front._workers)
        http = await before.enter_async_context(aiohttp.ClientSession())
        assert await connection_header(front, http) is None
        with owned():
            server = {"hosts": LOCAL, "port": 0, "protocols": [CARD], "backlog": 7}
            connections = {"bad": {"protocol": CARD, "parameters": {"colour": "red"}}}
            new = settings_of(server=server, session={"max_users": 2}, connections=connections)
            applying = asyncio.create_task(front.apply(new))
            headers = set[str | None]()
            while not applying.done():  # a connection that is not used ends after 15 s
                await asyncio.wait({applying}, timeout=1)
                headers.add(await connection_header(front, http))
            assert applying.result() == ["server.backlog"], "it needs a restart"
            assert "close" in headers
            for owner in owners:
                owner.size(320, 240)
                await owner.frame()
                joiner = await opened(front, before, owner.state.ready)
                await opened(front, before, owner.state.ready)  # the old limit
                await joiner.frame()
            owner = await opened(front, stack)
            assert worker_of(owner.state.ready) not in old
            await opened(front, stack, owner.state.ready)
            assert (await joining_error(front, owner.state.ready))[1] == 797
            assert old < set(front._workers)
            (warning,) = await front.warnings()
            assert warning.startswith("connections.bad: ")
    await until(lambda: not old & set(front._workers), "the old workers end")
    await until(lambda: not front._old, "their generation is forgotten")


async def test_an_old_worker_that_dies_is_reported_and_not_replaced(
    front: Front, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as before:
        owners = await on_each_worker(front, before)
        old = [front._workers[worker_of(owner.state.ready)] for owner in owners]
        with owned():
            await front.apply(settings_of(session={"max_users": 2}))
            await until(lambda: all(worker.sessions for worker in old), "their sessions are known")
            os.kill(old[0].pid, signal.SIGKILL)
            await owners[0].wait_closed()
            await until(lambda: old[0].number not in front._workers, "the end of the worker")
            assert len(front._workers) == 3
    assert f"{old[0]} has died: sessions that are lost: 1" in caplog.text
    await until(lambda: not front._old, "the other old worker ends")
    assert f"{old[1]} has died" not in caplog.text


async def connection_header(front: Front, http: aiohttp.ClientSession) -> str | None:
    async with http.get(f"http://{LOCAL[0]}:{front.web_port}/health") as answer:
        await answer.read()
        return answer.headers.get("Connection")


async def joining_error(front: Front, connection: str) -> tuple[str, int]:
    async with await GuacClient.dial(LOCAL[0], front.port) as client:
        with suppress(AssertionError):
            await client.handshake(connection)
        await client.wait(lambda: client.state.errors, "an error")
        return client.state.errors[0]


async def test_after_a_change_to_one_worker_the_front_remains(front: Front) -> None:
    with owned():
        assert await front.apply(settings_of(daemon={"workers": 1})) == []
        await until(lambda: len(front._workers) == 1, "the old workers end")
    async with await GuacClient.dial(LOCAL[0], front.port) as client:
        await client.handshake(CARD)


async def test_settings_that_workers_cannot_use_change_nothing(
    front: Front, stack: AsyncExitStack, tmp_path: Path
) -> None:
    before, workers = front.settings, set(front._workers)
    server = {"hosts": LOCAL, "port": 0, "protocols": ["nothing"]}
    with pytest.raises(SettingsError, match="protocol 'nothing' is unknown"):
        await front.apply(settings_of(server=server))
    server = {"hosts": LOCAL, "port": 0, "protocols": [CARD], "tls_certificate": tmp_path / "no"}
    with pytest.raises(SettingsError, match="for TLS: "):
        await front.apply(settings_of(server=server))
    assert (front.settings, set(front._workers)) == (before, workers)
    await opened(front, stack)


async def test_a_change_that_fails_leaves_no_old_workers_behind(
    front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ValueError("a change failed")

    monkeypatch.setattr(front._services[0], "reload", lambda settings: fail)
    old = set(front._workers)
    with owned():
        with pytest.raises(ValueError, match="a change failed"):
            await front.apply(settings_of(session={"max_users": 3}))
        await until(lambda: not old & set(front._workers), "the old workers end")


async def test_limits_hold_for_all_workers_together(running: Front, stack: AsyncExitStack) -> None:
    server = {"hosts": LOCAL, "port": 0, "protocols": [CARD], "max_sessions": 2}
    with owned():
        await running.apply(settings_of(server=server))
        owners = [await opened(running, stack) for _ in range(2)]
        for owner in owners:
            await owner.frame()  # it has been admitted
        assert len({worker_of(owner.state.ready) for owner in owners}) == 2
        assert "all 2 sessions" in (await joining_error(running, CARD))[0]
        assert not (await running.control.status()).is_ready
        async with aiohttp.ClientSession() as http:
            await until_status(http, f"http://{LOCAL[0]}:{running.web_port}/ready", 503)
        await lose(running, worker_of(owners[0].state.ready))
        await opened(running, stack)


async def until_status(http: aiohttp.ClientSession, url: str, status: int) -> None:
    async with asyncio.timeout(20):
        while True:
            async with http.get(url) as answer:
                if answer.status == status:
                    return
            await asyncio.sleep(0.02)


async def test_joiners_with_tls_find_their_sessions(
    running: Front, stack: AsyncExitStack, tmp_path: Path
) -> None:
    authority = Authority()
    pair = authority.issue("server")
    file = tmp_path / "server.pem"
    file.write_text(pair.certificate + pair.key)
    (tmp_path / "ca.pem").write_text(authority.certificate)
    page = {"hosts": LOCAL, "port": 0, "token_keys": [KEY], "tls_certificate": file}
    server = {"hosts": LOCAL, "port": 0, "protocols": [CARD], "tls_certificate": file}
    server |= {"tls_client_ca": tmp_path / "ca.pem"}
    rules = [{"identities": ["localhost"], "addresses": LOCAL, "listeners": ["tcp"]}]
    trusting = ssl.create_default_context(cadata=authority.certificate)
    trusting.load_cert_chain(file)  # whoever joins is known by it, also where it is relayed
    with owned():
        await running.apply(settings_of(server=server, websocket=page, access={"rules": rules}))
        for owner in await on_each_worker(running, stack, trusting):
            for _ in range(3):
                joiner = await opened(running, stack, owner.state.ready, trusting)
                await joiner.frame()
                await browse(running, stack, owner.state.ready, trusting)


async def test_workers_are_replaced_whatever_has_become_of_the_certificate(
    running: Front, stack: AsyncExitStack, tmp_path: Path
) -> None:
    authority = Authority()
    pair = authority.issue("server")
    certificate, key = tmp_path / "server.pem", tmp_path / "server.key"
    certificate.write_text(pair.certificate)
    key.write_text(pair.key)
    tls = {"tls_certificate": certificate, "tls_key": key}
    server = {"hosts": LOCAL, "port": 0, "protocols": [CARD], **tls}
    settings = settings_of(server=server, websocket={"hosts": LOCAL, "port": 0, **tls})
    trusting = ssl.create_default_context(cadata=authority.certificate)
    with owned():
        await running.apply(settings)
        victim = await opened(running, stack, tls=trusting)
        certificate.write_text(authority.issue("server").certificate)  # the key is still the old
        with pytest.raises(SettingsError, match="for TLS: "):
            await running.apply(settings)
        await lose(running, worker_of(victim.state.ready))
        await on_each_worker(running, stack, trusting)


async def test_another_ca_ends_operators_connections(tmp_path: Path) -> None:
    ours, theirs = Authority(), Authority()
    server, ca = tmp_path / "server.pem", tmp_path / "ca.pem"
    pair = ours.issue("server")
    server.write_text(pair.certificate + pair.key)
    ca.write_text(ours.certificate)
    control = {"http": True, "port": 0, "tls_certificate": server, "tls_client_ca": ca}
    settings = settings_of(control=control | {"readers": ["*"]}, daemon={"workers": 1})
    known = ssl.create_default_context(cadata=ours.certificate)
    known.load_cert_chain(server)
    front = Front(settings)
    await front.start()
    try:
        (service,) = [one for one in front._services if isinstance(one, OperatorService)]
        reader, writer = await asyncio.open_connection(LOCAL[0], service.port, ssl=known)
        writer.write(b"GET /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        ca.write_text(theirs.certificate)
        await front.apply(settings.model_copy())
        async with asyncio.timeout(20):
            assert (await reader.read()).endswith(b"0\r\n\r\n")
        writer.close()
    finally:
        await front.close()


async def test_one_process_deletes_old_recordings(
    running: Front, stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The front does, and a worker notes it."""
    recordings = tmp_path / "recordings"
    recordings.mkdir()
    (recordings / "old").write_bytes(b"4.size,1.0,1.1,1.1;4.sync,1.1;")
    monkeypatch.setattr(recording_service, "FIRST", 0.0)
    with owned():
        await running.apply(
            settings_of(
                recording={"path": recordings, "size": 1},
                journal={"directory": tmp_path / "journal", "sync_interval": 0},
            )
        )
    paths = tmp_path / "journal"
    await until(
        lambda: sum(path.read_bytes().count(b'"expired"') for path in paths.glob("wal/*/*.wal")),
        "the audit log",
    )
    assert list(recordings.iterdir()) == []
    with owned():
        await running.apply(settings_of())


async def test_pings_go_on_after_a_failure(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    failures = 0

    def fail(*, stood_still: bool) -> None:
        nonlocal failures
        failures += 1
        raise OSError

    monkeypatch.setattr(front_module, "TICK", 0.01)
    front = Front(settings_of())
    monkeypatch.setattr(front, "_ping", fail)
    ticking = asyncio.create_task(front._tick())
    await until(lambda: failures > 1, "another ping")
    ticking.cancel()
    assert "the workers could not be looked after" in caplog.text
