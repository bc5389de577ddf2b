"""A thread that sleeps in C wakes when its server answers."""

from __future__ import annotations

import ctypes
import errno
import signal
import socket
import threading

from handlers.rdp.freerdp.waking import woken_by

LONG = 50_000_000
"""Microseconds, about the time that a test has."""
libc = ctypes.CDLL(None, use_errno=True)


def is_interrupted() -> bool:
    return libc.usleep(LONG) == -1 and ctypes.get_errno() == errno.EINTR


def test_sleeps_end_when_something_arrives() -> None:
    near, far = socket.socketpair()
    with near, far, woken_by(near):
        for _ in range(2):
            answer = threading.Timer(0.02, far.send, [b"answer"])
            answer.start()
            assert is_interrupted()
            answer.join()
            assert near.recv(100) == b"answer"


def test_sleeps_end_when_the_server_is_gone() -> None:
    near, far = socket.socketpair()
    with near, woken_by(near):
        far.close()
        assert is_interrupted()
        assert is_interrupted(), "not the first one alone"


def test_nothing_is_left() -> None:
    before = signal.getsignal(signal.SIGUSR1), threading.active_count()
    near, far = socket.socketpair()
    with near, far:
        with woken_by(near):
            assert threading.active_count() == before[1] + 1
        far.send(b"more")
        assert (signal.getsignal(signal.SIGUSR1), threading.active_count()) == before
