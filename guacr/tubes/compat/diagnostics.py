"""Numbers about tubes, with the keys of keeper-pam-webrtc-rs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import pairwise

from guacr.tubes.capacity import Capacity
from guacr.tubes.compat.process import Processor, memory
from guacr.tubes.compat.tubes import Tubes
from guacr.tubes.rtc.peer import PeerState, PeerStats
from guacr.tubes.tube import Tube

_STARTED = time.monotonic()
_processor = Processor()
EXCELLENT, GOOD, FAIR = 0.05, 0.15, 0.4
"""Round-trip times in seconds up to which a link is called so."""
_RANKS = ("excellent", "good", "fair", "poor")


def capacity(now: Capacity) -> dict[str, object]:
    """The numbers of `check_capacity`; times in milliseconds."""
    return {
        "can_accept_more": now.accepts_more,
        "active_creates": now.active,
        "max_concurrent": now.limit,
        "queue_depth": 0,  # nothing waits: a create is carried out or refused
        "avg_create_time_ms": round(now.average_time * 1000),
        "total_creates": now.total,
        "total_failures": now.failures,
        "load_percentage": 100 * now.active // now.limit if now.limit else 100,
        "suggested_delay_ms": round(now.suggested_delay * 1000),
    }


def connection(tube: Tube) -> dict[str, object]:
    """The numbers of `get_connection_stats`."""
    stats = tube.peer.stats
    return {
        "packet_loss_rate": stats.loss,
        "rtt_ms": _milliseconds(stats.round_trip_time),
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
    }


def health(tubes: Tubes, tube_id: str) -> dict[str, object] | None:
    """The numbers of `get_connection_health`."""
    tube = tubes.registry.tubes.get(tube_id)
    if tube is None:
        return None
    found = {
        "tube_id": tube.id,
        "conversation_id": next(iter(tubes.registry.names(tube.id)), ""),
        "quality": quality(tube),
        "packet_loss_rate": tube.peer.stats.loss,
        "active_alerts": 0,
        "error_rate": _error_rate(tube),
        "ice_connection_state": str(tube.peer.state),
    }
    round_trip = tube.peer.stats.round_trip_time
    return found if round_trip is None else {**found, "rtt_ms": round_trip * 1000}


def live(tubes: Tubes, conversation_id: str) -> dict[str, object] | None:
    """The numbers of `get_live_stats`."""
    tube = tubes.registry.tube_of(conversation_id)
    if tube is None:
        return None
    conversation = tube.conversations.get(conversation_id)
    messages = bytes_sent = bytes_received = received = 0
    if conversation is not None:
        messages, received = conversation.outlet.messages, conversation.inlet.messages
        bytes_sent, bytes_received = conversation.outlet.bytes, conversation.inlet.bytes
    opened = tubes.audiences[tube.id].opened.get(conversation_id)
    age = max(time.time() - opened, 1.0) if opened is not None else 1.0
    stats = tube.peer.stats
    return {
        "conversation_id": conversation_id,
        "tube_id": tube.id,
        "established_at": None if opened is None else _timestamp(opened),
        "messages_sent": messages,
        "messages_received": received,
        "total_bytes_sent": bytes_sent,
        "total_bytes_received": bytes_received,
        "avg_rtt_ms": _milliseconds(stats.round_trip_time) or 0.0,
        "p95_latency_ms": percentile(stats.round_trips, 95) * 1000,
        "p99_latency_ms": percentile(stats.round_trips, 99) * 1000,
        "webrtc_stats": _webrtc(tube, stats, (bytes_sent + bytes_received) * 8 / age),
        "connection_quality": quality(tube),
        "active_alert_count": 0,
        "error_rate": _error_rate(tube),
        "total_errors": tube.breaker.stats()["failed_requests"],
        "retry_count": stats.retransmissions,
        "message_throughput": (messages + received) / age,
        "bandwidth_utilization": (bytes_sent + bytes_received) / age,
    }


def _webrtc(tube: Tube, stats: PeerStats, bitrate: float) -> dict[str, object]:
    counts = _candidates(tube)
    round_trip = _milliseconds(stats.round_trip_time) or 0.0
    return {
        "rtt_ms": round_trip,
        "jitter_ms": jitter(stats.round_trips) * 1000,
        "packet_loss_rate": stats.loss,
        "current_bitrate": bitrate,
        "ice_connection_state": str(tube.peer.state),
        "dtls_ready": tube.peer.state in (PeerState.CONNECTED, PeerState.DISCONNECTED),
        "active_data_channels": sum(one is not None for one in tube.conversations.values()),
        "bytes_sent": stats.bytes_sent,
        "bytes_received": stats.bytes_received,
        "local_candidate": stats.local,
        "remote_candidate": stats.remote,
        "ice_stats": {
            "total_candidates": sum(counts.values()),
            **{f"{kind}_candidates": count for kind, count in counts.items()},
            "turn_allocation_success_rate": _allocated(tube),
        },
        "connection_legs": {"end_to_end_latency_ms": round_trip},
    }


def system(tubes: Tubes) -> dict[str, object]:
    """The numbers of `get_system_stats`."""
    found = tubes.registry.tubes.values()
    return {
        "uptime_seconds": int(time.monotonic() - _STARTED),
        "active_connection_count": sum(len(tube.conversations) for tube in found),
        "active_tube_count": len(found),
    }


def aggregated(tubes: Tubes) -> dict[str, object]:
    """The numbers of `get_aggregated_metrics`."""
    found = list(tubes.registry.tubes.values())
    qualities = [quality(tube) for tube in found]
    now = system(tubes)
    names = [name for tube in found for name in tube.conversations]
    numbers = [one for one in (live(tubes, name) for name in names) if one is not None]
    return {
        "timestamp": _timestamp(time.time()),
        "active_connections": now["active_connection_count"],
        "active_tubes": now["active_tube_count"],
        "avg_system_rtt_ms": _average(
            _milliseconds(one) or 0.0
            for one in (tube.peer.stats.round_trip_time for tube in found)
            if one is not None
        ),
        "avg_packet_loss": _average(tube.peer.stats.loss for tube in found),
        "total_message_throughput": _sum(numbers, "message_throughput"),
        "total_bandwidth": _sum(numbers, "bandwidth_utilization"),
        **{f"{rank}_connections": qualities.count(rank) for rank in _RANKS},
        "total_alerts": 0,
        "critical_alerts": 0,
        "warning_alerts": 0,
        "memory_usage_bytes": memory(),
        "cpu_utilization": _processor.utilization(),
        "network_utilization": 0.0,  # not known: the capacity of a link is not
    }


def everything(tubes: Tubes) -> dict[str, object]:
    """The content of `export_metrics_json`."""
    names = [name for tube in tubes.registry.tubes.values() for name in tube.conversations]
    return {
        "timestamp": _timestamp(time.time()),
        "connections": {name: live(tubes, name) for name in names},
        "aggregated": aggregated(tubes),
        "alerts": [],
    }


def links(tubes: Tubes) -> dict[str, object]:
    """The content of `export_connection_leg_metrics`."""
    now = aggregated(tubes)
    return {
        "system": {
            "active_connections": now["active_connections"],
            "active_tubes": now["active_tubes"],
            "avg_packet_loss": now["avg_packet_loss"],
            "avg_system_rtt_ms": now["avg_system_rtt_ms"],
            "timestamp": now["timestamp"],
            "total_bandwidth_bps": now["total_bandwidth"],
        },
        "connections": {
            name: _link(tubes, tube, name)
            for tube in tubes.registry.tubes.values()
            for name in tube.conversations
        },
    }


def _link(tubes: Tubes, tube: Tube, name: str) -> dict[str, object]:
    found = live(tubes, name) or {}
    counts = _candidates(tube)
    round_trip = _milliseconds(tube.peer.stats.round_trip_time) or 0.0
    return {
        "tube_id": tube.id,
        "established_at": found.get("established_at"),
        "current_bitrate_bps": found.get("bandwidth_utilization", 0.0),
        "current_rtt_ms": round_trip,
        "end_to_end_latency_ms": round_trip,
        "packet_loss_rate": tube.peer.stats.loss,
        "ice_candidates_total": sum(counts.values()),
        **{f"ice_candidates_{kind}": count for kind, count in counts.items()},
        "turn_allocation_success_rate": _allocated(tube),
    }


def resources(tubes: Tubes) -> dict[str, object]:
    """The counts of `get_resource_status`, and the limits."""
    capacity, open_tubes = tubes.registry.capacity, tubes.registry.tubes.values()
    in_use = sum(tube.sockets for tube in open_tubes)
    refused = capacity.refused_at
    return {
        "sockets_allocated": capacity.released_sockets + in_use,
        "sockets_released": capacity.released_sockets,
        "ice_agents_created": capacity.released + len(open_tubes),
        "ice_agents_destroyed": capacity.released,
        "turn_connections_pooled": 0,  # each tube has its own
        "turn_connections_reused": 0,
        "resource_exhaustion_errors": capacity.refused,
        "last_exhaustion_timestamp": _timestamp(refused) if refused else None,
        "current_limits": tubes.limits.values(),
    }


def quality(tube: Tube) -> str:
    """A word for a tube's link."""
    if tube.peer.state is not PeerState.CONNECTED:
        return "poor"
    seconds = tube.peer.stats.round_trip_time or 0.0
    limits = (EXCELLENT, GOOD, FAIR)
    return _RANKS[sum(seconds > limit for limit in limits)]


def _candidates(tube: Tube) -> dict[str, int]:
    """How many candidates of this end there are, by kind."""
    texts = tube.peer.local_candidates
    return {
        kind: sum(f" typ {kind}" in text for text in texts) for kind in ("host", "srflx", "relay")
    }


def _allocated(tube: Tube) -> float:
    """The share of the TURN servers that have given a relay; 0.0 without servers."""
    asked = sum(server.scheme != "stun" for server in tube.ice.servers)
    return min(_candidates(tube)["relay"] / asked, 1.0) if asked else 0.0


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value that `percent` % of all do not exceed (nearest rank); 0.0 without any."""
    if not values:
        return 0.0
    return sorted(values)[max(-(-len(values) * percent // 100), 1) - 1]


def jitter(values: Sequence[float]) -> float:
    """Return the average difference between a value and the next; 0.0 with fewer than two."""
    return _average(abs(after - before) for before, after in pairwise(values))


def _error_rate(tube: Tube) -> float:
    breaker = tube.breaker.stats()
    total, failed = breaker["total_requests"], breaker["failed_requests"]
    return failed / total if isinstance(total, int) and isinstance(failed, int) and total else 0.0


def _sum(numbers: Iterable[dict[str, object]], key: str) -> float:
    return sum(value for one in numbers if isinstance(value := one[key], float))


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else seconds * 1000


def _average(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
