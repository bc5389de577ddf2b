"""Tubes: the processor time of frames, one by one, many in a message, and in pieces; and of cutting
guacd's stream into frames of whole instructions."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from benchmarks import table
from benchmarks.table import print_table
from guacr.protocol.instruction import encode as encode_instruction
from guacr.protocol.parser import InstructionParser
from guacr.testing.daemon import address, running_daemon
from guacr.tubes.guacamole.connect import ConnectHandshake, Request
from guacr.tubes.guacamole.splitter import Splitter
from guacr.tubes.wire.frames import (
    LENGTH_MAX,
    MESSAGE_MAX,
    OVERHEAD,
    FrameParser,
    encode,
)

NOW = 1_700_000_000_000
SIZES = {"64 B": 64, "1.5 KB": 1500, "8 KB": 8192, "64 KB": MESSAGE_MAX - OVERHEAD}
BATCH = 32
PIECE = 1024
READ = 65536
STREAM = 4_000_000
"""Bytes of the stream that is recorded."""


def seconds(work: Callable[[], object]) -> float:
    """The processor time of a call."""
    return table.seconds(work, time.thread_time)


def main() -> None:
    """Print the tables."""
    rows = [
        _row(name, bytes(range(256)) * (size // 256) + bytes(size % 256))
        for name, size in SIZES.items()
    ]
    print_table("Tubes: frames", ["payload", "parse, us", "encode, us", "both, MB/s"], rows)
    rows = [_batch(name, bytes(SIZES[name])) for name in ("64 B", "1.5 KB")]
    columns = ["payload", "parse, us each"]
    print_table(f"Tubes: {BATCH} frames in a message", columns, rows)
    rows = [["16 MiB in pieces of 1 KiB", *_pieces(LENGTH_MAX, PIECE)]]
    rows += [["1 MiB in single bytes", *_pieces(1 << 20, 1)]]
    print_table("Tubes: a frame in many messages", ["", "us a message", "MB/s"], rows)
    rows = [_split(name, stream) for name, stream in _streams().items()]
    columns = ["stream of guacd", "KB", "read 64 KiB at once, MB/s", "1400 bytes at once, MB/s"]
    print_table("Tubes: whole instructions", columns, rows)


def _row(name: str, payload: bytes) -> list[object]:
    message = encode(1, payload, NOW)
    parser = FrameParser()
    parsing = seconds(lambda: parser.feed(message))
    encoding = seconds(lambda: encode(1, payload, NOW))
    return [name, parsing * 1e6, encoding * 1e6, len(payload) / (parsing + encoding) / 1e6]


def _batch(name: str, payload: bytes) -> list[object]:
    message = b"".join(encode(number, payload, NOW) for number in range(1, BATCH + 1))
    parser = FrameParser()
    return [name, seconds(lambda: parser.feed(message)) / BATCH * 1e6]


def _pieces(size: int, piece: int) -> list[object]:
    message = encode(1, bytes(size), NOW)
    pieces = [message[at : at + piece] for at in range(0, len(message), piece)]
    parser = FrameParser()

    def parse() -> None:
        for one in pieces:
            parser.feed(one)

    taken = seconds(parse)
    return [taken / len(pieces) * 1e6, len(message) / taken / 1e6]


def _streams() -> dict[str, bytes]:
    small = b"".join(
        encode_instruction("copy", -1, n, n * 3, 64, 64, 14, 0, n * 7 % 1000, 333)
        + encode_instruction("sync", 1795938038 + n, 1)
        for n in range(20_000)
    )
    names = b"".join(encode_instruction("name", "é" * 20, n) for n in range(20_000))
    return {
        "pictures of the test card": asyncio.run(_recorded()),
        "small instructions": small,
        "small ones that are not ASCII": names,
    }


async def _recorded() -> bytes:
    """A stream of guacr's own daemon, of a picture that moves."""
    handshake = ConnectHandshake(Request("testcard", {"motion": "photo", "image": "image/jpeg"}))
    stream = b""
    async with running_daemon() as daemon:
        reader, writer = await asyncio.open_connection(*address(daemon))
        writer.write(handshake.start())
        while handshake.connection_id is None:
            writer.write(handshake.receive(await reader.read(READ)))
        parser = InstructionParser()
        while len(stream) < STREAM and (data := await reader.read(READ)):
            stream += data
            for instruction in parser.feed(data):
                if instruction.opcode == "sync":
                    writer.write(encode_instruction("sync", instruction.args[0]))
        writer.write(encode_instruction("disconnect"))
        while await reader.read(READ):
            pass
        writer.close()
    return stream


def _split(name: str, stream: bytes) -> list[object]:
    speeds = list[object]()
    for size in (READ, 1400):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]

        def split(pieces: list[bytes] = pieces) -> None:
            splitter = Splitter()
            for piece in pieces:
                splitter.feed(piece)

        speeds.append(len(stream) / seconds(split) / 1e6)
    return [name, len(stream) // 1000, *speeds]


if __name__ == "__main__":
    main()
