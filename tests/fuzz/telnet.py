"""Fuzzes the Telnet machine: cuts make no difference, and replies are Telnet themselves."""

from __future__ import annotations

from guacr.errors import UpstreamError
from handlers.telnet.machine import TelnetMachine, Upgrade
from tests.fuzz.driver import main

SAMPLES = [
    b"\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\x1f\xff\xfd\x27login: ",
    b"\xff\xfd\x18\xff\xfa\x18\x01\xff\xf0\xff\xfd\x27\xff\xfa\x27\x01\x00USER\xff\xf0",
    b"text\xff\xff\xff\xfb\x56\xff\xfa\x56\xff\xf0x\x9c",
    b"\xff\xfd\x2e\xff\xfa\x2e\x01\xff\xf0",
    b"\xff\xfa\x18" + b"x" * 4090 + b"\xff\xf0",
]


def one_input(data: bytes) -> None:
    """A host that sends `data`, whole and in parts; only an `UpstreamError` may come of it."""
    step = 1 + sum(data[:2]) % 13
    whole = _hear([data])
    parts = _hear([data[at : at + step] for at in range(0, len(data), step)])
    assert whole == parts
    if whole is not None:
        assert not TelnetMachine("xterm", (80, 24)).receive(whole[1]).output


def _hear(chunks: list[bytes]) -> tuple[bytes, bytes, Upgrade | None] | None:
    """Output, replies and what comes next; None if it is refused."""
    machine = TelnetMachine("xterm", (80, 24), b"ann")
    output = reply = b""
    try:
        for chunk in chunks:
            received = machine.receive(chunk)
            output += received.output
            reply += received.reply
            if received.upgrade is not None:
                return output, reply, received.upgrade
    except UpstreamError:
        return None
    return output, reply, None


if __name__ == "__main__":
    main(one_input, SAMPLES)
