"""Wakes FreeRDP 2 while it connects.

After each look for messages of the server, it sleeps for 100 ms (`rdp_client_connect` in
libfreerdp/core/connection.c), and a connection takes about ten of them. It sleeps with `usleep`,
which ends when the thread handles a signal.
"""

from __future__ import annotations

import select
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

PAUSE = 2
"""Milliseconds until another signal, if what has arrived has not been read: FreeRDP may not have
slept yet."""
_SIGNAL = signal.SIGUSR1


@contextmanager
def woken_by(sock: socket.socket) -> Iterator[None]:
    """End each sleep of the main thread, which calls this, as soon as `sock` can be read."""
    before = signal.signal(_SIGNAL, _wake)
    signal.siginterrupt(_SIGNAL, False)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        watched = (sock, theirs, threading.get_ident())
        thread = threading.Thread(target=_watch, args=watched, name="waking", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ours.close()
            thread.join()
            signal.signal(_SIGNAL, before)


def _wake(*_: object) -> None:
    """Only a signal with a handler ends a sleep."""


def _watch(sock: socket.socket, end: socket.socket, sleeper: int) -> None:
    ended, either = select.poll(), select.poll()
    ended.register(end, select.POLLIN)
    either.register(end, select.POLLIN)
    either.register(sock, select.POLLIN)
    while True:
        either.poll()
        if ended.poll(0):
            return
        signal.pthread_kill(sleeper, _SIGNAL)
        if ended.poll(PAUSE):
            return
