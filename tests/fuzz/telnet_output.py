"""Fuzzes what follows Telnet's commands: compressed output, and prompts that a login waits for."""

from __future__ import annotations

import contextlib
import zlib

from guacr.errors import UnauthorizedError, UpstreamError
from handlers.telnet.inflation import PORTION, Inflation
from handlers.telnet.login import LINE_MAX, LoginWatch
from handlers.telnet.params import TelnetParams
from handlers.terminal.hosttext import HostText
from tests.fuzz.driver import main

PARAMS = TelnetParams.parse(
    {
        "hostname": "h", "username": "ann", "password": "secret",
        "login-success-regex": r"\$ $", "login-failure-regex": "incorrect",
    }
)  # fmt: skip
SAMPLES = [
    zlib.compress(b"login: ") + b"after",
    zlib.compress(bytes(100_000)),
    b"login: \r\nPassword: \r\nWelcome\r\n$ ",
    b"Login incorrect\r\nlogin: ",
    b"x" * 3000 + b"login:",
]


def one_input(data: bytes) -> None:
    """Inflate `data`, and watch it."""
    step = 1 + sum(data[:2]) % 61
    inflation = Inflation()
    with contextlib.suppress(UpstreamError):
        for at in range(0, len(data), step):
            inflation.put(data[at : at + step])
            portion = inflation.take()
            assert len(portion) <= PORTION
            while inflation.more:
                inflation.take()
    watch, typed = LoginWatch(PARAMS, HostText()), b""
    with contextlib.suppress(UnauthorizedError):
        for at in range(0, len(data), step):
            typed += watch.feed(data[at : at + step])
            assert len(watch._line) <= LINE_MAX
    assert typed in (b"", b"ann\r", b"secret\r", b"ann\rsecret\r")


if __name__ == "__main__":
    main(one_input, SAMPLES)
