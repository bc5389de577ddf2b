"""The process that forks workers: with an engine loaded once, a worker starts within milliseconds
and shares its memory with the others.

It has no thread and no event loop. For each worker, it receives one byte with three descriptors:
the channel, the shared memory and the connection to the server. It answers with the process id
and a descriptor of the process, or with zero and a reason.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import struct
import tempfile
import traceback
from pathlib import Path

from handlers.rdp.worker import engines
from handlers.rdp.worker.client import Engine, UnavailableError
from handlers.rdp.worker.confine import confine
from handlers.rdp.worker.main import Worker

DESCRIPTORS = 3
ANSWER = struct.Struct("<i")
REASON_MAX = 1024


def serve(control: socket.socket, name: str) -> None:
    """Load an engine, and fork workers until the daemon closes its end. The first answer contains
    the engine's name and version."""
    try:
        engine = engines.load(name)
    except UnavailableError as error:
        control.send(ANSWER.pack(0) + str(error).encode()[:REASON_MAX])
        return
    control.send(ANSWER.pack(os.getpid()) + f"{engine.name} {engine.version}".encode())
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for workers
    gc.collect()
    gc.freeze()
    with tempfile.TemporaryDirectory(prefix="guacr-rdp-") as home:
        _make_home(Path(home))
        while True:
            request, descriptors, _, _ = socket.recv_fds(control, 1, DESCRIPTORS)
            if not request or len(descriptors) != DESCRIPTORS:
                return
            _fork(engine, control, descriptors, home)
            for descriptor in descriptors:
                os.close(descriptor)


def _make_home(home: Path) -> None:
    """Make the directories that FreeRDP would create, in which workers must not write."""
    for directory in ("certs", "server"):
        (home / ".config" / "freerdp" / directory).mkdir(parents=True)
    for made in [home, *home.rglob("*")]:
        made.chmod(0o555)


def _fork(engine: Engine, control: socket.socket, descriptors: list[int], home: str) -> None:
    try:
        worker = os.fork()
    except OSError as error:
        control.send(ANSWER.pack(0) + str(error.strerror).encode())
        return
    if worker == 0:
        _work(engine, control, descriptors, home)
    try:
        process = os.pidfd_open(worker)
    except OSError:
        control.send(ANSWER.pack(0) + b"a worker process has ended at once")
        return
    socket.send_fds(control, [ANSWER.pack(worker)], [process])
    os.close(process)


def _work(engine: Engine, control: socket.socket, descriptors: list[int], home: str) -> None:
    """Be a worker, which cannot write to what the daemon writes to; does not return."""
    try:
        control.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        channel, shared, sock = descriptors
        nowhere = os.open(os.devnull, os.O_RDWR)
        confine([*descriptors, nowhere], home)
        for standard in range(3):
            os.dup2(nowhere, standard)
        os.close(nowhere)
        Worker(engine, socket.socket(fileno=channel), shared, sock).run()
    except BaseException:  # noqa: BLE001 -- the process ends
        traceback.print_exc()  # seen only until the standard streams are replaced
    finally:
        os._exit(1)
