"""Fuzzes what an API server and a container send: messages of channels, and lists of files, which
are the same however they are cut."""

from __future__ import annotations

import contextlib

from guacr.errors import UpstreamError
from guacr.session.streams.files import Entry
from handlers.kubernetes import channels
from handlers.kubernetes.listing import ListingParser
from tests.fuzz.driver import main

SAMPLES = [
    b"\1output", b"\2error", b"\3", b"\xff\1",
    b'\3{"status": "Success"}',
    b'\3{"status": "Failure", "reason": "NonZeroExitCode", "message": "m",'
    b' "details": {"causes": [{"reason": "ExitCode", "message": "3"}]}}',
    b"./a\0./b c\0\x0081a4 12 1700000000 ./a\n41ed 4096 - ./b c\n\0",
    b"./gone\0\0\0./x\0\x00a1ff - -5 ./x\n\0",
]  # fmt: skip


def one_input(data: bytes) -> None:
    """Read `data` as a message, and as a list of files."""
    with contextlib.suppress(UpstreamError):
        channels.read(data)
    step = 1 + sum(data[:2]) % 13
    whole = _list([data])
    assert whole == _list([data[at : at + step] for at in range(0, len(data), step)])


def _list(parts: list[bytes]) -> list[Entry] | None:
    parser = ListingParser(lambda name: name.decode(errors="replace"))
    found: list[Entry] = []
    try:
        for part in parts:
            found += parser.feed(part)
        parser.end()
    except UpstreamError:
        return None
    return found


if __name__ == "__main__":
    main(one_input, SAMPLES)
