"""Refused clients are traced, a flood of them is not."""

from __future__ import annotations

from guacr.errors import DrainingError
from guacr.settings.telemetry import TelemetrySettings
from guacr.telemetry.spans import Parent, Span
from guacr.telemetry.tracing import REFUSED_MAX, REFUSED_PERIOD, RefusalTrace, Tracer
from tests.support.loopback import MemoryTransport


class Kept(Tracer):
    def __init__(self) -> None:
        self.spans: list[tuple[Span, object]] = []

    def send(self, span: Span, parent: object = None) -> object:
        self.spans.append((span, parent))
        return span


def test_a_flood_of_refused_clients() -> None:
    tracer, now, settings = Kept(), 0.0, TelemetrySettings()
    trace = RefusalTrace(tracer, lambda: settings, lambda: ["ssh"], lambda: now)
    transport = MemoryTransport()
    transport.traceparent = f"00-{'1' * 32}-{'2' * 16}-00"
    for _ in range(REFUSED_MAX + 5):
        trace.refused("ssh", transport, DrainingError())
    assert len(tracer.spans) == REFUSED_MAX
    (span, parent) = tracer.spans[0]
    assert (span.name, span.failed, parent) == ("refuse", True, None)
    assert span.attributes["guacr.protocol"] == "ssh"
    now, settings = REFUSED_PERIOD, TelemetrySettings(traceparent=True)
    trace.refused("chosen by the client", transport, DrainingError())
    (span, parent) = tracer.spans[-1]
    assert span.attributes == {"guacr.status": "upstream_unavailable"}
    assert parent == Parent(int("1" * 32, 16), int("2" * 16, 16), 0)
