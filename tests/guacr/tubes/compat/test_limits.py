"""The limits of `configure_resource_limits`, and that they are applied."""

from __future__ import annotations

from typing import Any

import pytest

from guacr.tubes.capacity import Creates
from guacr.tubes.compat.limits import ResourceLimits
from guacr.tubes.errors import TubeSettingsError
from tests.guacr.tubes.compat.application import LOOPBACK, Application, wait


def limits() -> ResourceLimits:
    return ResourceLimits(Creates(100))


def test_those_of_ice() -> None:
    changed = limits()
    changed.update(
        {
            "max_interfaces_per_agent": 3,
            "ice_gather_timeout_seconds": 2,
            "ice_connection_receiving_timeout_seconds": 7,
            "ice_transport_policy": "relay",
        }
    )

    ice = changed.ice
    assert (ice.addresses_max, ice.gather_timeout, ice.disconnected_after) == (3, 2, 7)
    assert ice.relay_only
    assert changed.values()["ice_transport_policy"] == "relay"


def test_the_defaults_change_little() -> None:
    ice = limits().ice

    assert (ice.addresses_max, ice.gather_timeout, ice.disconnected_after) == (8, 5, 30)
    assert not ice.relay_only


def test_a_limit_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEEPER_GATEWAY_ICE_GATHER_TIMEOUT_SECS", "3")

    assert limits().ice.gather_timeout == 3


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ({"max_concurrent_sockets": -1}, "max_concurrent_sockets must be between 0 and"),
        ({"max_interfaces_per_agent": 0}, "max_interfaces_per_agent must be between 1 and 16"),
        ({"ice_transport_policy": "zzz"}, "must be None, 'all' or 'relay', not 'zzz'"),
        ({"ice_candidate_pool_size": 5}, "ice_candidate_pool_size cannot be changed"),
        ({"enable_mdns_candidates": True}, "it is always False"),
        ({"bundle_policy": "balanced"}, "it is always 'max-bundle'"),
    ],
)
def test_what_cannot_be_applied_is_refused_and_changes_nothing(
    config: dict[str, Any], text: str
) -> None:
    known = limits()
    before = known.values()

    with pytest.raises(TubeSettingsError, match=text):
        known.update({"ice_gather_timeout_seconds": 1, **config})

    assert known.values() == before


def test_the_same_values_and_unknown_names_are_accepted() -> None:
    known = limits()

    assert known.update({**known.values(), "zzz": 1}) == limits().values()


def test_they_hold(application: Application) -> None:
    registry = application.registry
    tube = application.create("c", LOOPBACK)["tube_id"]
    wait(lambda: registry.get_resource_status()["sockets_allocated"], "its sockets")

    registry.configure_resource_limits({"max_concurrent_ice_agents": 1})
    with pytest.raises(RuntimeError, match="Failed to create tube: all 1 tubes are in use"):
        application.create("d", LOOPBACK)

    status: dict[str, Any] = registry.get_resource_status()
    assert status["resource_exhaustion_errors"] == 1
    assert status["last_exhaustion_timestamp"] is not None
    assert (status["ice_agents_created"], status["ice_agents_destroyed"]) == (1, 0)
    registry.close_tube(tube)
    assert (end := dict[str, Any](registry.get_resource_status()))["sockets_released"] > 0
    assert end["sockets_allocated"] == end["sockets_released"]
    assert (end["ice_agents_created"], end["ice_agents_destroyed"]) == (1, 1)
    assert end["current_limits"]["max_concurrent_ice_agents"] == 1


def test_interfaces_of_a_tube(application: Application) -> None:
    offered = application.create("c", LOOPBACK, interfaces=["none"], trickle_ice=False)

    status = application.registry.get_resource_status()
    assert status["sockets_allocated"] == 0
    assert application.registry.tube_found(offered["tube_id"])
