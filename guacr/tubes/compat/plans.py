"""The plan that the settings of `create_tube` ask for, and the settings of a peer connection."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from guacr.tubes.compat.handler_feed import HandlerFeed
from guacr.tubes.compat.local_sessions import LocalBackend, LocalSessions
from guacr.tubes.connections.connection import Backend
from guacr.tubes.connections.listener import Listener
from guacr.tubes.errors import TubeSettingsError
from guacr.tubes.events import Event
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.guacamole.guacd import GuacdBackend
from guacr.tubes.guacamole.opener import Opener
from guacr.tubes.roles import make_backend, make_front
from guacr.tubes.rtc.ice.settings import IceServer, IceSettings
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.settings import GuacdSettings, HandlerSettings, IceOptions, parse
from guacr.tubes.tube import Plan

VERSION = "2.2.9"
"""The release of keeper-pam-webrtc-rs whose interface and wire format these are; descriptions carry
it, as its callers decide by it what a peer can do."""
STUN_PORT = 3478
GUACD_PORT = 4822
LOOPBACK_KEY = "loopback_candidates"
"""A setting of our own: offer 127.0.0.1 and ::1, if both ends are on one machine."""


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `create_tube` that a plan is made of.

    Attributes:
        relay_host: a host with a STUN server on port 3478, or "".
        is_answerer: there is an offer to answer.
        fragmented: long messages are sent in fragments.
    """

    conversation_id: str
    settings: object
    trickle: bool
    relay_host: str
    is_answerer: bool
    fragmented: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The things that conversations use.

    Attributes:
        sessions: for those whose settings name no guacd.
        on_event: called with events of guacd.
        make_feed: makes the application's side of a `python_handler`; None if it has none.
    """

    sessions: Callable[[], LocalSessions]
    on_event: Callable[[Event], None]
    make_feed: Callable[[], HandlerFeed] | None


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, the settings of its peer connection, its listener and its application's side."""

    plan: Plan
    settings: PeerSettings
    listener: Listener | None
    feed: HandlerFeed | None


def planned(asked: Asked, surroundings: Surroundings) -> Planned:
    """Read the settings of a conversation.

    Raises:
        TubeSettingsError: the settings are invalid, or the address cannot be listened on.
        SettingsError: an ICE server or a key is.
    """
    read = parse(asked.settings, is_offerer=not asked.is_answerer)
    given: dict[str, Any] = dict(asked.settings)  # type: ignore[call-overload]
    peer = PeerSettings(
        ice=IceSettings(
            servers=_distinct(_servers(read.ice, asked.relay_host)),
            relay_only=read.ice.turn_only,
            loopback=given.get(LOOPBACK_KEY) is True,
        ),
        trickle=asked.trickle,
        keeper_version=VERSION,
    )
    name = asked.conversation_id
    if isinstance(read.kind, HandlerSettings):
        if surroundings.make_feed is None:
            raise TubeSettingsError(
                "PythonHandler protocol requires python_handler_tx to be set "
                f"(channel_id: {name}): give handler_callback"
            )
        feed = surroundings.make_feed()
        plan = Plan(name, feed.handler, feed.handler, asked.fragmented)
        return Planned(plan, peer, None, feed)
    listener = make_front(read)
    backend = make_backend(read, lambda guacd: _guacd(guacd, surroundings))
    return Planned(Plan(name, backend, listener, asked.fragmented), peer, listener, None)


def _guacd(settings: GuacdSettings, surroundings: Surroundings) -> Backend:
    request = Request(settings.protocol, settings.params)
    opener = Opener(request, surroundings.on_event, ConnectAs(settings.connect_as))
    if settings.host is None:
        return LocalBackend(surroundings.sessions(), settings.protocol, opener)
    return GuacdBackend(settings.host, settings.port or GUACD_PORT, opener)


def _servers(options: IceOptions, relay_host: str) -> Iterator[IceServer]:
    """The STUN and TURN servers that the settings name."""
    if relay_host:
        yield IceServer(f"stun:{host_in_url(relay_host)}:{STUN_PORT}")
    for url in (options.stun_url, options.relay_url):
        if url:
            yield IceServer(_with_scheme(url, "stun"))
    if options.use_turn and options.turn_url:
        yield IceServer(
            _with_scheme(options.turn_url, "turn"), options.turn_username, options.turn_password
        )


def _distinct(servers: Iterable[IceServer]) -> tuple[IceServer, ...]:
    """Leave out what is there twice: callers name the same host as relay and as STUN server."""
    found: dict[tuple[str, str, int, str], IceServer] = {}
    for server in servers:
        found.setdefault((server.scheme, server.host, server.port, server.transport), server)
    return tuple(found.values())


def _with_scheme(url: str, scheme: str) -> str:
    return url if url.partition(":")[0] in ("stun", "turn", "turns") else f"{scheme}:{url}"


def host_in_url(name: str) -> str:
    """Return a name or an address as it stands in a URL."""
    return f"[{name}]" if ":" in name and not name.startswith("[") else name
