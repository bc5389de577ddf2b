"""Fuzzes what guacd sends to a tube: cuts make no difference, payloads are whole, and the handshake
ends in readiness or with its documented error."""

from __future__ import annotations

from guacr.errors import ProtocolError
from guacr.protocol.instruction import encode
from guacr.tubes.errors import GuacdError
from guacr.tubes.guacamole.connect import ConnectHandshake, Request
from guacr.tubes.guacamole.splitter import Splitter
from tests.fuzz.driver import main

SAMPLES = [
    encode("args", "VERSION_1_5_0", "hostname", "read-only") + encode("ready", "$id"),
    encode("sync", 1, 2) + encode("size", 0, 1024, 768) + encode("blob", 1, "x" * 300),
    encode("name", "é😀,;") + encode("argv", "4.size,1.0;", "y" * 20000) + encode("nop"),
    encode("copy", -1, 2, 3, 4) * 500 + encode("error", "wrong", 519) + encode("sync", 1),
    encode("img", 1, 14, 0, "image/png", 1, 2) + encode("disconnect") + encode("nop"),
]


def one_input(data: bytes) -> None:
    """guacd sends `data`, at once and in pieces."""
    step = 1 + sum(data[:2]) % 97
    parts = [data[at : at + step] for at in range(0, len(data), step)]
    assert _split([data]) == _split(parts)
    handshake = ConnectHandshake(Request("ssh", {"hostname": "h"}))
    try:
        for part in parts:
            handshake.receive(part)
    except GuacdError:
        return


def _split(parts: list[bytes]) -> tuple[bytes, list[str], str, bool]:
    """Return what was sent, the sizes, the end, and whether the stream was valid."""
    splitter, sent, sizes = Splitter(), b"", list[str]()
    received = 0
    for part in parts:
        received += len(part)
        try:
            payloads = splitter.feed(part)
        except ProtocolError:
            return b"", [], "", False
        assert all(Splitter().feed(payload) for payload in payloads)
        sent += b"".join(payloads)
        sizes += splitter.sizes
        assert splitter.end or len(sent) + splitter.held == received
    return sent, sizes, splitter.end, True


if __name__ == "__main__":
    main(one_input, SAMPLES)
