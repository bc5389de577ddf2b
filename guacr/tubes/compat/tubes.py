"""The tubes of all `PyTubeRegistry`s of a process, on the loop's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

from guacr.tubes.compat.audience import Audience, SignalCallback
from guacr.tubes.compat.callbacks import Dispatcher
from guacr.tubes.compat.dictionary import parse
from guacr.tubes.compat.handler_feed import HandlerCallback, HandlerFeed
from guacr.tubes.compat.ice import Network, ice_settings
from guacr.tubes.compat.limits import ResourceLimits
from guacr.tubes.compat.signals import signal
from guacr.tubes.errors import SdpError, TubeSettingsError
from guacr.tubes.events import ConversationClosed, ConversationOpened, TubeClosed, TubeEvent
from guacr.tubes.reasons import CloseReason
from guacr.tubes.registry import Created, TubeRegistry
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.rtc.sdp import encode
from guacr.tubes.settings import ConversationSettings, CustomSettings
from guacr.tubes.tube import Tube

VERSION = "2.2.9"
"""The release of keeper-pam-webrtc-rs whose interface and wire format these are; descriptions carry
it, as its callers decide by it what a peer can do."""
FAILED_REMOTE = "Failed to set remote description: "


@dataclass(frozen=True, slots=True)
class Asked:
    """The arguments of `create_tube`.

    Attributes:
        settings: the dictionary.
        offer: the peer's, as text; "" to make one.
        tube_id: of a tube that exists, or of a new one; "" for any.
        fragmented: long messages are sent in fragments.
    """

    conversation_id: str
    settings: object
    network: Network
    token: str
    offer: str
    tube_id: str
    trickle: bool
    fragmented: bool


@dataclass(frozen=True, slots=True)
class Application:
    """The caller of `create_tube`, as far as tubes know it.

    Attributes:
        dispatcher: makes the calls if the tube is new.
        later: has the event loop call something.
    """

    on_signal: SignalCallback | None
    on_handler_events: HandlerCallback | None
    dispatcher: Dispatcher
    later: Callable[[Callable[[], object]], None]


class Tubes:
    """Tubes with their audiences.

    Attributes:
        registry: has the tubes.
        limits: of `configure_resource_limits`.
        audiences: by tube.

    Raises:
        TubeError: a limit in the environment is not a number.
    """

    def __init__(self) -> None:
        self.registry = TubeRegistry()
        self.limits = ResourceLimits(self.registry.creates)
        self.audiences: dict[str, Audience] = {}
        self._feeds: dict[tuple[str, str], HandlerFeed] = {}
        """By tube and conversation."""

    async def create(self, asked: Asked, application: Application) -> dict[str, str]:
        """Create a tube, or another conversation of an existing one, as `create_tube`.

        Raises:
            TubeError: as `TubeRegistry.create`, or the settings are invalid.
        """
        name, tube_id = asked.conversation_id, asked.tube_id or str(uuid4())
        is_new = tube_id not in self.audiences
        audience = self.audiences.get(tube_id) or Audience(application.dispatcher, name)
        settings, peer = self._settings(asked, tube_id)
        feed = None
        if settings is None:
            feed = _feed(name, audience, application)
            settings = CustomSettings(feed.handler, feed.handler)
        if is_new:
            self.audiences[tube_id] = audience
            audience.add(name, application.on_signal)
        try:
            created = await self.registry.create(
                name,
                settings,
                peer,
                on_event=self._on_event,
                offer=asked.offer,
                tube_id=tube_id,
                token=asked.token,
                fragmented=asked.fragmented,
            )
        except BaseException as error:
            if is_new:
                self.audiences.pop(tube_id, None)
            if isinstance(error, SdpError):
                raise SdpError(FAILED_REMOTE + str(error)) from error
            raise
        audience.add(name, application.on_signal)
        if feed is not None:
            self._feeds[tube_id, name] = feed
        self.registry.associate(tube_id, name)
        return _result(created)

    def _settings(
        self, asked: Asked, tube_id: str
    ) -> tuple[ConversationSettings | None, PeerSettings]:
        existing = self.registry.tubes.get(tube_id)
        offers = existing.offers if existing is not None else not asked.offer
        parsed = parse(asked.settings, is_offerer=offers)
        peer = PeerSettings(
            ice=ice_settings(asked.network, parsed.ice, self.limits.ice),
            trickle=asked.trickle,
            keeper_version=VERSION,
        )
        return parsed.conversation, peer

    # ---- events

    def _on_event(self, tube: Tube, event: TubeEvent) -> None:
        if isinstance(event, TubeClosed):
            self.audiences.pop(tube.id, None)
            self._feeds = {key: feed for key, feed in self._feeds.items() if key[0] != tube.id}
            return
        audience = self.audiences.get(tube.id)
        if audience is None:
            return
        if isinstance(event, ConversationOpened):
            audience.note_opened(event.label)
        elif isinstance(event, ConversationClosed):
            feed = self._feeds.pop((tube.id, event.label), None)
            if feed is not None:
                feed.closed(event)
        told = signal(tube.id, audience.first, event, is_last=not tube.conversations)
        if told is not None:
            audience.tell(told)

    # ---- the end

    def abandon(self, dispatcher: Dispatcher) -> None:
        """Close the tube that has this dispatcher: its creator does not know it."""
        for tube_id, tube in self.registry.tubes.items():
            if self.audiences[tube_id].dispatcher is dispatcher:
                tube.close_soon(CloseReason.NORMAL)

    async def close(self) -> None:
        """Close everything."""
        await self.registry.close()


def _feed(name: str, audience: Audience, application: Application) -> HandlerFeed:
    callback = application.on_handler_events
    if callback is None:
        raise TubeSettingsError(
            "PythonHandler protocol requires python_handler_tx to be set "
            f"(channel_id: {name}): give handler_callback"
        )
    return HandlerFeed(name, callback, audience.dispatcher, application.later)


def _result(created: Created) -> dict[str, str]:
    result = {"tube_id": created.tube.id}
    if created.description:
        key = "offer" if created.tube.offers else "answer"
        result[key] = encode(created.description)
    if created.address:
        result["actual_local_listen_addr"] = created.address
    return result
