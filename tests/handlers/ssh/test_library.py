"""What asyncssh does differently for guacr."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from handlers.ssh import library


class UvloopTransport:
    """A transport of uvloop whose connection was reset, before this is reported."""

    def __init__(self, *, is_closed: bool) -> None:
        self.is_closed = is_closed
        self.written: list[bytes] = []

    def is_closing(self) -> bool:
        return self.is_closed

    def write(self, data: bytes) -> None:
        if self.is_closed:
            raise RuntimeError("the handler is closed")
        self.written.append(data)


def test_input_after_the_end_of_a_connection_is_no_error() -> None:
    transport = UvloopTransport(is_closed=False)
    connection: Any = SimpleNamespace(_transport=transport, _send=transport.write)
    library._ignore_closed_transport(connection)
    connection._send(b"before")
    transport.is_closed = True
    connection._send(b"after")
    connection._transport = None
    connection._send(b"later")
    assert transport.written == [b"before"]
