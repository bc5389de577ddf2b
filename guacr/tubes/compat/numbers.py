"""`PyTubeRegistry`: numbers about tubes, and what is of Keeper's servers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from guacr.tubes.compat import diagnostics
from guacr.tubes.compat.access import Access
from guacr.tubes.compat.connectivity import TIMEOUT, ConnectivityTest, formatted

TEST_CONFIG = "TEST_MODE_KSM_CONFIG"
"""With it, keeper-pam-webrtc-rs does not call Keeper's router."""


class Numbers(Access):
    """Says how the tubes do."""

    def check_capacity(self) -> dict[str, object]:
        """Return how many tubes can be created."""
        return self._do(lambda tubes: diagnostics.capacity(tubes.registry.capacity))

    def get_tube_circuit_breaker_health(self, tube_id: str) -> bool:
        """Return False while a tube refuses operations."""
        return self._do(lambda tubes: tubes.registry.tube(tube_id).breaker.is_healthy)

    def get_tube_circuit_breaker_stats(self, tube_id: str) -> dict[str, object]:
        """Return the counts of a tube's circuit breaker."""
        return self._do(
            lambda tubes: {"tube_id": tube_id, **tubes.registry.tube(tube_id).breaker.stats()}
        )

    def get_connection_stats(self, tube_id: str) -> dict[str, object]:
        """Return round-trip time, losses and bytes of a tube."""
        return self._do(lambda tubes: diagnostics.connection(tubes.registry.tube(tube_id)))

    def get_connection_health(self, tube_id: str) -> dict[str, object] | None:
        """Return how well a tube's link works, None if there is no such tube."""
        return self._do(lambda tubes: diagnostics.health(tubes, tube_id))

    def get_live_stats(self, conversation_id: str) -> dict[str, object] | None:
        """Return the numbers of a conversation, None if there is none."""
        return self._do(lambda tubes: diagnostics.live(tubes, conversation_id))

    def get_system_stats(self) -> dict[str, object]:
        """Return the numbers of the process."""
        return self._do(diagnostics.system)

    def get_aggregated_metrics(self) -> dict[str, object]:
        """Return the numbers of all tubes together."""
        return self._do(diagnostics.aggregated)

    def export_metrics_json(self) -> str:
        """Return the numbers of all tubes as JSON."""
        return json.dumps(self._do(diagnostics.everything), indent=2)

    def export_connection_leg_metrics(self) -> str:
        """Return the numbers of the links of all tubes as JSON."""
        return json.dumps(self._do(diagnostics.links), indent=2)

    def get_active_alerts(self) -> list[object]:
        """Return an empty list: there are no alerts beyond the log's."""
        return []

    def clear_metrics_connections(self) -> None:
        """Do nothing: the numbers are those of the tubes that there are."""

    def get_resource_status(self) -> dict[str, object]:
        """Return counts of what is in use, and the limits."""
        return self._do(diagnostics.resources)

    def configure_resource_limits(self, config: Mapping[str, Any]) -> dict[str, object]:
        """Set limits of the tubes that are created from now on, and return all. What cannot be set
        may only have the value that it has; unknown names are ignored."""
        return self._do(lambda tubes: tubes.limits.update(config))

    def cleanup_stale_turn_connections(self) -> None:
        """Do nothing: relays end with their tubes."""

    def test_webrtc_connectivity(
        self,
        krelay_server: str,
        settings: Mapping[str, Any] | None = None,
        timeout_seconds: float | None = None,
        ksm_config: str | None = None,
        client_version: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> dict[str, Any]:
        """Test what tubes need of the network: the name of a server, UDP and TCP to it, STUN, and
        TURN with credentials. `guacr.tubes.compat.connectivity` has the details."""

        async def test() -> dict[str, Any]:
            return await ConnectivityTest(
                krelay_server,
                settings or {},
                timeout_seconds or TIMEOUT,
                (username or "", password or ""),
            ).run()

        return self._runtime.call(test)

    def format_connectivity_results(
        self,
        results: Mapping[str, Any],
        detailed: bool = False,
    ) -> str:
        """Return the results of `test_webrtc_connectivity` as a text."""
        return formatted(results, detailed=detailed)

    # ---- Keeper's servers

    def post_connection_state(
        self,
        ksm_config: str,
        connection_state: str,
        token: object,
        is_terminated: bool | None = None,
        client_version: str = "unknown",
        recording_duration: int | None = None,
        closure_reason: int | None = None,
        ai_overall_risk_level: str | None = None,
        ai_overall_summary: str | None = None,
    ) -> None:
        """Refuse, as nothing is told to Keeper's router; with a configuration for tests, do
        nothing."""
        if ksm_config != TEST_CONFIG:
            raise RuntimeError(
                "Failed to post connection state: guacr does not call Keeper's router"
            )

    def refresh_connections(self, ksm_config_from_python: str, client_version: str) -> None:
        """Refuse, likewise."""
        if ksm_config_from_python != TEST_CONFIG:
            raise RuntimeError(
                "Failed to refresh connections on router: guacr does not call Keeper's router"
            )
