"""Fuzzes both terminal engines: a host's output does not break them, whatever it is and however it
is cut, and what they have can be shown."""

from __future__ import annotations

from terminal.engines.available import engine
from terminal.engines.emulator import EmulatorOptions
from tests.fuzz.driver import main
from tests.terminal.engine import COLOURS, Heard

OPTIONS = EmulatorOptions(
    columns=20, rows=5, scrollback_rows=20, colours=COLOURS, image_bytes=1 << 16,
    clipboard_bytes=1 << 12, screen_reports=True,
)  # fmt: skip
ENGINES = [engine(name) for name in ("pyte", "ghostty")]
REPLY_MAX = 1 << 12
"""Bytes of replies for a byte of output."""
SAMPLES = [
    b"text\r\n\x1b[1;31mred\x1b[0m\x1b[2J\x1b[5;5H\x1b[K\x1b7\x1b[?1049h\x1b8\x1b[?1049l",
    b"\x1b]0;title\x07\x1b]52;c;QUJD\x07\x1b]8;;http://a\x07x\x1b]8;;\x07\x1b]4;1;rgb:f/0/0\x1b\\",
    b"\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1bP$qm\x1b\\\x1b[1;1;1;1;5;20*y\x1b[18t\x1b[21t\x05",
    "é😀e\u0301\u200d漢".encode() + b"\x1b(0lqk\x1b(B\x0e\x0f\x1b#8\x1b[3b",
    b"\x1b_Ga=T,f=24,s=1,v=1,i=1;AAAA\x1b\\\x1b_Ga=d\x1b\\\x1b_Gi=1,a=p,c=3,r=2\x1b\\",
    b"\x1b[2;4r\x1b[5S\x1b[5T\x1bM\x1bD\x1b[3L\x1b[3M\x1b[9P\x1b[9@\x1b[9X\x1b[?6h\x1b[1;3;2;9$x",
    b"\x1b[?1000;1006h\x1b[>1u\x1b[?2026h\x1b[20h\x1b[?7l" + b"w" * 50 + b"\x1bc",
]


def one_input(data: bytes) -> None:
    """Feed `data` to both engines in parts, resize them, and show them."""
    step = 1 + sum(data[:2]) % 61
    for start in ENGINES:
        heard = Heard()
        emulator = start(OPTIONS, heard)
        try:
            for at in range(0, len(data), step):
                emulator.feed(data[at : at + step])
            emulator.update()
            emulator.resize(1 + step % 40, 1 + step % 7, 10, 19)
            assert len(emulator.update(full=True).rows) <= emulator.rows
            emulator.images()
            emulator.trim()
            for row in range(emulator.scrollbar.offset):
                emulator.row_at(row)
        finally:
            emulator.close()
        assert len(heard.replies) <= REPLY_MAX * (len(data) + 1)


if __name__ == "__main__":
    main(one_input, SAMPLES)
