"""A worker cannot change the size of the shared memory."""

from __future__ import annotations

import mmap
import os

import pytest

from handlers.rdp.channel import memory


def test_nobody_changes_its_size() -> None:
    shared = memory.create()
    try:
        for size in (0, memory.PIXELS, memory.SIZE + 1):
            with pytest.raises(PermissionError):
                os.ftruncate(shared, size)
        assert os.fstat(shared).st_blocks == 0  # nothing is taken before it is used
    finally:
        os.close(shared)


def test_both_see_the_same() -> None:
    shared = memory.create()
    with mmap.mmap(shared, memory.SIZE) as ours, mmap.mmap(shared, memory.SIZE) as theirs:
        os.close(shared)
        with memory.header(ours) as header, memory.header(theirs) as other:
            header[memory.HANDLED] = 7
            assert other[memory.HANDLED] == 7
            assert other[memory.PAINTING] == 0
