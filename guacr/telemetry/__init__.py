"""OpenTelemetry: traces of sessions, and metrics, over OTLP."""
