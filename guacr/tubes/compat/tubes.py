"""The tubes of all `PyTubeRegistry`s of a process, on the loop's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from guacr.tubes.compat.audience import Audience, SignalCallback
from guacr.tubes.compat.callbacks import Dispatcher
from guacr.tubes.compat.handler_feed import HandlerCallback, HandlerFeed
from guacr.tubes.compat.local_sessions import LocalSessions
from guacr.tubes.compat.plans import Asked, Planned, Surroundings, planned
from guacr.tubes.compat.signals import signal
from guacr.tubes.errors import SdpError, TubeError, TubeNotFoundError
from guacr.tubes.events import ConversationClosed, ConversationOpened
from guacr.tubes.reasons import CloseReason
from guacr.tubes.registry import Created, TubeRegistry
from guacr.tubes.rtc.sdp import decode, encode
from guacr.tubes.tube import Tube, TubeClosed, TubeEvent

FAILED_REMOTE = "Failed to set remote description: "


@dataclass(frozen=True, slots=True)
class Application:
    """The caller of `create_tube`, as far as tubes know it.

    Attributes:
        token: a later create for the same tube has to have it.
        dispatcher: makes the calls if the tube is new.
        later: has the event loop call something.
    """

    token: str
    on_signal: SignalCallback | None
    on_handler_events: HandlerCallback | None
    dispatcher: Dispatcher
    later: Callable[[Callable[[], object]], None]


class Tubes:
    """Tubes with their audiences.

    Attributes:
        registry: has the tubes.

    Raises:
        TubeError: a limit in the environment is not a number.
    """

    def __init__(self) -> None:
        self.registry = TubeRegistry()
        self.audiences: dict[str, Audience] = {}
        """By tube."""
        self._feeds: dict[tuple[str, str], HandlerFeed] = {}
        """By tube and conversation."""
        self._sessions: LocalSessions | None = None

    async def create(
        self, asked: Asked, application: Application, tube_id: str, offer: str | None
    ) -> dict[str, str]:
        """Create a tube, or another conversation of an existing one, as `create_tube`.

        Raises:
            TubeError: as `TubeRegistry.create`, or the settings are invalid.
            SettingsError: an ICE server or a key is.
        """
        description = _decoded(offer)
        tube_id = tube_id or str(uuid4())
        existing = self.registry.tubes.get(tube_id)
        if existing is not None:  # its role is the tube's
            asked = replace(asked, is_answerer=not existing.offers)
        audience = self.audiences.get(tube_id)
        if audience is None:
            audience = Audience(application.dispatcher, asked.conversation_id)
        found = planned(asked, self._surroundings(tube_id, audience, asked, application))
        try:
            created = await self._created(found, tube_id, audience, application, description)
        except BaseException:
            if found.listener is not None:
                found.listener.close()
            raise
        return _result(created, found, is_answerer=asked.is_answerer)

    async def _created(
        self,
        found: Planned,
        tube_id: str,
        audience: Audience,
        application: Application,
        description: str,
    ) -> Created:
        name = found.plan.id
        is_new = tube_id not in self.registry.tubes
        if is_new:
            self.audiences[tube_id] = audience
            audience.add(name, application.on_signal)
        try:
            created = await self.registry.create(
                found.plan,
                found.settings,
                token=application.token,
                on_event=self._on_event,
                offer=description,
                tube_id=tube_id,
            )
        except BaseException as error:
            if is_new:
                self.audiences.pop(tube_id, None)
            if isinstance(error, SdpError):
                raise SdpError(FAILED_REMOTE + str(error)) from error
            raise
        audience.add(name, application.on_signal)
        if found.feed is not None:
            self._feeds[tube_id, name] = found.feed
        self.registry.associate(tube_id, name)
        return created

    def _surroundings(
        self, tube_id: str, audience: Audience, asked: Asked, application: Application
    ) -> Surroundings:
        def on_event(event: TubeEvent) -> None:
            self._tell(tube_id, audience, event, is_last=False)

        callback = application.on_handler_events

        def make_feed() -> HandlerFeed:
            assert callback is not None  # noqa: S101
            return HandlerFeed(
                asked.conversation_id, callback, audience.dispatcher, application.later
            )

        return Surroundings(self._local_sessions, on_event, None if callback is None else make_feed)

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
        self._tell(tube.id, audience, event, is_last=not tube.conversations)

    def _tell(self, tube_id: str, audience: Audience, event: TubeEvent, *, is_last: bool) -> None:
        told = signal(tube_id, audience.first, event, is_last=is_last)
        if told is not None:
            audience.tell(told)

    # ---- sessions

    def _local_sessions(self) -> LocalSessions:
        if self._sessions is None:
            self._sessions = LocalSessions()
        return self._sessions

    # ---- look-ups

    def tube(self, tube_id: str) -> Tube:
        """Return a tube.

        Raises:
            TubeNotFoundError: there is none of this id.
        """
        return self.registry.tube(tube_id)

    def tube_of(self, conversation_id: str) -> Tube:
        """Return the tube of a conversation.

        Raises:
            TubeNotFoundError: there is none.
        """
        tube = self.registry.tube_of(conversation_id)
        if tube is None:
            raise TubeNotFoundError(f"No tube found for conversation ID: {conversation_id}")
        return tube

    def feed(self, conversation_id: str) -> HandlerFeed:
        """Return the application's side of a `python_handler` conversation.

        Raises:
            TubeNotFoundError: there is no such conversation.
            TubeError: it has none.
        """
        tube = self.tube_of(conversation_id)
        feed = self._feeds.get((tube.id, conversation_id))
        if feed is not None:
            return feed
        # Both ends may be in this process, and only one of them has an application.
        for (_, name), other in self._feeds.items():
            if name == conversation_id:
                return other
        raise TubeError("Handler route not found")

    # ---- the end

    def abandon(self, dispatcher: Dispatcher) -> None:
        """Close the tube that has this dispatcher: its creator does not know it."""
        for tube_id, audience in self.audiences.items():
            if audience.dispatcher is dispatcher:
                self.tube(tube_id).close_soon(CloseReason.NORMAL)

    async def close(self) -> None:
        """Close everything."""
        await self.registry.close()
        if self._sessions is not None:
            sessions, self._sessions = self._sessions, None
            await sessions.close()


def _decoded(offer: str | None) -> str:
    if offer is None:
        return ""
    try:
        return decode(offer)
    except SdpError as error:
        raise SdpError("Failed to decode initial_offer_sdp from base64") from error


def _result(created: Created, found: Planned, *, is_answerer: bool) -> dict[str, Any]:
    result = {"tube_id": created.tube.id}
    if created.description:
        result["answer" if is_answerer else "offer"] = encode(created.description)
    if found.listener is not None:
        result["actual_local_listen_addr"] = found.listener.address
    return result
