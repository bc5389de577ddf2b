"""The zygote: imports everything, warms up, and forks a worker whenever the front asks.

It never runs an event loop, and has no threads when it forks. It is started as a program of its
own, so that each generation of workers has the code that is installed at that time. It ends when
the front closes its end of the channel.
"""

from __future__ import annotations

import ctypes
import gc
import logging
import os
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from guacr import garbage
from guacr import log as logs
from guacr.daemon import tube_service
from guacr.errors import GuacrError
from guacr.event_loop import loop_factory
from guacr.net.tls import Contexts, client_contexts
from guacr.session.protocols import Protocols
from guacr.standard_streams import drop_standard_streams
from guacr.threads import WAITING_MAX
from guacr.workers import worker
from guacr.workers.boot import Boot
from guacr.workers.operations import FAILED, FORK, FORKED, READY
from guacr.workers.shares import share_of
from guacr.workers.wire import PACKET_MAX, Assembler, Message, packets

THREADS_MIN = 32
"""Threads of a worker that resolve names, however many workers there are."""
COMM = Path("/proc/self/comm")
"""The name of this process, of which 15 characters are shown by ps and top."""
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2)."""

log = logging.getLogger("guacr.workers")


def main(descriptor: int, memory: int) -> None:
    """Serve the channel with a descriptor, as the boot data in `memory` say."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the front gets them, too, and says what to do
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that no worker remains as a zombie
    _adopt_orphans()
    COMM.write_text("guacr zygote")
    channel = socket.socket(fileno=descriptor)
    channel.set_inheritable(False)
    try:
        boot = Boot.read(memory)
        logs.configure(boot.settings.log, to_syslog=boot.to_syslog)
        logs.collect_stray()
        protocols = Protocols(offered=boot.settings.server.protocols)
        if boot.settings.webrtc.enabled:
            tube_service(boot.settings)
        contexts = client_contexts(boot.settings)
    except GuacrError as error:
        _send(channel, FAILED, {"reason": str(error)})
        return
    protocols.warm_up(boot.settings)
    loop_factory(max(THREADS_MIN, WAITING_MAX // boot.workers))  # loads its library
    _check_threads()
    gc.collect()
    gc.freeze()  # collections would copy the memory that all workers share
    if boot.to_syslog:  # in the background; an earlier failure is shown to whoever starts it
        drop_standard_streams()
    _send(channel, READY, {})
    while (message := _receive(channel)) is not None:
        if message.op == FORK and message.fd is not None:
            _fork(channel, message, message.fd, boot, protocols, contexts)


def _fork(
    channel: socket.socket,
    message: Message,
    descriptor: int,
    boot: Boot,
    protocols: Protocols,
    contexts: Contexts,
) -> None:
    """Fork a worker, which has the other end of the channel with `descriptor`."""
    number, is_first = message.fields["number"], message.fields["first"]
    try:
        pid = os.fork()
    except OSError as error:
        os.close(descriptor)
        _send(channel, FORKED, {"number": number, "error": error.strerror})
        return
    if pid == 0:
        channel.close()
        COMM.write_text(f"guacr w{number}")
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        share = share_of(boot.settings, boot.workers)
        sock = socket.socket(fileno=descriptor)
        worker.main(number, sock, share, boot.keys, protocols, contexts, is_first=is_first)
    os.close(descriptor)
    try:
        process = os.pidfd_open(pid)
    except OSError:  # it has ended already, or there are no more descriptors
        _send(channel, FORKED, {"number": number, "pid": pid})
        return
    _send(channel, FORKED, {"number": number, "pid": pid}, process)
    os.close(process)


def _adopt_orphans() -> None:
    """Become the parent of processes that workers leave behind when they end. They end as well, and
    would remain as zombies of a front that is the first process of a container."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _check_threads() -> None:
    """Warn about threads, which would not exist in the workers: their locks may be held for
    ever."""
    names = [(task / "comm").read_text().strip() for task in Path("/proc/self/task").iterdir()]
    if len(names) > 1:
        log.warning("there are threads before workers are forked: %s", ", ".join(sorted(names)))


def _send(
    channel: socket.socket, op: str, fields: dict[str, Any], descriptor: int | None = None
) -> None:
    *first, last = packets(op, fields)
    for packet in first:
        channel.send(packet)
    socket.send_fds(channel, [last], [] if descriptor is None else [descriptor])


def _receive(channel: socket.socket) -> Message | None:
    """Return the next message; None once the front has closed the channel."""
    assembler = Assembler()
    while True:
        packet, fds, _, _ = socket.recv_fds(channel, PACKET_MAX, 1, socket.MSG_CMSG_CLOEXEC)
        if not packet:
            return None
        message = assembler.feed(packet, fds[0] if fds else None)
        if message is not None:
            return message


if __name__ == "__main__":
    with garbage.postponed(), suppress(ConnectionError):  # the front has given it up
        main(*map(int, sys.argv[1:]))
