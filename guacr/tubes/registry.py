"""All tubes of an application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from guacr.tubes.backlog import Backlog, Total
from guacr.tubes.capacity import Capacity, Creates
from guacr.tubes.environment import CREATE_TIMEOUT, CREATES, number
from guacr.tubes.errors import TubeTimeoutError, TubeTokenError
from guacr.tubes.events import Event, TubeEvent
from guacr.tubes.guacamole.local_sessions import LocalSessions
from guacr.tubes.plans import Plan, make_plan
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.settings import ConversationSettings
from guacr.tubes.table import TubeTable
from guacr.tubes.tube import Tube

if TYPE_CHECKING:
    from guacr.session.directory import Directory
    from guacr.settings.models import Settings

log = logging.getLogger("guacr.tubes")

CREATES_MAX = 100
"""Tubes that are created at a time, unless one of the variables says otherwise."""
CREATE_SECONDS = 15
"""For a tube to be created, likewise."""
UNANSWERED_FOR = 300.0
"""Seconds after which a tube is closed that has never been connected."""


@dataclass(frozen=True, slots=True)
class Created:
    """A new tube, or a new conversation of an existing one.

    Attributes:
        description: the offer or the answer, as text; empty for an existing tube.
        address: address and port on which the conversation listens; empty if it does not.
    """

    tube: Tube
    description: str = ""
    address: str = ""


class TubeRegistry(TubeTable):
    """Creates and finds tubes. All methods are for the thread of one event loop.

    Args:
        creates_max: tubes that are created at a time; by default, of the environment.
        settings: of the sessions of Guacamole conversations that name no guacd.
        directory: where these are opened instead of in sessions of this registry, such as the
            `registry` of a daemon in this process.

    Attributes:
        creates: counts and limits the tubes.
        sessions: of Guacamole conversations that name no guacd.

    Raises:
        TubeSettingsError: a limit in the environment is not a number.
    """

    def __init__(
        self,
        creates_max: int | None = None,
        *,
        settings: Settings | None = None,
        directory: Directory | None = None,
    ) -> None:
        super().__init__()
        self.creates = Creates(number(CREATES, CREATES_MAX) if creates_max is None else creates_max)
        self.sessions = LocalSessions(settings, directory=directory)
        self._timeout = number(CREATE_TIMEOUT, CREATE_SECONDS)
        self._backlogs = Total()
        self._tokens: dict[str, str] = {}
        self._sweeps: dict[str, asyncio.TimerHandle] = {}

    # ---- creation

    async def create(
        self,
        conversation_id: str,
        settings: ConversationSettings,
        peer: PeerSettings | None = None,
        *,
        on_event: Callable[[Tube, TubeEvent], None] = lambda tube, event: None,
        offer: str = "",
        tube_id: str = "",
        token: str = "",
        fragmented: bool = False,
    ) -> Created:
        """Create a tube with a conversation: the offering end, or, with the peer's offer, the
        answering end. With the id of a tube that exists, that tube gets the conversation.

        Args:
            conversation_id: the label of its channel.
            settings: of the conversation.
            peer: settings of the peer connection; ignored for an existing tube.
            on_event: called with each event of the tube; it must not raise anything. Ignored for
                an existing tube.
            offer: the peer's session description.
            tube_id: of the tube, or of a new one; a random one by default.
            token: what a later create for the same tube has to know.
            fragmented: long messages are sent in fragments; both ends must do so.

        Raises:
            OverloadedError: too many are being created.
            LimitError: there are too many tubes.
            TubeTokenError: the token is not the tube's.
            TubeSettingsError: an address, a key or a protocol cannot be used.
            TubeTimeoutError: it takes too long.
            TubeError: the offer cannot be used, or the tube is closed.
        """
        tube_id = tube_id or str(uuid4())

        def tell(event: Event) -> None:
            if (tube := self._tubes.get(tube_id)) is not None:
                tube.tell(event)

        is_new = tube_id not in self._tubes
        with self.creates.counted(self._tubes.values()) if is_new else nullcontext():
            async with _limited(self._timeout):
                plan = await make_plan(
                    conversation_id,
                    settings,
                    sessions=self.sessions,
                    on_event=tell,
                    fragmented=fragmented,
                )
                try:
                    tube = self._tubes.get(tube_id)
                    if tube is None:
                        tube = self._new(tube_id, peer, on_event, token, offers=not offer)
                        description = await self._begin(tube, plan, offer)
                    else:
                        description = self._extend(tube, plan, token)
                except BaseException:
                    plan.close()
                    raise
        return Created(tube, description, plan.address)

    def _new(
        self,
        tube_id: str,
        peer: PeerSettings | None,
        on_event: Callable[[Tube, TubeEvent], None],
        token: str,
        *,
        offers: bool,
    ) -> Tube:
        tube = Tube(
            tube_id,
            peer or PeerSettings(),
            offers=offers,
            on_event=lambda event: on_event(tube, event),
            on_closed=self._forget,
            backlog=Backlog(total=self._backlogs),
        )
        self._tubes[tube_id] = tube
        self._tokens[tube_id] = token
        return tube

    async def _begin(self, tube: Tube, plan: Plan, offer: str) -> str:
        """Return the offer of a new tube, or its answer."""
        try:
            tube.add(plan)
            if offer:
                description = await tube.set_remote_description(offer, is_answer=False) or ""
            else:
                description = await tube.create_offer()
        except BaseException:
            tube.close_soon(CloseReason.CONFIGURATION_ERROR)
            raise
        loop = asyncio.get_running_loop()
        self._sweeps[tube.id] = loop.call_later(UNANSWERED_FOR, self._sweep, tube)
        return description

    def _extend(self, tube: Tube, plan: Plan, token: str) -> str:
        if self._tokens[tube.id] != token:
            raise TubeTokenError(f"Unauthorized: callback_token does not match tube {tube.id}")
        tube.add(plan)
        return ""

    def _sweep(self, tube: Tube) -> None:
        if not tube.was_connected:
            log.info("tube %s: closed, as its peer has not connected", tube.id)
            tube.close_soon(CloseReason.TIMEOUT)

    def _forget(self, tube: Tube) -> None:
        if self._tubes.get(tube.id) is tube:
            self._remove(tube.id)
            del self._tokens[tube.id]
            sweep = self._sweeps.pop(tube.id, None)
            if sweep is not None:
                sweep.cancel()
            self.creates.released(tube)

    @property
    def capacity(self) -> Capacity:
        """The creates that are possible now, and the counts so far."""
        return self.creates.capacity

    # ---- descriptions and candidates

    async def set_remote_description(
        self, tube_id: str, description: str, *, is_answer: bool
    ) -> str | None:
        """Take the peer's description; return the answer to an offer, None for an answer. An offer
        for a tube that exists is that of an ICE restart.

        Raises:
            TubeNotFoundError: there is no such tube.
            TubeError: the description cannot be used, or not now.
        """
        return await self.tube(tube_id).set_remote_description(description, is_answer=is_answer)

    async def create_offer(self, tube_id: str) -> str:
        """Return a new offer of a tube, for the connection as it is.

        Raises:
            TubeNotFoundError: there is no such tube.
            PeerError: the last offer has not been answered.
        """
        return await self.tube(tube_id).create_offer()

    async def create_answer(self, tube_id: str) -> str:
        """Return the answer to the peer's last offer, and the same when repeated.

        Raises:
            TubeNotFoundError: there is no such tube.
            PeerError: there is no offer.
        """
        return await self.tube(tube_id).create_answer()

    async def restart_ice(self, tube_id: str) -> str:
        """Begin an ICE restart; return the offer for it.

        Raises:
            TubeNotFoundError: there is no such tube.
            TubeError: it is not possible now, or has failed too often.
        """
        return await self.tube(tube_id).restart_ice()

    def add_candidate(self, tube_id: str, candidate: str) -> None:
        """Take a candidate of the peer, an empty text for their end; what cannot be used is
        ignored.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        self.tube(tube_id).add_candidate(candidate)

    # ---- the end

    def close_connection(self, conversation_id: str, number: int, reason: CloseReason) -> None:
        """Close one connection; one that is not there is ignored.

        Raises:
            ConversationNotFoundError: there is no such conversation.
        """
        conversation = self.tube_with(conversation_id).conversations.get(conversation_id)
        if conversation is not None:
            conversation.close_connection(number, reason)

    def close_conversation(self, conversation_id: str, reason: CloseReason) -> None:
        """Close a conversation with its connections; its tube stays.

        Raises:
            ConversationNotFoundError: there is no such conversation.
        """
        self.tube_with(conversation_id).close_conversation(conversation_id, reason)

    async def close_tube(
        self, tube_id: str, reason: CloseReason = CloseReason.ADMIN_CLOSED
    ) -> None:
        """Close a tube, and wait until everything is released.

        Raises:
            TubeNotFoundError: there is no such tube.
        """
        await self.tube(tube_id).close(reason)

    async def close_tubes(
        self, tubes: Iterable[Tube], reason: CloseReason = CloseReason.NORMAL
    ) -> None:
        """Close several tubes at once, and wait until everything is released."""
        closing = list(tubes)
        for tube in closing:
            tube.close_soon(reason)
        for tube in closing:
            await tube.close(reason)

    async def close(self, reason: CloseReason = CloseReason.NORMAL) -> None:
        """Close all tubes at once, and the sessions of this registry."""
        await self.close_tubes(self._tubes.values(), reason)
        await self.sessions.close()


@asynccontextmanager
async def _limited(seconds: float) -> AsyncIterator[None]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TubeTimeoutError(f"the tube could not be created within {seconds} s") from error
