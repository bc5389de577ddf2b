"""A worker whose own code fails."""

from __future__ import annotations

import ctypes
import os
import socket
import sys
import threading

import pytest

from handlers.rdp.channel.codec import Message, Parser
from handlers.rdp.channel.messages import FROM_WORKER, Remark, Stop
from handlers.rdp.worker.main import BROKEN, Worker


class Broken(Worker):
    """A worker that fails at each message."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._sending = threading.Lock()

    def _take(self, message: Message) -> None:
        raise ZeroDivisionError(str(message))


def reported(channel: socket.socket) -> str:
    """Return the error that the daemon receives."""
    (message,) = Parser(FROM_WORKER).feed(channel.recv(4096))
    assert isinstance(message, Remark)
    assert message.is_error
    return message.text


def test_an_error_while_reading_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(Stop().encode())
        Broken(theirs)._read()
        assert codes[0] == BROKEN
        text = reported(ours)
        assert text.startswith("ZeroDivisionError: Stop() (main.py:")
        assert "test_main.py:" in text


@pytest.mark.parametrize("hook", ["thread", "callback"])
def test_errors_in_threads_and_callbacks_are_reported(
    hook: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        worker = Broken(theirs)
        if hook == "thread":
            monkeypatch.setattr(threading, "excepthook", worker._report_hook)
            thread = threading.Thread(target=worker._take, args=[Stop()])
            thread.start()
            thread.join()
        else:
            monkeypatch.setattr(sys, "unraisablehook", worker._report_hook)
            ctypes.CFUNCTYPE(None)(lambda: worker._take(Stop()))()
        assert reported(ours).startswith("ZeroDivisionError: Stop()")
