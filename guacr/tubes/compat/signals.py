"""The events of tubes as the dictionaries of keeper-pam-webrtc-rs."""

from __future__ import annotations

import json
from typing import TypeAlias
from uuid import uuid4

from guacr.tubes.events import (
    TUBE_CLOSED,
    CandidateFound,
    ConversationClosed,
    GuacdInstruction,
    LinkChanged,
    RestartOffered,
    TubeEvent,
)
from guacr.tubes.rtc.peer import PeerState
from guacr.tubes.rtc.sdp import encode

Signal: TypeAlias = dict[str, str]

_STATES = {
    PeerState.CONNECTED: "connected",
    PeerState.DISCONNECTED: "disconnected",
    PeerState.FAILED: "failed",
}
"""State → word. `channel_closed` tells that a tube is closed."""


def signal(tube_id: str, first: str, event: TubeEvent, *, is_last: bool) -> Signal | None:
    """Return the signal of an event, None if it has none.

    Args:
        tube_id: of the tube whose event it is.
        first: the tube's first conversation.
        event: of the tube.
        is_last: the tube has no other conversation.
    """
    kind, conversation, data = "", first, ""
    if isinstance(event, CandidateFound):
        kind, data = "icecandidate", event.candidate
    elif isinstance(event, LinkChanged) and event.state in _STATES:
        kind, data = "connection_state_changed", _STATES[event.state]
    elif isinstance(event, RestartOffered):
        kind, data = "ice_restart_offer", encode(event.offer)
    elif isinstance(event, ConversationClosed):
        kind, conversation = "channel_closed", event.label
        data = _closed(event, is_last=is_last)
    elif isinstance(event, GuacdInstruction):
        kind, conversation, data = "guacd_instruction", event.label, event.text
    if not kind:
        return None
    return {
        "tube_id": tube_id,
        "kind": kind,
        "data": data,
        "conversation_id": conversation,
        "signal_id": str(uuid4()),
    }


def _closed(event: ConversationClosed, *, is_last: bool) -> str:
    content: dict[str, object] = {"channel_id": event.label}
    if event.reason is not None:
        content["close_reason"] = {
            "code": int(event.reason),
            "is_critical": event.reason.is_critical,
            "is_retryable": event.reason.is_retryable,
            "name": event.reason.label,
        }
    content["outcome"] = event.outcome
    if event.outcome != TUBE_CLOSED:
        content["terminates_tube"] = event.by_peer and is_last
    return json.dumps(content)
