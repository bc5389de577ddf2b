"""Snapshots of metrics: those of one process, or of several together.

A snapshot is data that JSON can express: for each metric, a list of samples, and each sample is the
values of its labels with a list of numbers. The numbers are one value, or the counts of a
histogram's buckets and the sum of its values.

    {"guacr_sessions": [[["ssh"], [3]], [["vnc"], [1]]], "guacr_events_dropped_total": [[[], [0]]]}
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from guacr.metrics.catalog import METRICS, Kind, Metric

Sample: TypeAlias = tuple[Sequence[str], Sequence[float]]
Snapshot: TypeAlias = dict[str, list[Sample]]


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return one snapshot of several processes. Metrics that this process does not know, such as
    those of another version, are left out."""
    merged: dict[str, dict[tuple[str, ...], list[float]]] = {}
    for snapshot in snapshots:
        for name, samples in snapshot.items():
            metric = METRICS.get(name)
            if metric is not None:
                _add(merged.setdefault(name, {}), metric, samples)
    return {name: list(samples.items()) for name, samples in merged.items()}


def remains(snapshot: Snapshot) -> Snapshot:
    """Return the part that stays of a process that has ended: its counts, not its present
    values."""
    return {
        name: samples
        for name, samples in snapshot.items()
        if name in METRICS and METRICS[name].grows
    }


class Processes:
    """The last snapshots of processes that come and go: what they count never goes back, also while
    one of them does not answer."""

    def __init__(self) -> None:
        self._last: dict[str, Snapshot] = {}
        self._of_ended: Snapshot = {}

    def put(self, process: str, snapshot: Snapshot) -> None:
        """Replace the snapshot of a process; its name must be unique, such as that of a worker that
        is never used again."""
        self._last[process] = snapshot

    def ended(self, process: str) -> None:
        """Keep only what a process has counted; repeated calls do nothing."""
        last = self._last.pop(process, None)
        if last is not None:
            self._of_ended = merge([self._of_ended, remains(last)])

    @property
    def merged(self) -> Snapshot:
        """The snapshot of all processes together."""
        return merge([self._of_ended, *self._last.values()])


def _add(
    merged: dict[tuple[str, ...], list[float]], metric: Metric, samples: Iterable[Sample]
) -> None:
    for labels, numbers in samples:
        if len(labels) != len(metric.labels) or len(numbers) != metric.size:
            continue
        key = tuple(labels)
        before = merged.get(key)
        if before is None:
            merged[key] = list(numbers)
        elif metric.kind is Kind.MAXIMUM:
            before[0] = max(before[0], numbers[0])
        elif metric.kind is Kind.MINIMUM:
            before[0] = min(before[0], numbers[0])
        else:
            merged[key] = [a + b for a, b in zip(before, numbers, strict=True)]
