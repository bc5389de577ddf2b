"""The parts of a conversation that its settings ask for."""

from __future__ import annotations

from collections.abc import Callable

from guacr.tubes.connections.connection import Backend
from guacr.tubes.connections.listener import Listener
from guacr.tubes.connections.target import FixedTarget, SocksTargets
from guacr.tubes.settings import (
    ConversationSettings,
    GuacdSettings,
    ListenerSettings,
    SocksSettings,
    TargetSettings,
)


def make_front(settings: ConversationSettings) -> Listener | None:
    """Make what an offerer's connections come from; None if they come from the application.

    Raises:
        TubeSettingsError: the address cannot be listened on.
    """
    kind = settings.kind
    if isinstance(kind, ListenerSettings):
        return Listener(kind.host, kind.port, socks=kind.socks)
    return None


def make_backend(
    settings: ConversationSettings, guacd: Callable[[GuacdSettings], Backend]
) -> Backend | None:
    """Make what opens an answerer's connections; None if the application does, or nobody.

    Args:
        settings: of the answerer.
        guacd: makes the backend of Guacamole sessions.
    """
    kind = settings.kind
    if isinstance(kind, TargetSettings):
        return FixedTarget(kind.host, kind.port)
    if isinstance(kind, SocksSettings):
        return SocksTargets(kind.rules)
    if isinstance(kind, GuacdSettings):
        return guacd(kind)
    return None
