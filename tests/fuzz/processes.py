"""Fuzzes messages between processes: packets of a worker that has failed are refused."""

from __future__ import annotations

import contextlib

from guacr.workers.wire import Assembler, WireError, packets
from tests.fuzz.driver import main

SAMPLES = [packets("op", {"a": [1, "é"], "b": None}, b"data")[0], b'\1{"op": 1', b"\0{}", b"\0\n"]


def one_input(data: bytes) -> None:
    """Receive `data` as packets of some bytes."""
    size = 1 + sum(data[:2]) % 97
    assembler = Assembler()
    with contextlib.suppress(WireError):
        for at in range(0, len(data), size):
            message = assembler.feed(data[at : at + size])
            if message is not None:
                assert isinstance(message.data, bytes)
                assert "op" not in message.fields


if __name__ == "__main__":
    main(one_input, SAMPLES)
