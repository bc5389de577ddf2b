"""The conversations that settings ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from guacr.tubes.connections.connection import Backend, Front
from guacr.tubes.connections.handler import Handler
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.events import Event
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.guacamole.guacd import GuacdBackend
from guacr.tubes.guacamole.local_sessions import LocalSessions
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.sctp.channels import LABEL_MAX
from guacr.tubes.settings import (
    ConversationSettings,
    CustomSettings,
    GuacdSettings,
    HandlerSettings,
    ListenerSettings,
    NoSettings,
    SocksSettings,
    TargetSettings,
)

GUACD_PORT = 4822


@dataclass(frozen=True, slots=True)
class Plan:
    """A conversation that a tube is to have.

    Attributes:
        id: the label of its channel.
        backend, front: as in `Conversation`.
        fragmented: long messages are sent in fragments.
    """

    id: str
    backend: Backend | None = None
    front: Front | None = None
    fragmented: bool = False

    @property
    def address(self) -> str:
        """Address and port on which the conversation listens; empty if it does not."""
        return self.front.address if isinstance(self.front, Listener) else ""

    def close(self) -> None:
        """Release what a plan has that no tube gets; harmless when repeated."""
        if self.front is not None:
            self.front.close()


async def make_plan(
    conversation_id: str,
    settings: ConversationSettings,
    *,
    sessions: LocalSessions,
    on_event: Callable[[Event], None],
    fragmented: bool = False,
) -> Plan:
    """Make what a conversation consists of. A listener listens from now on.

    Args:
        conversation_id: the label of its channel.
        settings: of this end.
        sessions: for Guacamole conversations whose settings name no guacd.
        on_event: called with each `GuacdInstruction`.
        fragmented: long messages are sent in fragments.

    Raises:
        TubeSettingsError: the id cannot be a label, an address cannot be listened on, a key cannot
            be used, or there is no such protocol.
    """
    _check_label(conversation_id)
    _check_kind(settings)
    backend: Backend | None = None
    match settings:
        case ListenerSettings():
            listener = Listener(settings.host, settings.port, socks=settings.socks)
            return Plan(conversation_id, None, listener, fragmented)
        case HandlerSettings():
            handler = Handler(settings.on_events)
            return Plan(conversation_id, handler, handler, fragmented)
        case CustomSettings():
            return Plan(conversation_id, settings.backend, settings.front, fragmented)
        case TargetSettings():
            backend = FixedTarget(settings.host, settings.port)
        case SocksSettings():
            backend = SocksTargets(settings.rules)
        case GuacdSettings():
            backend = await _guacd(settings, sessions, on_event)
        case NoSettings():
            pass
    return Plan(conversation_id, backend, None, fragmented)


def _check_label(conversation_id: str) -> None:
    try:
        size = len(conversation_id.encode())
    except UnicodeEncodeError as error:
        raise TubeSettingsError("the id of a conversation is not valid Unicode") from error
    if size > LABEL_MAX:
        raise TubeSettingsError(
            f"the id of a conversation has {size} bytes: {LABEL_MAX} are allowed"
        )


def _check_kind(settings: object) -> None:
    kinds = get_args(ConversationSettings)
    if not isinstance(settings, kinds):
        names = ", ".join(kind.__name__ for kind in kinds)
        raise TubeSettingsError(f"settings must be one of {names}, not {type(settings).__name__}")


async def _guacd(
    settings: GuacdSettings, sessions: LocalSessions, on_event: Callable[[Event], None]
) -> Backend:
    request = Request(settings.protocol, settings.params)
    opener = Opener(request, on_event, ConnectAs(settings.connect_as))
    if settings.host is None:
        return await sessions.backend(settings.protocol, opener)
    return GuacdBackend(settings.host, settings.port or GUACD_PORT, opener)
