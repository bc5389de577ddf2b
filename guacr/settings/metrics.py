"""The settings of metrics."""

from guacr.settings.section import Section
from guacr.settings.types import Hosts, Port


class MetricsSettings(Section):
    """Metrics for Prometheus, and probes (docs/metrics.md)."""

    enabled: bool = False
    """Listen for HTTP: /metrics, /live and /ready."""
    hosts: Hosts = ("127.0.0.1", "::1")
    """Names and addresses to listen on. Whoever can connect sees how much the daemon is used, but
    neither hosts nor people."""
    port: Port = 4825
    """TCP port; 0 picks a free one."""
