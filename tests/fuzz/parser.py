"""Fuzzes the instruction parser: cuts make no difference, and what was read can be written."""

from __future__ import annotations

from guacr.errors import ProtocolError
from guacr.protocol.instruction import Instruction
from guacr.protocol.parser import InstructionParser
from tests.fuzz.driver import main

SAMPLES = [
    b"6.select,3.ssh;",
    b"4.size,4.1024,3.768,2.96;5.audio,9.audio/L16;5.video;5.image,9.image/png;",
    "7.connect,13.VERSION_1_5_0,0.,4.höst,2.22,1.😀;".encode(),
    b"0.,4.ping,13.1700000000000;3.nop;4.sync,8.12345678;",
    b"9.clipboard,1.0,10.text/plain;4.blob,1.0,8.aGVsbG8=;3.end,1.0;",
    b"3.log," + b",".join([b"1.x"] * 120) + b";",
    b"4.name,8000." + b"x" * 8000 + b",8000." + b"y" * 8000 + b";",
]


def one_input(data: bytes) -> None:
    """Feed `data` whole and in parts; only a `ProtocolError` may come of it."""
    whole = _parse([data])
    step = 1 + sum(data[:2]) % 13
    parts = _parse([data[at : at + step] for at in range(0, len(data), step)])
    assert whole == parts
    if whole is not None:
        again = _parse([instruction.encode() for instruction in whole])
        assert again == whole


def _parse(chunks: list[bytes]) -> list[Instruction] | None:
    """The instructions, None if they are refused."""
    parser = InstructionParser()
    try:
        return [instruction for chunk in chunks for instruction in parser.feed(chunk)]
    except ProtocolError:
        return None


if __name__ == "__main__":
    main(one_input, SAMPLES)
