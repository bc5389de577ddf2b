"""The settings of a conversation at one of its ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from guacr.tubes.connections.allow import AllowRules

if TYPE_CHECKING:
    from guacr.tubes.connections.connection import Backend, Front
    from guacr.tubes.connections.handler import HandlerEvent


@dataclass(frozen=True, slots=True)
class ListenerSettings:
    """Connections come from TCP clients of this machine.

    Attributes:
        host: an IP address.
        port: 0 for any.
        socks: clients speak SOCKS5.
    """

    host: str = "127.0.0.1"
    port: int = 0
    socks: bool = False


@dataclass(frozen=True, slots=True)
class TargetSettings:
    """All connections go to one host; without it, none can be opened."""

    host: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class SocksSettings:
    """Connections go where the peer wants, as far as rules allow; without rules, nowhere."""

    rules: AllowRules | None = None


@dataclass(frozen=True, slots=True)
class ConnectAsSettings:
    """The rights of the peer to send values of its own for a connection, encrypted for
    `gateway_private_key`, a PEM of PKCS #8."""

    allow_supply_user: bool = False
    allow_supply_host: bool = False
    gateway_private_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class GuacdSettings:
    """Connections are Guacamole sessions.

    Attributes:
        protocol: as guacd knows it.
        host: of guacd; None for sessions of this process.
        port: of guacd; None for 4822.
        params: the parameters of the connection, as texts. `connectionid` is a running connection
            to join instead, with `readonly` ("true") to watch it; `width`, `height`, `dpi`,
            `audio`, `video` and `image` describe the client.
        connect_as: what the peer may supply.
    """

    protocol: str
    host: str | None = None
    port: int | None = None
    params: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    connect_as: ConnectAsSettings = ConnectAsSettings()


@dataclass(frozen=True, slots=True)
class HandlerSettings:
    """The application serves the connections itself, by `TubeRegistry.handler`.

    Attributes:
        on_events: called with what has happened within a turn of the event loop; it must not raise
            anything.
    """

    on_events: Callable[[list[HandlerEvent]], None]


@dataclass(frozen=True, slots=True)
class CustomSettings:
    """Parts of the application.

    Attributes:
        backend: opens the connections that the peer asks for; None refuses them.
        front: begins once the channel is open, and ends with the conversation.
    """

    backend: Backend | None = None
    front: Front | None = None


@dataclass(frozen=True, slots=True)
class NoSettings:
    """No connection can be opened at this end."""


ConversationSettings: TypeAlias = (
    ListenerSettings
    | TargetSettings
    | SocksSettings
    | GuacdSettings
    | HandlerSettings
    | CustomSettings
    | NoSettings
)
