"""The tube of a browser: one conversation with one connection, which is a user of a session."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable

from guacr.policy.client import Client
from guacr.session.ids import new_uuid
from guacr.transport.base import Transport
from guacr.tubes.backlog import Backlog, BacklogLimits
from guacr.tubes.connections.connection import Connection
from guacr.tubes.conversation import Conversation
from guacr.tubes.errors import RefusedError
from guacr.tubes.events import CandidateFound, ConversationClosed, TubeEvent
from guacr.tubes.plans import Plan
from guacr.tubes.reasons import CloseReason
from guacr.tubes.rtc.ice.settings import IceSettings
from guacr.tubes.rtc.peer import PeerSettings
from guacr.tubes.sctp import Limits
from guacr.tubes.service.browser_connection import BrowserConnection
from guacr.tubes.service.signalling import Signalling
from guacr.tubes.token_bucket import TokenBucket
from guacr.tubes.tube import Tube

LABEL = "guacamole"
"""The label of the channel; a browser may give it another one."""
NUMBER = 1
"""The only connection of the conversation."""
OPEN_TIMEOUT = 30.0
"""Seconds from the offer until the connection has to be open."""
OFFERS_RATE, OFFERS_BURST = 0.5, 8
"""Offers (ICE restarts) per second, and at once."""
LIMITS = Limits(window=512 * 1024, channels=4)
BACKLOG = BacklogLimits(connection=64 * 1024, tube=512 * 1024)

log = logging.getLogger("guacr.tubes")


class BrowserTube:
    """Answers a browser, and makes its connection a user.

    Args:
        client: the browser.
        ice: as the settings are now.
        begin: opens what the browser wants, with the transport of the connection, and returns what
            is to be called once that has ended.
        on_closed: called once everything is released.

    Attributes:
        secret: whoever knows it may restart ICE.
    """

    def __init__(
        self,
        client: Client,
        ice: IceSettings,
        begin: Callable[[Transport], Callable[[], None]],
        on_closed: Callable[[BrowserTube], None],
    ) -> None:
        self.id = new_uuid()
        self.secret = secrets.token_urlsafe(32)
        self._client = client
        self._peer = client.address or "a closed connection"
        self._begin = begin
        self._end: Callable[[], None] | None = None
        self._is_opened = False
        self._signalling: Signalling | None = None
        self._offers = TokenBucket(OFFERS_RATE, OFFERS_BURST)
        self._tube = Tube(
            self.id,
            PeerSettings(ice=ice, limits=LIMITS),
            offers=False,
            on_event=self._on_event,
            on_closed=lambda tube: self._closed(on_closed),
            backlog=Backlog(BACKLOG),
        )
        self._tube.add(Plan(LABEL, backend=self))
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(OPEN_TIMEOUT, self._too_late)

    # ---- signalling

    def attach(self, signalling: Signalling) -> None:
        """Tell candidates here; an earlier signalling connection gets no more."""
        before, self._signalling = self._signalling, signalling
        if before is not None and before is not signalling:
            before.end()

    def detach(self, signalling: Signalling) -> None:
        """The signalling connection has ended. The tube ends with it if it is not connected."""
        if self._signalling is signalling:
            self._signalling = None
            if not self._tube.was_connected:
                self._tube.close_soon(CloseReason.CONNECTION_FAILED)

    def knows(self, secret: str) -> bool:
        """Return whether `secret` is that of this tube."""
        return hmac.compare_digest(secret.encode(), self.secret.encode())

    async def answer(self, offer: str) -> str:
        """Return the answer to an offer, the first one or that of an ICE restart.

        Raises:
            TubeError: it cannot be used, or is one of too many.
        """
        if not self._offers.take():
            raise RefusedError("too many offers: wait a few seconds")
        answer = await self._tube.set_remote_description(offer, is_answer=False)
        assert answer is not None  # noqa: S101 - it was an offer
        return answer

    def add_candidate(self, text: str) -> None:
        """Take a candidate of the browser; one that cannot be used is ignored."""
        self._tube.add_candidate(text)

    # ---- the backend of the conversation

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """Make the connection, which opens what the browser wants.

        Raises:
            TubeError: it is not the first one.
        """
        if number != NUMBER or self._is_opened:
            raise RefusedError(f"only connection {NUMBER} can be opened, once")
        if body:
            raise RefusedError("the connection cannot have a target: signalling has named it")
        self._is_opened = True
        self._deadline.cancel()
        return BrowserConnection(
            conversation, number, client=self._client, begin=self._opened, on_ended=self._ended
        )

    def _opened(self, transport: Transport) -> None:
        log.info("%s has connected by WebRTC", self._peer)
        self._end = self._begin(transport)

    def _ended(self) -> None:
        if self._end is not None:
            self._end()
            self._end = None
        self.close_soon(CloseReason.NORMAL)

    def _on_event(self, event: TubeEvent) -> None:
        if isinstance(event, CandidateFound):
            if self._signalling is not None:
                self._signalling.send({"type": "candidate", "candidate": event.candidate})
        elif isinstance(event, ConversationClosed):
            self.close_soon(event.reason or CloseReason.CONNECTION_LOST)

    # ---- the end

    def _too_late(self) -> None:
        log.info("%s has not opened a session by WebRTC in time", self._peer)
        self.close_soon(CloseReason.TIMEOUT)

    def close_soon(self, reason: CloseReason) -> None:
        """Begin to close it."""
        self._tube.close_soon(reason)

    async def close(self, reason: CloseReason) -> None:
        """Close it within a limited time."""
        await self._tube.close(reason)

    def _closed(self, on_closed: Callable[[BrowserTube], None]) -> None:
        self._deadline.cancel()
        if self._signalling is not None:
            self._signalling.end()
        on_closed(self)
