"""The link of a tube: a peer connection with offers, answers, candidates and restarts."""

from __future__ import annotations

import asyncio

from guacr.tubes.breaker import CircuitBreaker
from guacr.tubes.errors import PeerError
from guacr.tubes.rtc.peer import PeerConnection, PeerSettings
from guacr.tubes.rtc.sdp.description import SessionDescription

SOCKETS_EACH = 32
"""Maximum sockets of a link: one for each address and server that `IceSettings` has by default."""


class Link:
    """A link, made in a running event loop.

    Args:
        settings: of the peer connection.
        offers: whether this end makes the first offer.

    Attributes:
        peer: its peer connection.
        ice: the settings of ICE.
        breaker: counts the failures of its restarts.
    """

    def __init__(self, settings: PeerSettings, *, offers: bool) -> None:
        self.offers = offers
        self.ice = settings.ice
        self.peer = PeerConnection(settings, offers=offers)
        self.breaker = CircuitBreaker(asyncio.get_running_loop().time)
        self._trickle = settings.trickle
        self._answer = ""
        self._answered: SessionDescription | None = None
        """The offer that `_answer` answers."""

    @property
    def trickles(self) -> bool:
        """True if candidates follow the description."""
        return self._trickle

    @property
    def sockets(self) -> int:
        """Sockets that its ICE has opened since the start or the last restart: one for each
        address of this machine, and one for each relay."""
        kinds = (" typ host", " typ relay")
        return sum(any(kind in text for kind in kinds) for text in self.peer.local_candidates)

    async def set_remote_description(self, description: str, *, is_answer: bool) -> str | None:
        """Take the peer's description; return the answer to an offer, None for an answer.

        Raises:
            PeerError: it does not come when it should, or is another peer's.
            SdpError: it cannot be used.
            IceError: its credentials cannot.
        """
        peer = self.peer
        if is_answer and not peer.awaits_answer:
            raise PeerError("Invalid signaling state transition from Stable applying remote answer")
        if not is_answer and peer.awaits_answer:
            raise PeerError(
                "invalid proposed signaling state transition from have-local-offer "
                "applying remote offer"
            )
        peer.set_remote(description, is_answer=is_answer)
        return None if is_answer else await self.create_answer()

    async def create_offer(self) -> str:
        """Return an offer: the first, or a new one for the connection as it is.

        Raises:
            PeerError: the last one is not answered, or the tube is closed.
        """
        if self.peer.awaits_answer:
            raise PeerError(
                "Cannot create offer when already have local offer"
                + (" (trickle ICE)" if self._trickle else "")
            )
        return await self.peer.create_offer()

    async def create_answer(self) -> str:
        """Return the answer to the peer's offer, and the same again until there is another offer.

        Raises:
            PeerError: there is no offer, or the tube is closed.
        """
        peer = self.peer
        if peer.awaits_answer or (peer.remote is None and not self._answer):
            state = "HaveLocalOffer" if peer.awaits_answer else "Stable"
            raise PeerError(f"Cannot create answer when in state {state} - must have remote offer")
        if peer.remote is not self._answered or not self._answer:
            self._answer = await peer.create_answer()
            self._answered = peer.remote
        return self._answer

    async def restart_ice(self) -> str:
        """Begin an ICE restart; return the offer for it.

        Raises:
            PeerError: candidates do not trickle, or the peer is not known yet.
            CircuitOpenError: it has failed too often.
        """
        if not self._trickle:
            raise PeerError("ICE restart requires trickle ICE to be enabled for this tube")
        with self.breaker.operation("ice"):
            return await self.peer.restart_ice()

    def add_candidate(self, text: str) -> None:
        """Take a candidate of the peer, an empty text for their end; what cannot be used is
        ignored."""
        self.peer.add_candidate(text)
