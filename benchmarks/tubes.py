"""Tubes: the processor time of frames, one by one, many in a message, and in pieces."""

from __future__ import annotations

import time
from collections.abc import Callable

from benchmarks import table
from benchmarks.table import print_table
from guacr.tubes.wire.frames import (
    LENGTH_MAX,
    MESSAGE_MAX,
    OVERHEAD,
    Frame,
    FrameParser,
    encode,
    encode_batch,
)

NOW = 1_700_000_000_000
SIZES = {"64 B": 64, "1.5 KB": 1500, "8 KB": 8192, "64 KB": MESSAGE_MAX - OVERHEAD}
BATCH = 32
PIECE = 1024


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
    columns = ["payload", "parse, us each", "encode, us each"]
    print_table(f"Tubes: {BATCH} frames in a message", columns, rows)
    rows = [["16 MiB in pieces of 1 KiB", *_pieces(LENGTH_MAX, PIECE)]]
    rows += [["1 MiB in single bytes", *_pieces(1 << 20, 1)]]
    print_table("Tubes: a frame in many messages", ["", "us a message", "MB/s"], rows)


def _row(name: str, payload: bytes) -> list[object]:
    message = encode(1, payload, NOW)
    parser = FrameParser()
    parsing = seconds(lambda: parser.feed(message))
    encoding = seconds(lambda: encode(1, payload, NOW))
    return [name, parsing * 1e6, encoding * 1e6, len(payload) / (parsing + encoding) / 1e6]


def _batch(name: str, payload: bytes) -> list[object]:
    frames: list[Frame] = [(number, payload) for number in range(1, BATCH + 1)]
    (message,) = encode_batch(frames, NOW)
    parser = FrameParser()
    parsing = seconds(lambda: parser.feed(message))
    encoding = seconds(lambda: encode_batch(frames, NOW))
    return [name, parsing / BATCH * 1e6, encoding / BATCH * 1e6]


def _pieces(size: int, piece: int) -> list[object]:
    message = encode(1, bytes(size), NOW)
    pieces = [message[at : at + piece] for at in range(0, len(message), piece)]
    parser = FrameParser()

    def parse() -> None:
        for one in pieces:
            parser.feed(one)

    taken = seconds(parse)
    return [taken / len(pieces) * 1e6, len(message) / taken / 1e6]


if __name__ == "__main__":
    main()
