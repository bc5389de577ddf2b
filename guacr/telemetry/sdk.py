"""OpenTelemetry's SDK and its exporter for OTLP over HTTP: the only module that imports them.

Spans are sent by a thread of the SDK, from a queue that drops the oldest ones; nothing waits for
the collector.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Sequence
from uuid import uuid4

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import export as data
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanKind, StatusCode
from typing_extensions import override

from guacr import __version__
from guacr.histogram import BOUNDS
from guacr.metrics.catalog import METRICS, Kind, Metric
from guacr.metrics.snapshots import Sample, Snapshot
from guacr.telemetry.spans import Parent, Span
from guacr.telemetry.tracing import Tracer

SCOPE = "guacr"
_UNITS = {"seconds": "s", "bytes": "By"}

log = logging.getLogger("guacr.telemetry")


class Collector:
    """Says in the log when a collector does not accept something, and when it does again."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._accepts = True

    def report(self, *, accepted: bool) -> None:
        """Report whether it has accepted something."""
        if self._accepts and not accepted:
            log.warning("the collector does not accept %s: they are lost until it does", self._what)
        elif accepted and not self._accepts:
            log.info("the collector accepts %s again", self._what)
        self._accepts = accepted


class _Reported(SpanExporter):
    """Reports what becomes of spans, on the thread that sends them."""

    def __init__(self, exporter: OTLPSpanExporter) -> None:
        self._exporter = exporter
        self._collector = Collector("traces")

    @override
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export(spans)
        self._collector.report(accepted=result is SpanExportResult.SUCCESS)
        return result

    @override
    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class SdkTracer(Tracer):
    """Sends spans to a collector; `endpoint` is its URL, or empty for that of the environment."""

    def __init__(self, endpoint: str) -> None:
        _silence()
        exporter = _Reported(OTLPSpanExporter(_url(endpoint, "traces")))
        self._provider = TracerProvider(resource=_resource(), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(SCOPE, __version__)

    @override
    def send(self, span: Span, parent: object = None) -> object:
        now = time.time_ns() - time.perf_counter_ns()
        if isinstance(parent, Parent):
            flags = trace.TraceFlags(parent.flags)
            about = trace.SpanContext(parent.trace, parent.span, is_remote=True, trace_flags=flags)
            parent = trace.NonRecordingSpan(about)
        above = parent if isinstance(parent, trace.Span) else None
        return self._send(span, above, now, SpanKind.SERVER)

    def close(self) -> None:
        """Send what is waiting; blocks."""
        self._provider.shutdown()

    def _send(self, span: Span, above: trace.Span | None, zero: int, kind: SpanKind) -> trace.Span:
        """Send a span; `zero` is the time since 1970 at which the clock of its times was 0."""
        context = None if above is None else trace.set_span_in_context(above)
        sent = self._tracer.start_span(
            span.name, context, kind, span.attributes, start_time=zero + span.begun
        )
        for child in span.children:
            self._send(child, sent, zero, SpanKind.INTERNAL)
        if span.failed:
            sent.set_status(StatusCode.ERROR)
        sent.end(zero + span.ended)
        return sent


class SdkMetrics:
    """Sends metrics to a collector; `endpoint` as above."""

    def __init__(self, endpoint: str) -> None:
        _silence()
        self._exporter = OTLPMetricExporter(_url(endpoint, "metrics"))
        self._collector = Collector("metrics")
        self._resource = _resource()
        self._begun = time.time_ns()

    def send(self, snapshot: Snapshot) -> None:
        """Send a snapshot; blocks."""
        now = time.time_ns()
        metrics = [
            _metric(name, METRICS[name], samples, self._begun, now)
            for name, samples in snapshot.items()
            if samples
        ]
        scope = data.ScopeMetrics(InstrumentationScope(SCOPE, __version__), metrics, "")
        everything = data.MetricsData([data.ResourceMetrics(self._resource, [scope], "")])
        result = self._exporter.export(everything)
        self._collector.report(accepted=result is data.MetricExportResult.SUCCESS)

    def close(self) -> None:
        """Send nothing more: what is being sent is not tried again."""
        self._exporter.shutdown()


def _url(endpoint: str, signal: str) -> str | None:
    return f"{endpoint.rstrip('/')}/v1/{signal}" if endpoint else None


def _resource() -> Resource:
    """Return who sends: this process. The environment can add to it, and change it."""
    about: dict[str, str | int] = {
        "service.version": __version__,
        "service.instance.id": str(uuid4()),
        "process.pid": os.getpid(),
    }
    named = {"OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES"} & os.environ.keys()
    return Resource.create(about if named else {"service.name": "guacr", **about})


def _silence() -> None:
    """Keep the SDK's own messages, one for each attempt and some with tracebacks, out of the log:
    `Collector` says what they say."""
    sdk = logging.getLogger("opentelemetry")
    sdk.propagate = False
    if not sdk.handlers:
        sdk.addHandler(logging.NullHandler())


def _metric(
    name: str, metric: Metric, samples: Sequence[Sample], begun: int, now: int
) -> data.Metric:
    unit = _UNITS.get(name.removesuffix("_total").rpartition("_")[2], "1")
    name = name.removesuffix("_total")
    labelled = [(dict(zip(metric.labels, labels, strict=True)), n) for labels, n in samples]
    if metric.kind is Kind.HISTOGRAM:
        durations = [_durations(labels, numbers, begun, now) for labels, numbers in labelled]
        histogram = data.Histogram(durations, data.AggregationTemporality.CUMULATIVE)
        return data.Metric(name, metric.help, unit, histogram)
    points = [data.NumberDataPoint(labels, begun, now, n[0]) for labels, n in labelled]
    if metric.kind is not Kind.COUNTER:
        return data.Metric(name, metric.help, unit, data.Gauge(points))
    cumulative = data.AggregationTemporality.CUMULATIVE
    return data.Metric(name, metric.help, unit, data.Sum(points, cumulative, is_monotonic=True))


def _durations(
    labels: dict[str, str], numbers: Sequence[float], begun: int, now: int
) -> data.HistogramDataPoint:
    """Return a histogram; its smallest and its largest value are not known."""
    counts = [int(count) for count in numbers[:-1]]
    return data.HistogramDataPoint(
        attributes=labels,
        start_time_unix_nano=begun,
        time_unix_nano=now,
        count=sum(counts),
        sum=numbers[-1],
        bucket_counts=counts,
        explicit_bounds=BOUNDS,
        min=None,  # type: ignore[arg-type]
        max=None,  # type: ignore[arg-type]
    )
