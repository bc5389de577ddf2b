"""The decision if anything is sent, without loading what sends it."""

from __future__ import annotations

from collections.abc import Mapping

from guacr.settings.telemetry import TelemetrySettings

ENDPOINT, DISABLED = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"


def is_wanted(settings: TelemetrySettings, environment: Mapping[str, str]) -> bool:
    """Return whether anything is to be sent."""
    if environment.get(DISABLED, "").strip().lower() == "true":
        return False
    return bool(settings.endpoint or environment.get(ENDPOINT, "").strip())
