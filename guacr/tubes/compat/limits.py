"""The limits of `configure_resource_limits`."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from operator import index
from typing import Any

_DEFAULTS: dict[str, object] = {
    "max_concurrent_sockets": 100_000,
    "max_interfaces_per_agent": 8,
    "max_concurrent_ice_agents": 100_000,
    "max_turn_connections_per_server": 4,
    "socket_reuse_enabled": True,
    "ice_gather_timeout_seconds": 30,
    "enable_mdns_candidates": False,
    "ice_candidate_pool_size": 4,
    "ice_transport_policy": None,
    "bundle_policy": "max-bundle",
    "rtcp_mux_policy": "require",
    "ice_connection_receiving_timeout_seconds": 30,
    "ice_backup_candidate_pair_ping_interval_seconds": 25,
}


class ResourceLimits:
    """Values by name, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values = dict(_DEFAULTS)

    def values(self) -> dict[str, object]:
        """Return all."""
        with self._lock:
            return dict(self._values)

    def update(self, config: Mapping[str, Any]) -> dict[str, object]:
        """Change those that are named, and return all; unknown names are ignored.

        Raises:
            TypeError: a value has another type.
        """
        changed = {key: _checked(key, config[key]) for key in config if key in _DEFAULTS}
        with self._lock:
            self._values |= changed
            return dict(self._values)


def _checked(key: str, value: object) -> object:
    default = _DEFAULTS[key]
    if isinstance(default, bool):
        if not isinstance(value, bool):
            raise TypeError(f"{key} must be True or False, not {value!r}")
        return value
    if isinstance(default, int):
        return index(value)  # type: ignore[arg-type]
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} must be a text, not {value!r}")
    return value
