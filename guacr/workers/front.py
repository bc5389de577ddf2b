"""The front: accepts clients, decides which worker each belongs to, and looks after the workers.

It has no sessions, and sees nothing of a client but what it selects.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import deque
from contextlib import suppress
from functools import partial
from typing import Any

from typing_extensions import override

from guacr import refusals
from guacr.access.keys import ProcessKeys
from guacr.acme import acme_service
from guacr.errors import BusyError, SettingsError, ShutdownError, UpstreamUnavailableError
from guacr.limits.book import Book
from guacr.limits.refusal import Scope
from guacr.limits.remote_ledger import answer
from guacr.net.certificates import CertificateWatch
from guacr.net.connection_limits import ConnectionLimits, connections_for
from guacr.net.listeners import ListeningSockets, place_of
from guacr.net.open_files import open_files, out_of_files
from guacr.recording.service import RetentionService
from guacr.services import Service
from guacr.session.ids import NUMBER_MAX
from guacr.settings.models import Settings
from guacr.standstill import STANDSTILL
from guacr.telemetry.wanted import is_wanted
from guacr.workers.boot import Boot
from guacr.workers.client import ATTEMPTS_MAX, Client
from guacr.workers.control import WorkersControl
from guacr.workers.generation import Generation
from guacr.workers.operations import REFUSED, WARNINGS
from guacr.workers.reception import Reception
from guacr.workers.remote import Observer, RemoteWorker
from guacr.workers.served_control import ServedControl
from guacr.workers.shares import worker_count
from guacr.workers.wire import Message

TICK = 1.0
"""Seconds between two pings."""
COUNTED_EVERY = 5
"""Pings after which workers are asked for their metrics, if these are switched on: beyond, the
counts of one that is killed are lost. With 400 sessions, an answer costs 10 ms."""
OLD_MAX = 8
"""Old generations that still have sessions; beyond, the settings are not reloaded."""
CLOSE_TIMEOUT = 20.0
"""Seconds that workers have to end in order, in addition to `server.drain_timeout`."""
NEED_RESTART = (
    "server.hosts",
    "server.port",
    "server.unix_socket",
    "server.unix_socket_mode",
    "server.backlog",
    "server.max_connections",
    "server.max_waiting",
    "websocket.enabled",
    "websocket.hosts",
    "websocket.port",
    "daemon.pid_file",
)
"""Settings that need a restart; all others take effect with a new generation of workers."""

log = logging.getLogger("guacr.workers")


class Front(Observer):
    """Serves with several workers, from `start` until `close`.

    Args:
        settings: of the daemon.
        to_syslog: true if the workers log to the system log.
    """

    def __init__(self, settings: Settings, *, to_syslog: bool = False) -> None:
        self.settings = self._started_with = settings
        self._to_syslog = to_syslog
        self._keys = ProcessKeys.generate()
        self._sockets = ListeningSockets()
        self._web_sockets = ListeningSockets()
        self._workers: dict[int, RemoteWorker] = {}
        self.control = WorkersControl(self._workers)
        """The core of the interfaces for operators."""
        self.book = Book()
        """The counts behind limits, of all workers."""
        self._current: Generation | None = None
        self._old: list[Generation] = []
        self._last_number = self._generation_number = 0
        self._turn = 0
        self._waiting: deque[Client] = deque()
        """Clients that no worker could be given yet."""
        self._reception = Reception(lambda: self.settings, self._dispatch)
        self._ticking: asyncio.Task[None] | None = None
        self._is_closing = False
        self._ended = asyncio.Event()
        certificates = CertificateWatch(settings)
        self._services: list[Service] = [
            certificates,
            RetentionService(settings, self.control.note),
        ]
        if settings.acme.domains:
            self._services.append(acme_service(settings, certificates.begin))

    @property
    def port(self) -> int:
        """The TCP port of the Guacamole protocol."""
        return self._sockets.port

    @property
    def web_port(self) -> int:
        """The port of the page and of WebSocket."""
        return self._web_sockets.port

    # ---- life

    async def start(self) -> None:
        """Start to serve.

        Raises:
            SettingsError: an address, a port or a file in the settings cannot be used.
        """
        server, page = self.settings.server, self.settings.websocket
        try:
            await self._sockets.open_server(server)
            self._services += [*self._operator_services(), *self._telemetry()]
            if page.enabled:
                await self._web_sockets.open_tcp(page.hosts, page.port, server.backlog)
            for service in self._services:
                await service.open()
            self._current = generation = self._generation(self.settings)
            with self.control.starting():
                self.control.activity = lambda: generation.progress
                for service in self._services:
                    if service.starts_early:
                        await service.start()
                await generation.start()
                for service in self._services:
                    if not service.starts_early:
                        await service.start()
        except BaseException:
            await self.close()
            raise
        refusals.observers.append(self._refused)
        self._ticking = asyncio.create_task(self._tick(), name="pings")
        self._listen()

    def _listen(self) -> None:
        server = self.settings.server
        count = 1 if self._current is None else self._current.boot.workers
        most = server.max_connections or count * connections_for(open_files())
        tcp, web = (ConnectionLimits(most, server.max_waiting) for _ in range(2))
        self.control.limits = {"guacamole": tcp, "web": web}
        self.control.checks += [self._full, out_of_files, tcp.full, web.full]
        for sock in self._sockets.all:
            self._reception.listen(sock, "tcp", tcp)
            log.info("listening on %s", place_of(sock))
        for sock in self._web_sockets.all:
            self._reception.listen(sock, "web", web)
            log.info("listening for WebSocket on %s", place_of(sock))

    async def apply(self, settings: Settings) -> list[str]:
        """Start workers with new settings, and with the code that is installed now. Once they are
        ready, everything that starts is theirs; the sessions of the others go on until they end.
        Return the names of settings that need a restart.

        Raises:
            SettingsError: they cannot be used; nothing is changed.
        """
        if len(self._old) >= OLD_MAX:
            raise SettingsError(
                f"there are {OLD_MAX} generations of workers that still have sessions: wait until "
                "one has ended, or restart the daemon"
            )
        changes = [service.reload(settings) for service in self._services]
        generation = self._generation(settings)
        self.control.activity = lambda: generation.progress
        await generation.start()
        if self._is_closing:
            generation.kill()
            raise SettingsError("the daemon is ending")
        before, self._current, self.settings = self._current, generation, settings
        if before is not None:
            self._old.append(before)
            before.drain()
            self._check_old()
        for change in changes:
            change()
        self._flush()
        names = [*NEED_RESTART, *(name for one in self._services for name in one.need_restart)]
        started = self._started_with
        late = [name for name in names if _value(started, name) != _value(settings, name)]
        switched = bool(started.acme.domains) != bool(settings.acme.domains)
        return [*late, "acme.domains"] if switched else late

    async def warnings(self) -> list[str]:
        """Return what the present settings ask for in vain, a sentence each: a worker knows it."""
        worker = self._least_loaded()
        if worker is None:
            return []
        try:
            return list(await worker.channel.request(WARNINGS))
        except UpstreamUnavailableError:
            return ["the settings could not be checked: no worker answers"]

    async def close(self) -> None:
        """Stop listening, and have the workers end every session, within a limited time."""
        self._is_closing = True
        for service in self._services:
            service.stop()
        self._reception.close()
        self._sockets.close()
        self._web_sockets.close()
        while self._waiting:
            self._waiting.popleft().refuse(ShutdownError())
        with suppress(ValueError):
            refusals.observers.remove(self._refused)
        for generation in self._generations:
            generation.stop()
        timeout = self.settings.server.drain_timeout + CLOSE_TIMEOUT
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._workers:
                    self._ended.clear()
                    await self._ended.wait()
        if self._ticking is not None:  # until then, it kills those that hang
            self._ticking.cancel()
        for generation in self._generations:
            generation.kill()
        for service in self._services:
            await service.close()

    def _operator_services(self) -> list[Service]:
        """Return the listeners for operators. They are loaded only if they are used: the front
        needs little memory without them."""
        services: list[Service] = []
        if self.settings.metrics.enabled:
            from guacr.metrics.service import MetricsService

            services.append(MetricsService(self.settings, self.control))
        control = self.settings.control
        if control.listens_on_tcp or control.unix_socket is not None:
            from guacr.operators.service import OperatorService

            services.append(OperatorService(self.settings, self.control, self._keys))
        return services

    def _telemetry(self) -> list[Service]:
        """Return what sends the front's own metrics to a collector, if these are wanted."""
        if not is_wanted(self.settings.telemetry, os.environ):
            return []
        from guacr.telemetry.service import TelemetryService  # not loaded without it

        return [TelemetryService(self.settings, None, self.control.own_sample)]

    @property
    def _generations(self) -> list[Generation]:
        return [*self._old, *([] if self._current is None else [self._current])]

    def _generation(self, settings: Settings) -> Generation:
        """Return new workers, which are not started yet.

        Raises:
            SettingsError: the operators' page has a key of users' tokens.
        """
        if settings.control.page:
            from guacr.operators.authority import check_keys  # not loaded without the page

            check_keys(settings)
        self._generation_number += 1
        return Generation(
            Boot(settings, self._keys, worker_count(settings.daemon.workers), self._to_syslog),
            self._new_number,
            self,
            number=self._generation_number,
        )

    def _new_number(self) -> int:
        """Return the number of a new worker: the numbers of those that have ended are used as late
        as possible, so that an id of theirs is not another session's."""
        while True:
            self._last_number = self._last_number % NUMBER_MAX + 1
            if self._last_number not in self._workers:
                return self._last_number

    # ---- workers

    @override
    def became_ready(self, worker: RemoteWorker) -> None:
        self._workers[worker.number] = worker
        worker.channel.answers["ledger"] = partial(self._answer_ledger, str(worker.number))
        ServedControl(self.control, worker.channel)  # for the operators' page
        self.control.began(worker)
        self._flush()

    @override
    def gone(self, worker: RemoteWorker) -> None:
        self._workers.pop(worker.number, None)
        self.control.ended(worker)
        self.book.drop(str(worker.number))
        self._ended.set()
        for client in list(worker.clients.values()):
            if client.sock is None or client.attempts >= ATTEMPTS_MAX or self._is_closing:
                client.leave()
            else:
                self._dispatch(client)
        worker.clients.clear()
        asyncio.get_running_loop().call_soon(self._check_old)

    async def _answer_ledger(self, owner: str, request: Any) -> dict[str, Any]:
        return answer(self.book, owner, request)

    def _full(self) -> str:
        allowed = self.settings.server.max_sessions
        if allowed and self.book.sessions(Scope.ALL) >= allowed:
            return f"all {allowed} sessions are in use (server.max_sessions)"
        return ""

    def _check_old(self) -> None:
        for generation in list(self._old):
            if not generation.workers:
                self._old.remove(generation)
                generation.close()

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        due, pings = loop.time() + TICK, 0
        while True:
            await asyncio.sleep(TICK)
            pings += 1
            stood_still = loop.time() - due > STANDSTILL
            due = loop.time() + TICK
            try:
                self._ping(stood_still=stood_still)
                if self.settings.metrics.enabled and pings % COUNTED_EVERY == 0:
                    self.control.keep_counts()
                self._refuse_late(loop.time())
                self._flush()
            except Exception:
                log.exception("the workers could not be looked after")

    def _ping(self, *, stood_still: bool) -> None:
        """Ping the workers, and kill those that hang, unless this process `stood_still`."""
        reason = self.control.reasons()
        for worker in list(self._workers.values()):
            if stood_still:
                worker.answered()  # it may have; this process did not read
            elif worker.hangs():
                log.error("%s hangs: it is killed", worker)
                for line in worker.trace():
                    log.error("%s hangs: %s", worker, line)
                worker.kill()
                continue
            worker.ping(reason)

    def _refuse_late(self, now: float) -> None:
        while self._waiting and self._waiting[0].due <= now:
            self._waiting.popleft().refuse(BusyError("no process can serve you now: try again"))

    def _refused(self, peer: str, reason: str) -> None:
        """Have a refusal of the front written to the audit log."""
        worker = self._least_loaded()
        if worker is not None:
            worker.channel.send(REFUSED, {"peer": peer, "reason": reason})

    # ---- clients

    def _dispatch(self, client: Client) -> None:
        """Give a client to the worker that it belongs to, or to the least loaded one. One that asks
        for a session of a worker that has ended is told so by any other."""
        worker = self._workers.get(client.worker) if client.worker else self._least_loaded()
        if worker is None and client.worker:
            client.worker, client.moves = 0, False
            worker = self._least_loaded()
        if worker is not None and worker.give(client):
            client.due = 0.0
            return
        if not client.due:  # it has not been waiting yet
            client.due = asyncio.get_running_loop().time() + self.settings.server.handshake_timeout
        self._waiting.append(client)

    def _flush(self) -> None:
        """Give the clients that wait to workers."""
        for _ in range(len(self._waiting)):
            self._dispatch(self._waiting.popleft())

    def _least_loaded(self) -> RemoteWorker | None:
        """Return the worker with the fewest clients; if possible, one that answers, and is ready to
        open sessions."""
        current = [] if self._current is None else list(self._current.workers.values())
        ready = [worker for worker in current if worker.state == "ready"]
        ready = [worker for worker in ready if worker.is_available] or ready
        ready = [worker for worker in ready if not worker.refuses] or ready
        if not ready:  # those of the generation before go on until there are others
            ready = [worker for worker in self._workers.values() if worker.state == "ready"]
        if not ready:
            return None
        self._turn += 1
        at = self._turn % len(ready)
        return min(ready[at:] + ready[:at], key=lambda worker: worker.load)

    @override
    def event(self, event: dict[str, Any]) -> None:
        self.control.event(event)

    @override
    def move(self, worker: RemoteWorker, message: Message) -> None:
        fields = message.fields
        client = worker.clients.pop(fields["lease"], None)
        if message.fd is None:
            if client is not None:
                client.leave()
            return
        if client is None:
            client = Client(self._reception.new_lease(), None, None, fields["port"])
        client.taken()
        client.sock = socket.socket(fileno=message.fd)
        client.sock.setblocking(False)
        client.head, client.worker = message.data, fields["to"]
        client.address, client.secure = fields["address"], fields["secure"]
        client.names = fields["names"]
        client.tls, client.moves = False, client.port == "web"
        client.attempts = 0
        self._dispatch(client)


def _value(settings: Settings, name: str) -> object:
    section, _, key = name.partition(".")
    return getattr(getattr(settings, section), key)
