"""A worker: a daemon in a process of its own, whose clients the front has accepted."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import os
import signal
import socket
from typing import Any, NoReturn

from guacr import garbage, refusals
from guacr.access.keys import ProcessKeys
from guacr.addresses import network_of
from guacr.daemon import Daemon
from guacr.errors import BusyError, SettingsError
from guacr.event_loop import leave, loop_factory
from guacr.limits.remote_ledger import RemoteLedger
from guacr.net.connection_limits import ConnectionLimits, connections_for
from guacr.net.handover import Adopted
from guacr.net.open_files import open_files
from guacr.net.tls import Contexts
from guacr.session import ids
from guacr.session.protocols import Protocols
from guacr.settings.models import Settings
from guacr.workers.channel import Channel
from guacr.workers.leases import Leases
from guacr.workers.operations import (
    CLIENT,
    DRAIN,
    ENDING,
    FAILED,
    LEASES,
    PING,
    PONG,
    READY,
    REFUSED,
    SAMPLE,
    STOP,
    TRACE,
    WARNINGS,
)
from guacr.workers.relay import WorkerHandover
from guacr.workers.served_control import ServedControl
from guacr.workers.whole_control import WholeControl
from guacr.workers.wire import Message

IDLE_PERIOD = 0.2
"""Seconds between two looks whether a worker that drains has ended its last session."""

log = logging.getLogger("guacr.workers")


def main(
    number: int,
    sock: socket.socket,
    settings: Settings,
    keys: ProcessKeys,
    protocols: Protocols,
    contexts: Contexts,
    *,
    is_first: bool,
) -> NoReturn:
    """Run a worker, whose channel to the front is `sock`, until it ends; then end the process. The
    first one of a generation logs problems of the configured connections."""
    ids.set_own_number(number)
    gc.set_threshold(*garbage.THRESHOLDS)
    gc.enable()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(_run(sock, settings, keys, protocols, contexts, is_first=is_first))
        except Exception:
            log.exception("a worker failed")
        finally:
            leave()


async def _run(
    sock: socket.socket,
    settings: Settings,
    keys: ProcessKeys,
    protocols: Protocols,
    contexts: Contexts,
    *,
    is_first: bool,
) -> None:
    await Worker(sock, settings, keys, protocols, contexts, is_first=is_first).run()


class Worker:
    """Serves the clients that come over the channel to the front."""

    def __init__(
        self,
        sock: socket.socket,
        settings: Settings,
        keys: ProcessKeys,
        protocols: Protocols,
        contexts: Contexts,
        *,
        is_first: bool,
    ) -> None:
        self._stopped = asyncio.Event()
        self._channel = Channel(sock, self._received, self._stopped.set)
        self._leases = Leases(lambda changes: self._channel.send(LEASES, changes))
        self._handover = WorkerHandover()
        self._handover.channel = self._channel
        most = settings.server.max_connections or connections_for(open_files())
        self._limits = ConnectionLimits(most, settings.server.max_waiting)
        self._tasks: set[asyncio.Task[Any]] = set()
        self.daemon = Daemon(
            settings,
            protocols=protocols,
            keys=keys,
            handover=self._handover,
            checks_connections=is_first,
            ledger=RemoteLedger(
                lambda request: self._channel.request("ledger", request),
                lambda request: self._channel.tell("ledger", request),
            ),
            whole=WholeControl(self._channel),
            contexts=contexts,
        )
        self._reason = ""
        self._checks = tuple(self.daemon.control.checks)
        """Those of this process; the front adds its reason."""
        self.daemon.control.checks.append(lambda: self._reason)
        self._control = ServedControl(self.daemon.control, self._channel)
        self._channel.answers[WARNINGS] = self._warnings

    async def run(self) -> None:
        """Serve until the front says that this is the end, or is gone."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._terminated)
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        try:
            await self.daemon.start()
        except SettingsError as error:
            self._channel.send(FAILED, {"reason": str(error)})
            return
        gc.freeze()
        self._channel.send(READY, fd=_traces())
        await self._stopped.wait()
        self._handover.close()
        await self._control.close()
        await self.daemon.close()
        for sample in await self.daemon.control.samples():
            self._channel.send(SAMPLE, {"sample": sample})

    def _terminated(self) -> None:
        self._channel.send(ENDING)
        self._stopped.set()

    # ---- messages of the front

    def _received(self, message: Message) -> None:
        if message.op == CLIENT:
            self._adopt(message)
        elif message.op == PING:
            self._reason = message.fields["reason"]
            sessions, tubes = len(self.daemon.registry.sessions), self.daemon.tubes
            is_ready = not any(check() for check in self._checks)
            self._channel.send(PONG, {"sessions": sessions, "tubes": tubes, "ready": is_ready})
        elif message.op == DRAIN:
            self.daemon.drain()
            self._start(self._drain())
        elif message.op == STOP:
            self._stopped.set()
        elif message.op == REFUSED:
            for observer in refusals.observers:
                observer(message.fields["peer"], message.fields["reason"])

    async def _warnings(self, argument: None) -> list[str]:
        return await self.daemon.warnings()

    def _adopt(self, message: Message) -> None:
        fields = message.fields
        lease, address = fields["lease"], fields["address"]
        if message.fd is None:  # this process has too many open files
            self._leases.refuse(lease)
            return
        sock = socket.socket(fileno=message.fd)
        sock.setblocking(False)
        try:
            place = self._limits.enter(_network(sock, address))
        except (BusyError, OSError):
            sock.close()
            self._leases.refuse(lease)
            return
        client = Adopted(
            sock,
            self._leases.take(lease, place),
            address=None if address is None else tuple(address),
            names=tuple(fields["names"]),
            secure=fields["secure"],
            head=message.data,
            tls=fields["tls"],
            moves=fields["moves"],
        )
        self._start(self.daemon.adopt(fields["port"], client))

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work, name="client")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _drain(self) -> None:
        """End after the last session, and the last client."""
        while not self._is_idle:  # noqa: ASYNC110 - nothing announces all of this
            await asyncio.sleep(IDLE_PERIOD)
        self._terminated()

    @property
    def _is_idle(self) -> bool:
        return self.daemon.is_idle and not self._leases and not self._handover.relays


def _traces() -> int:
    """Have the signal `TRACE` write where the main thread is, even if it hangs; return a descriptor
    of the memory with that text."""
    memory = os.memfd_create("traces")  # stays open
    faulthandler.register(TRACE, file=memory, all_threads=False)
    return os.dup(memory)


def _network(sock: socket.socket, address: list[Any] | None) -> str:
    name = sock.getpeername() if address is None else tuple(address)
    return network_of(name[0]) if isinstance(name, tuple) else str(name)
