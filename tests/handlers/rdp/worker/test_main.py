"""The end of a worker whose own code fails."""

from __future__ import annotations

import os
import socket

import pytest

from handlers.rdp.channel.codec import Message
from handlers.rdp.channel.messages import Stop
from handlers.rdp.worker.main import BROKEN, Worker


class Broken(Worker):
    """A worker that fails at each message."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def _take(self, message: Message) -> None:
        raise ZeroDivisionError(str(message))


def test_an_error_while_reading_ends_the_process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(Stop().encode())
        Broken(theirs)._read()
    assert codes[0] == BROKEN
    assert "ZeroDivisionError: Stop()" in capsys.readouterr().err
