"""When Python collects garbage: not while the daemon loads, and seldom afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (50_000, 20, 50)
"""Allocations between collections: with thousands of sessions, a full collection takes long."""


@contextmanager
def postponed() -> Iterator[None]:
    """Collect nothing until `resume`, or until the block ends: almost everything that a daemon
    loads stays until the end, and looking through it takes a tenth of its start."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resume() -> None:
    """Collect once, exclude everything that remains from later collections, and begin them."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
