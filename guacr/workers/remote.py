"""A worker, as the front sees it."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from contextlib import suppress
from typing import Any, Literal, Protocol

from guacr.workers.channel import Channel
from guacr.workers.client import Client
from guacr.workers.operations import (
    CLIENT,
    DRAIN,
    ENDING,
    EVENT,
    FAILED,
    LEASES,
    MOVE,
    PING,
    PONG,
    READY,
    SAMPLE,
    STOP,
    TRACE,
)
from guacr.workers.processor import Processor
from guacr.workers.wire import Message

MISSED_MAX = 3
"""Pings in a row without an answer, after which a worker is killed. Time in which it waits for a
processor does not count."""
LATE = 2
"""Pings in a row without an answer, from which on a worker gets no new clients: the older one has
had a second."""

TRACED_FROM = 1.5
"""Pings, counted as for `MISSED_MAX`, from which on a worker is asked where it hangs."""
ROUNDING = 0.5
"""Pings by which the count may be too low: processor time is told in steps of 10 ms."""
TRACE_MAX = 8192
"""Bytes of the text that says where a worker hangs."""

State = Literal["starting", "ready", "draining", "stopping"]

log = logging.getLogger("guacr.workers")


class Observer(Protocol):
    """Is told what happens to workers."""

    def became_ready(self, worker: RemoteWorker) -> None:
        """Note that a worker can serve clients."""

    def gone(self, worker: RemoteWorker) -> None:
        """Note that the process of a worker has ended."""

    def move(self, worker: RemoteWorker, message: Message) -> None:
        """Give a client of a worker to another one."""

    def event(self, event: dict[str, Any]) -> None:
        """Pass on an event for operators."""


class RemoteWorker:
    """A worker process: its channel, and the clients that it has.

    Args:
        number: names it in the ids of its sessions.
        sock: the front's end of its channel.
        observer: is told what happens to it.
    """

    def __init__(
        self,
        number: int,
        sock: socket.socket,
        observer: Observer,
    ) -> None:
        self.number = number
        self.pid = 0
        self.state: State = "starting"
        self.since = time.monotonic()
        self.reason = ""
        """The reason why it could not start."""
        self.clients: dict[int, Client] = {}
        """By their leases."""
        self.sessions = 0
        self.refuses = False
        """True if it is not ready to open sessions, for a reason of its own."""
        self.last_sample: dict[str, Any] | None = None
        """Its metrics when it ended."""
        self.missed = 0
        """Pings in a row without an answer."""
        self.able = 0.0
        """Those of them that it has had the time to answer."""
        self.channel = Channel(sock, self._received, self._gone)
        self._process: int | None = None
        self._processor = Processor(self.pid)
        self._traces: int | None = None
        self._tubes = 0
        self._is_gone = False
        self._observer = observer

    # ---- description

    @property
    def load(self) -> int:
        """The number of its clients."""
        return len(self.clients) + self._tubes

    @property
    def is_available(self) -> bool:
        """True if it can be given new clients, and answers."""
        return self.state == "ready" and self.missed < LATE

    def __str__(self) -> str:
        return f"worker {self.number} (process {self.pid})"

    # ---- actions

    def forked(self, pid: int, process: int | None) -> None:
        """Note its process id, and a descriptor of the process."""
        self.pid, self._process = pid, process
        self._processor = Processor(pid)

    def give(self, client: Client) -> bool:
        """Give it a client; return whether that was possible."""
        descriptor = client.duplicate()
        if descriptor is None:
            return False
        client.attempts += 1
        self.clients[client.lease] = client
        self.channel.send(CLIENT, client.fields, client.head, descriptor)
        return True

    def ping(self, reason: str) -> None:
        """Ask whether its event loop runs; `reason` says why the daemon is not ready."""
        self.missed += 1
        self.channel.send(PING, {"reason": reason})

    def hangs(self) -> bool:
        """Count the time since the last ping; return whether it has had the time to answer, and has
        not."""
        before, share = self.able, self._processor.share()
        if self.missed:
            self.able += share
        if before < TRACED_FROM <= self.able:
            self._signal(TRACE)
        return self.able > MISSED_MAX - ROUNDING

    def answered(self) -> None:
        """Note that it answers, or that nobody knows whether it does."""
        self.missed, self.able = 0, 0.0

    def drain(self) -> None:
        """Have it end after its last session."""
        if self.state in ("starting", "ready"):
            self.state = "draining"
            self.channel.send(DRAIN)

    def stop(self) -> None:
        """Have it end its sessions, and itself."""
        self.state = "stopping"
        self.channel.send(STOP)

    def trace(self) -> list[str]:
        """Return where its main thread was when it had missed its last ping; empty if it did not
        say."""
        if self._traces is None:
            return []
        text = os.pread(self._traces, TRACE_MAX, 0).decode(errors="replace")
        return text.splitlines()

    def kill(self) -> None:
        """End its process at once; nothing happens if it has ended."""
        self._signal(signal.SIGKILL)
        self.channel.close()
        self._gone()

    def _signal(self, number: int) -> None:
        with suppress(ProcessLookupError):
            if self._process is not None:
                signal.pidfd_send_signal(self._process, number)
            elif self.pid:
                os.kill(self.pid, number)

    # ---- messages

    def _received(self, message: Message) -> None:
        fields = message.fields
        if message.op == LEASES:
            self._note(fields)
        elif message.op == PONG:
            self.answered()
            self.sessions, self._tubes = fields["sessions"], fields["tubes"]
            self.refuses = not fields["ready"]
        elif message.op == MOVE:
            self._observer.move(self, message)
        elif message.op == READY:
            self._traces = message.fd
            if self.state == "starting":
                self.state = "ready"
            self._observer.became_ready(self)
        elif message.op == EVENT:
            self._observer.event(fields["event"])
        elif message.op == SAMPLE:
            self.last_sample = fields["sample"]
        elif message.op == ENDING:
            self.state = "stopping"
        elif message.op == FAILED:
            self.reason = fields["reason"]

    def _note(self, changes: Any) -> None:
        for lease in changes.get("taken", ()):
            if lease in self.clients:
                self.clients[lease].taken()
        for lease in changes.get("settled", ()):
            client = self.clients.get(lease)
            if client is not None and client.place is not None:
                client.place.settle()
        for lease in changes.get("left", ()):
            client = self.clients.pop(lease, None)
            if client is not None:
                client.leave()

    def _gone(self) -> None:
        if self._is_gone:
            return
        self._is_gone = True
        for descriptor in (self._process, self._traces):
            if descriptor is not None:
                os.close(descriptor)
        self._process = self._traces = None
        self._observer.gone(self)
