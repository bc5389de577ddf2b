"""The limits of `configure_resource_limits`, as far as there is something to limit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from operator import index
from typing import Any

from guacr.errors import shorten
from guacr.tubes.capacity import Creates
from guacr.tubes.environment import GATHER_TIMEOUT, number
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.rtc.ice.settings import IceSettings

SECONDS_MAX = 86400
_RANGES = {
    "max_concurrent_sockets": (0, 2**31),
    "max_concurrent_ice_agents": (0, 2**31),
    "max_interfaces_per_agent": (1, IceSettings().addresses_max),
    "ice_gather_timeout_seconds": (1, SECONDS_MAX),
    "ice_connection_receiving_timeout_seconds": (1, SECONDS_MAX),
}
_POLICY = "ice_transport_policy"
_POLICIES = (None, "all", "relay")


class ResourceLimits:
    """Limits by name; for the tubes that are created from now on.

    Args:
        creates: the limits of the registry.
    """

    def __init__(self, creates: Creates) -> None:
        self._creates = creates
        self._values: dict[str, Any] = {
            "max_concurrent_sockets": creates.sockets_max,
            "max_interfaces_per_agent": 8,
            "max_concurrent_ice_agents": creates.tubes_max,
            "max_turn_connections_per_server": 4,
            "socket_reuse_enabled": True,
            "ice_gather_timeout_seconds": number(GATHER_TIMEOUT, 30),
            "enable_mdns_candidates": False,
            "ice_candidate_pool_size": 4,
            "ice_transport_policy": None,
            "bundle_policy": "max-bundle",
            "rtcp_mux_policy": "require",
            "ice_connection_receiving_timeout_seconds": 30,
            "ice_backup_candidate_pair_ping_interval_seconds": 25,
        }
        """All, with the defaults and the variables of keeper-pam-webrtc-rs."""

    @property
    def ice(self) -> IceSettings:
        """The settings of ICE under these limits."""
        values, default = self._values, IceSettings()
        return replace(
            default,
            relay_only=values[_POLICY] == "relay",
            addresses_max=values["max_interfaces_per_agent"],
            gather_timeout=min(default.gather_timeout, values["ice_gather_timeout_seconds"]),
            disconnected_after=values["ice_connection_receiving_timeout_seconds"],
        )

    def values(self) -> dict[str, object]:
        """Return all."""
        return dict(self._values)

    def update(self, config: Mapping[str, Any]) -> dict[str, object]:
        """Apply those that are named, or none of them, and return all; unknown names are ignored.

        Raises:
            TypeError: a value has another type.
            TubeSettingsError: a value cannot be applied.
        """
        changed = {
            name: _checked(name, config[name], current)
            for name, current in self._values.items()
            if name in config
        }
        self._values |= changed
        self._creates.sockets_max = self._values["max_concurrent_sockets"]
        self._creates.tubes_max = self._values["max_concurrent_ice_agents"]
        return self.values()


def _checked(name: str, value: object, current: object) -> object:
    if name in _RANGES:
        number, (least, most) = index(value), _RANGES[name]  # type: ignore[arg-type]
        if not least <= number <= most:
            raise TubeSettingsError(f"{name} must be between {least} and {most}, not {number}")
        return number
    if name == _POLICY:
        if value not in _POLICIES:
            raise TubeSettingsError(
                f"{name} must be None, 'all' or 'relay', not {shorten(str(value))}"
            )
        return value
    if value != current or type(value) is not type(current):
        raise TubeSettingsError(f"{name} cannot be changed: it is always {current!r}")
    return value
