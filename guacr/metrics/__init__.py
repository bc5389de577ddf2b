"""Metrics of all processes, in the formats of Prometheus."""
