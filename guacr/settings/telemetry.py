"""The settings of OpenTelemetry."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from guacr.settings.section import Section
from guacr.settings.types import Seconds


def _collector(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:  # such as an address with one bracket
        is_url = False
    if url and not is_url:
        raise ValueError("must be a URL such as http://127.0.0.1:4318")
    if "@" in parts.netloc:
        raise ValueError("must not contain a password: set OTEL_EXPORTER_OTLP_HEADERS")
    return url


class TelemetrySettings(Section):
    """OpenTelemetry (needs guacr[otel]; docs/telemetry.md). The variables OTEL_* of its SDK apply,
    too."""

    endpoint: Annotated[str, AfterValidator(_collector), Field(max_length=2048)] = ""
    """URL of a collector that accepts OTLP over HTTP, such as http://127.0.0.1:4318; empty for that
    in OTEL_EXPORTER_OTLP_ENDPOINT. Without both, nothing is sent."""
    traces: bool = True
    """Send a trace of each session."""
    metrics: bool = True
    """Send the metrics."""
    metrics_interval: Seconds = 60.0
    """Seconds between two reports of the metrics."""
    hosts: bool = False
    """Name the remote host in traces."""
    traceparent: bool = False
    """Continue the traces that the headers traceparent of requests for WebSockets name (W3C Trace
    Context). Whoever can send such requests decides then which traces these are, and whether they
    are sampled: have a reverse proxy set the header."""
