"""Fuzzes what is read again of recordings: their course, the text of terminals, and what is found
in it. Cuts make no difference, and damaged files have their documented error."""

from __future__ import annotations

import io

from guacr.errors import BadRequestError, ProtocolError
from guacr.protocol.instruction import encode
from guacr.protocol.parser import InstructionParser
from guacr.recording.index import KEYFRAME, started_of
from guacr.recording.keylog import typed
from guacr.recording.scan import Map, Scanner
from guacr.recording.search import FOUND_MAX, SHOWN_MAX, search
from guacr.recording.ttyrec import read_ttyrec
from tests.fuzz.driver import main
from tests.support.recordings import ttyrec_of

SAMPLES = [
    encode("sync", 1000) + KEYFRAME + encode("size", 0, 8, 8) + encode("sync", 1500, 1),
    encode("sync", 5) + encode("key", 97, 1, 6) + encode("key", 97, 0, 7) + encode("sync", 4),
    encode("sync", 5) + encode("img", 1, 15, 0, "image/png", 0, 0) + encode("blob", 1, "QUJD" * 40)
    + encode("end", 1) + encode("copy", 0, 0, 0, 9, 9, 14, 0, 0, 0) + encode("sync", 99_999),
    encode("name", "äöü😀") * 3 + encode("mouse", 1, 2, 3) + encode("sync", 9),
    ttyrec_of(
        (0.5, "\x1b[8;24;80t"), (1, "a\x1b[31mb\r\n"), (2, "\x1b[8;0;99999t"),
        (2.25, "b\b\x1b]0;title\x07c"), (9, "\xfc" * 9),
    ),
    b'{"version": 1, "started": 1764412800000}\n',
    ttyrec_of((1, "b\xe4\n") , (1e9, "b"))[:-1],
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Read `data` as a recording, whole and in parts, and as a ttyrec."""
    step = 1 + sum(data[:2]) % 29
    whole = _scan([data])
    parts = _scan([data[at : at + step] for at in range(0, len(data), step)])
    if _is_protocol(data):
        assert whole == parts
    if whole is not None:
        times = [time for time, _ in whole.points]
        assert times == sorted(times)
        assert whole.size <= len(data)
        for _ in typed(whole.keys):
            pass
    assert started_of(data) is None or b"started" in data or b"\\u" in data
    found = search(read_ttyrec(io.BytesIO(data)), "b")
    assert len(found.lines) <= FOUND_MAX
    assert all(len(line.text) <= SHOWN_MAX for line in found.lines)


def _is_protocol(data: bytes) -> bool:
    """Return whether these are whole instructions whose opcodes and numbers are such. Others may
    be taken for damage or not, depending on cuts."""
    parser = InstructionParser()
    try:
        found = parser.feed(data)
    except ProtocolError:
        return False
    texts = [text for one in found for text in (one.opcode, *one.args)]
    return not parser.pending and not any("," in text or ";" in text for text in texts)


def _scan(parts: list[bytes]) -> Map | None:
    scanner = Scanner()
    try:
        for part in parts:
            scanner.feed(part)
    except BadRequestError:
        return None
    return scanner.map


if __name__ == "__main__":
    main(one_input, SAMPLES)
