"""Snapshots in the text formats of Prometheus, by prometheus-client."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

from prometheus_client import exposition
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector
from typing_extensions import override

from guacr.histogram import BOUNDS
from guacr.metrics.catalog import METRICS, Kind, Metric
from guacr.metrics.snapshots import Sample, Snapshot


class Format(Enum):
    """A text format; the value is its media type."""

    PROMETHEUS = exposition.CONTENT_TYPE_PLAIN_0_0_4
    OPENMETRICS = openmetrics.CONTENT_TYPE_LATEST


def format_for(accept: str) -> Format:
    """Return the format for the header `Accept` of a request: Prometheus's, unless it names that of
    OpenMetrics."""
    is_openmetrics = "application/openmetrics-text" in accept.lower()
    return Format.OPENMETRICS if is_openmetrics else Format.PROMETHEUS


def exposed(snapshot: Snapshot, wanted: Format) -> bytes:
    """Return a snapshot as text in a format."""
    collector = _Collector(snapshot)
    if wanted is Format.PROMETHEUS:
        return exposition.generate_latest(collector)
    text: bytes = openmetrics.generate_latest(collector)  # type: ignore[no-untyped-call]
    return text


class _Collector(Collector):
    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    @override
    def collect(self) -> Iterator[Family]:
        for name, samples in sorted(self._snapshot.items()):
            if name in METRICS:
                yield _family(name, METRICS[name], samples)


def _family(name: str, metric: Metric, samples: Iterable[Sample]) -> Family:
    if metric.kind is Kind.HISTOGRAM:
        histogram = HistogramMetricFamily(name, metric.help, labels=metric.labels)
        for labels, numbers in samples:
            histogram.add_metric(labels, _buckets(numbers[:-1]), numbers[-1])
        return histogram
    kind = CounterMetricFamily if metric.kind is Kind.COUNTER else GaugeMetricFamily
    family = kind(name, metric.help, labels=metric.labels)
    for labels, numbers in samples:
        family.add_metric(labels, numbers[0])
    return family


def _buckets(counts: Iterable[float]) -> list[tuple[str, float]]:
    """Return the cumulative counts by upper bound."""
    total, buckets = 0.0, []
    for bound, count in zip((*map(str, BOUNDS), "+Inf"), counts, strict=True):
        total += count
        buckets.append((bound, total))
    return buckets
