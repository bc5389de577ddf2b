"""The figures of a conversation, as in a MetricsResponse."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from guacr import __version__
from guacr.tubes.wire.control import MetricsResponse

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation

_started = time.monotonic()


def response(conversation: Conversation) -> MetricsResponse:
    """Return the answer to a MetricsRequest, with the keys of keeper-pam-webrtc-rs."""
    inlet, outlet = conversation.inlet, conversation.outlet
    figures = {
        "schema_version": 1,
        "transport_type": "WebRTC",
        "gateway_version": f"guacr {__version__}",
        "gateway_uptime_seconds": int(time.monotonic() - _started),
        "active_connections_on_tube": conversation.connections,
        "bytes": {
            "messages_received_total": inlet.messages,
            "messages_sent_total": outlet.messages,
            "received_total": inlet.bytes,
            "sent_total": outlet.bytes,
        },
        "errors": {"error_rate": 0.0, "retry_count": 0, "total_errors": 0},
        "quality": {
            "active_alert_count": 0,
            "active_alerts": [],
            "connection_quality": "unknown",
        },
        "sctp_live": {"buffered_amount": conversation.buffered},
    }
    return MetricsResponse(json.dumps(figures).encode())
