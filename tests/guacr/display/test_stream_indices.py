"""Indices of streams to every user."""

from __future__ import annotations

import pytest

from guacr.display.stream_indices import RESERVED_MAX, STREAMS, StreamIndices
from guacr.errors import TooManyError


def test_indices_are_odd_and_come_in_turn() -> None:
    streams = StreamIndices()
    taken = [streams.take() for _ in range(2 * STREAMS)]
    assert set(taken[:STREAMS]) == set(range(1, 2 * STREAMS, 2))
    assert taken[:STREAMS] == taken[STREAMS:]


def test_a_reserved_index_is_no_other_streams() -> None:
    streams = StreamIndices()
    audio = streams.reserve()
    assert audio not in {streams.take() for _ in range(3 * STREAMS)}
    streams.release(audio)
    assert audio in {streams.take() for _ in range(STREAMS)}


def test_most_indices_stay_free() -> None:
    streams = StreamIndices()
    reserved = {streams.reserve() for _ in range(RESERVED_MAX)}
    assert len(reserved) == RESERVED_MAX
    with pytest.raises(TooManyError, match=f"{RESERVED_MAX} streams to all users are open"):
        streams.reserve()
    assert reserved.isdisjoint(streams.take() for _ in range(3 * STREAMS))
