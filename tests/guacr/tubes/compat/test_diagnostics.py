"""The numbers about tubes."""

from __future__ import annotations

import time

import pytest

from guacr.tubes.compat.diagnostics import jitter, percentile
from guacr.tubes.compat.process import Processor, memory
from tests.guacr.tubes.compat.application import LISTENING, Application, target, wait


def test_percentiles() -> None:
    values = [float(n) for n in range(100, 0, -1)]

    assert percentile(values, 95) == 95
    assert percentile(values, 99) == 99
    assert percentile([3.0], 99) == 3
    assert percentile([], 99) == 0


def test_jitter() -> None:
    assert jitter([1.0, 3.0, 2.0]) == 1.5
    assert jitter([1.0]) == 0


def test_memory() -> None:
    before = memory()
    held = bytearray(64 << 20)
    held[::4096] = b"x" * len(held[::4096])

    assert memory() - before > 32 << 20


def test_a_processor() -> None:
    processor = Processor()
    end = time.process_time() + 0.02
    while time.process_time() < end:
        pass

    assert 0 < processor.utilization() <= 200


def test_they_are_measured(application: Application) -> None:
    offered, _ = application.connect(LISTENING, target(1))
    registry = application.registry

    def stats() -> dict[str, object]:
        found = registry.get_live_stats("c")
        assert found is not None
        return found

    wait(lambda: stats()["p95_latency_ms"], "a round trip")
    found = stats()
    assert found["p99_latency_ms"] >= found["p95_latency_ms"]  # type: ignore[operator]
    webrtc = found["webrtc_stats"]
    assert isinstance(webrtc, dict)
    assert webrtc["dtls_ready"] is True
    assert webrtc["ice_stats"]["turn_allocation_success_rate"] == 0.0
    total = registry.get_aggregated_metrics()
    assert total["memory_usage_bytes"] > 1 << 20  # type: ignore[operator]
    assert registry.get_connection_health(offered["tube_id"]) is not None


@pytest.mark.parametrize("wanted", ["ice_configuration", "aws_connectivity"])
def test_the_tests_of_the_network_that_commander_offers(
    application: Application, wanted: str
) -> None:
    results = application.registry.test_webrtc_connectivity("127.0.0.1", {"test_filter": [wanted]})

    assert [one["test_name"] for one in results["test_results"]] == [wanted]


def test_unknown_tests_of_the_network(application: Application) -> None:
    with pytest.raises(RuntimeError, match="there is no test 'zzz': choose of dns_resolution"):
        application.registry.test_webrtc_connectivity("127.0.0.1", {"test_filter": ["zzz"]})
