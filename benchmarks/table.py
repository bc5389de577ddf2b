"""Timing a function, and printing figures in columns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

RUN_SECONDS = 0.3
"""How long one figure is measured at least."""
ROUNDS = 7
"""A figure is the median of so many rounds."""


def seconds(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """The time that one call takes: the median of several rounds. With the clock
    `time.thread_time`, it is processor time."""
    work()
    started = clock()
    work()
    once = max(clock() - started, 1e-7)
    calls = max(1, int(RUN_SECONDS / ROUNDS / once))
    rounds = []
    for _ in range(ROUNDS):
        started = clock()
        for _ in range(calls):
            work()
        rounds.append((clock() - started) / calls)
    return statistics.median(rounds)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A heading, and rows below the names of the columns."""
    texts = [list(columns), *([_text(cell) for cell in row] for row in rows)]
    widths = [max(len(row[column]) for row in texts) for column in range(len(columns))]
    print(f"\n{title}")
    for row in texts:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        print("  ".join(cells))


def _text(cell: object) -> str:
    if isinstance(cell, float):
        return f"{cell:.3g}" if abs(cell) < 100 else f"{cell:.0f}"
    return str(cell)
