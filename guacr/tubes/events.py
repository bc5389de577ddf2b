"""The events of tubes and of their conversations, for their owners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.peer import PeerState

NORMAL_EXIT = "normal_exit"
TUBE_CLOSED = "tube_closed"
FLOODED = "error: the peer sends requests, and reads nothing"
"""Outcomes of conversations; others begin with "error: ", too."""


@dataclass(frozen=True, slots=True)
class ConversationOpened:
    """The channel can be used."""

    label: str


@dataclass(frozen=True, slots=True)
class ConversationClosed:
    """The conversation has ended, with all its connections; the last event.

    Attributes:
        reason: of the message that closed it; None if the channel was closed without one.
        outcome: `NORMAL_EXIT`, `TUBE_CLOSED`, or "error: " and a text.
        by_peer: the peer has closed it.
    """

    label: str
    reason: CloseReason | None
    outcome: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class ConnectionStarted:
    """A connection can be used at both ends."""

    label: str
    number: int


@dataclass(frozen=True, slots=True)
class ConnectionEnded:
    """A connection has ended, or could not be opened.

    Attributes:
        text: for people; it may be the peer's, and contain anything.
        by_peer: the peer has closed it.
    """

    label: str
    number: int
    reason: CloseReason
    text: str
    by_peer: bool


@dataclass(frozen=True, slots=True)
class GuacdInstruction:
    """guacd has sent an instruction that owners want to see: `size`, for any layer.

    Attributes:
        text: as it was sent, such as "4.size,1.0,4.1024,3.768;".
    """

    label: str
    number: int
    text: str


Event: TypeAlias = (
    ConversationOpened | ConversationClosed | ConnectionStarted | ConnectionEnded | GuacdInstruction
)


@dataclass(frozen=True, slots=True)
class CandidateFound:
    """A local candidate as text; an empty one at their end."""

    candidate: str


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The peer connection has another state."""

    state: PeerState


@dataclass(frozen=True, slots=True)
class RestartOffered:
    """The link was lost: the peer needs this offer (a session description)."""

    offer: str


@dataclass(frozen=True, slots=True)
class TubeClosed:
    """Everything is released; the last event."""


TubeEvent: TypeAlias = CandidateFound | LinkChanged | RestartOffered | TubeClosed | Event
