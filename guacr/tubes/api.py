"""The names of the interface for asyncio, which `guacr.tubes` has."""

from __future__ import annotations

from guacr.tubes.capacity import Capacity
from guacr.tubes.connections.allow import AllowRules
from guacr.tubes.connections.connection import Backend, Connection, Front
from guacr.tubes.connections.handler import (
    Data,
    Ended,
    EndOfData,
    Handler,
    HandlerEvent,
    Opened,
)
from guacr.tubes.errors import TubeError
from guacr.tubes.events import (
    CandidateFound,
    ConnectionEnded,
    ConnectionStarted,
    ConversationClosed,
    ConversationOpened,
    GuacdInstruction,
    LinkChanged,
    RestartOffered,
    TubeClosed,
    TubeEvent,
)
from guacr.tubes.reasons import CloseReason
from guacr.tubes.registry import Created, TubeRegistry
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings
from guacr.tubes.rtc.peer import PeerSettings, PeerState
from guacr.tubes.settings import (
    ConnectAsSettings,
    ConversationSettings,
    CustomSettings,
    GuacdSettings,
    HandlerSettings,
    ListenerSettings,
    NoSettings,
    SocksSettings,
    TargetSettings,
)
from guacr.tubes.tube import Tube, TubeState

__all__ = [
    "AllowRules",
    "Backend",
    "CandidateFound",
    "Capacity",
    "CloseReason",
    "ConnectAsSettings",
    "Connection",
    "ConnectionEnded",
    "ConnectionStarted",
    "ConversationClosed",
    "ConversationOpened",
    "ConversationSettings",
    "Created",
    "CustomSettings",
    "Data",
    "EndOfData",
    "Ended",
    "Front",
    "GuacdInstruction",
    "GuacdSettings",
    "Handler",
    "HandlerEvent",
    "HandlerSettings",
    "IceServer",
    "IceSettings",
    "LinkChanged",
    "ListenerSettings",
    "NoSettings",
    "Opened",
    "PeerSettings",
    "PeerState",
    "RestartOffered",
    "SocksSettings",
    "TargetSettings",
    "Tube",
    "TubeClosed",
    "TubeError",
    "TubeEvent",
    "TubeRegistry",
    "TubeState",
]
