"""What containers show of their files: in any pieces, and never without an end."""

from __future__ import annotations

import pytest

from guacr.api import Entry, UpstreamError
from handlers.kubernetes.listing import BATCH_MAX, LINE_MAX, NAME_MAX, ListingParser

ANSWER = b"./a\n\0./b\0\x0041ed 4096 7 ./a\n\n\0./c\0\x0081a4 5 -1 ./c\n\0"
ENTRIES = [Entry("a\n", is_directory=True, modified=7), Entry("b"), Entry("c", size=5, modified=-1)]


@pytest.mark.parametrize("size", range(1, len(ANSWER) + 1))
def test_pieces(size: int) -> None:
    parser = ListingParser(bytes.decode)
    pieces = (ANSWER[start : start + size] for start in range(0, len(ANSWER), size))
    assert [entry for piece in pieces for entry in parser.feed(piece)] == ENTRIES
    parser.end()


@pytest.mark.parametrize(
    "data",
    [
        b"\0",  # shows nothing, which could go on for ever
        ANSWER + b"\0\0",
        b"a\0",
        b"./\0",
        b"./a/b\0",
        b"./a\0" * (BATCH_MAX + 1),
        b"./" + b"n" * NAME_MAX,
        b"./a\0\0" + b"n" * (LINE_MAX * BATCH_MAX + 1),
    ],
)
def test_what_is_no_listing(data: bytes) -> None:
    parser = ListingParser(lambda name: name.decode(errors="replace"))
    with pytest.raises(UpstreamError, match="cannot be read"):
        list(parser.feed(data))


@pytest.mark.parametrize("end", [1, 6, 9, len(ANSWER) - 1])
def test_a_listing_that_is_not_complete(end: int) -> None:
    parser = ListingParser(bytes.decode)
    list(parser.feed(ANSWER[:end]))
    with pytest.raises(UpstreamError, match="cannot be read"):
        parser.end()
