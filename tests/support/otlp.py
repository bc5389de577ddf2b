"""A collector that speaks OTLP over HTTP, and decodes what it gets with the official protobufs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class OtlpCollector:
    """Keeps what it is sent; `status` is its answer, and while `hangs` is set, it answers
    nothing."""

    def __init__(self) -> None:
        self.origin = ""
        self.status = 200
        self.hangs = False
        self.requests: list[bytes] = []
        self.traces = ExportTraceServiceRequest()
        self.metrics: list[ExportMetricsServiceRequest] = []
        self.release = asyncio.Event()

    @property
    def spans(self) -> dict[str, Span]:
        """The spans by name."""
        return {
            span.name: span
            for resource in self.traces.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }

    @property
    def newest(self) -> dict[str, Any]:
        """The metrics that were sent last, by name."""
        (resource,) = self.metrics[-1].resource_metrics
        (scope,) = resource.scope_metrics
        return {metric.name: metric for metric in scope.metrics}

    async def receive_traces(self, request: web.Request) -> web.Response:
        """Serve /v1/traces."""
        return await self._receive(request, self.traces.MergeFromString)

    async def receive_metrics(self, request: web.Request) -> web.Response:
        """Serve /v1/metrics."""
        return await self._receive(
            request, lambda body: self.metrics.append(ExportMetricsServiceRequest.FromString(body))
        )

    async def _receive(self, request: web.Request, take: Any) -> web.Response:
        body = await request.read()
        self.requests.append(body)
        if self.hangs:
            await self.release.wait()
        elif self.status == 200:
            take(body)
        return web.Response(status=self.status, content_type="application/x-protobuf")


@asynccontextmanager
async def otlp_collector() -> AsyncIterator[OtlpCollector]:
    """A collector on a free port."""
    collector = OtlpCollector()
    app = web.Application()
    app.router.add_post("/v1/traces", collector.receive_traces)
    app.router.add_post("/v1/metrics", collector.receive_metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    collector.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield collector
    finally:
        collector.release.set()
        await runner.cleanup()


def values(attributes: Any) -> dict[str, str | int]:
    """Attributes as a dictionary."""
    found: dict[str, str | int] = {}
    for one in attributes:
        assert isinstance(one, KeyValue)
        kind = one.value.WhichOneof("value")
        found[one.key] = getattr(one.value, str(kind))
    return found
