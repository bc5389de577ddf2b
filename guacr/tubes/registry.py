"""All tubes of an application."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
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

    # ---- the end

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
