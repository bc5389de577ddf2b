"""Instructions: what a client's input and the daemon's output cost."""

from benchmarks.table import print_table, seconds
from guacr.protocol.instruction import encode, encode_blobs
from guacr.protocol.parser import InstructionParser

KEYS = b"".join(encode("key", 97, pressed) for pressed in (1, 0)) * 500
MOVES = b"".join(encode("mouse", x, x + 1, 0) for x in range(1000))
PASTE = encode_blobs(0, bytes(range(256)) * 1024)
IMAGE = bytes(range(256)) * 240


def main() -> None:
    """Print the table."""
    rows = []
    for name, data, count in [("keys", KEYS, 1000), ("moves", MOVES, 1000), ("blobs", PASTE, 44)]:
        taken = seconds(lambda data=data: InstructionParser().feed(data))  # type: ignore[misc]
        rows.append([f"parse {name}", taken / count * 1e6, len(data) / taken / 1e6])
    taken = seconds(lambda: encode("copy", 1, 0, 19, 990, 722, 14, 1, 0, 0))
    rows.append(["encode copy", taken * 1e6, 45 / taken / 1e6])
    taken = seconds(lambda: encode_blobs(1, IMAGE))
    rows.append(["encode blobs of 60 KB", taken * 1e6, len(IMAGE) / taken / 1e6])
    print_table("Instructions", ["", "us each", "MB/s"], rows)


if __name__ == "__main__":
    main()
