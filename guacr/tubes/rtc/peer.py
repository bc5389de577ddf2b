"""A peer connection: ICE, DTLS and SCTP with data channels, described by offers and answers."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from guacr.tubes.errors import CandidateError, PeerError
from guacr.tubes.rtc.dtls.certificate import Certificate
from guacr.tubes.rtc.dtls.connection import Dtls, DtlsState
from guacr.tubes.rtc.dtls.driver import DtlsDriver
from guacr.tubes.rtc.ice.settings import IceParameters, IceSettings, IceState
from guacr.tubes.rtc.ice.transport import IceTransport
from guacr.tubes.rtc.sctp_driver import SctpDriver
from guacr.tubes.rtc.sdp import parse, write
from guacr.tubes.rtc.sdp.description import SessionDescription, Setup
from guacr.tubes.sctp import Association, Channel, Limits

log = logging.getLogger(__name__)

EARLY_MAX = 8
"""Datagrams that are kept while the peer's description is on its way: it may be overtaken by the
peer's first flight of DTLS, which is sent again only after a second."""
MESSAGE_MAX = 65535
"""Bytes of a message for a peer that takes any."""


class PeerState(StrEnum):
    """As RTCPeerConnectionState of WebRTC."""

    NEW = "new"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerSettings:
    """How peer connections are made.

    Attributes:
        trickle: candidates follow the description one by one; otherwise it waits for them.
        keeper_version: what the description says of a library that is compatible with
            keeper-pam-webrtc-rs; None to say nothing.
    """

    ice: IceSettings = field(default_factory=IceSettings)
    limits: Limits = field(default_factory=Limits)
    trickle: bool = True
    keeper_version: str | None = None


@dataclass(frozen=True, slots=True)
class PeerStats:
    """The round-trip time in seconds, None before it is measured, and the last times that were
    measured; bytes of datagrams; chunks of SCTP that were sent again, and their share; the
    candidates in use as text."""

    round_trip_time: float | None
    round_trips: tuple[float, ...]
    bytes_sent: int
    bytes_received: int
    retransmissions: int
    loss: float
    local: str
    remote: str


class PeerConnection:
    """One peer connection, made in a running event loop.

    Offers and answers are texts (`guacr.tubes.rtc.sdp`) that the application carries to the peer;
    with `trickle`, candidates follow them. A description with new credentials is an ICE restart.

    Args:
        offers: whether this end makes the first offer.

    Attributes:
        on_candidate: called with each local candidate as text, and an empty text at their end.
        on_state: called with each new state.
        on_channel: called with each channel that the peer opens.
        reason: why it has failed or was closed, a sentence.
        remote: the peer's last description.
    """

    def __init__(self, settings: PeerSettings, *, offers: bool) -> None:
        self.on_candidate: Callable[[str], None] = lambda text: None
        self.on_state: Callable[[PeerState], None] = lambda state: None
        self.on_channel: Callable[[Channel], None] = lambda channel: None
        self.state = PeerState.NEW
        self.reason = ""
        self.remote: SessionDescription | None = None
        self._settings = settings
        self._offers = offers
        self._certificate = Certificate.create()
        self._session = (secrets.randbits(62), 0)
        """Identification and version of our descriptions."""
        self._candidates: list[str] = []
        self._awaits_answer = False
        self._offer: SessionDescription | None = None
        """The peer's, which is not answered yet."""
        self._ice = IceTransport(
            settings.ice,
            controlling=offers,
            on_datagram=self._on_datagram,
            on_candidate=self._on_local_candidate,
            on_state=self._on_ice_state,
            on_recovered=self._on_recovered,
        )
        self._early: list[bytes] = []
        self._dtls: DtlsDriver | None = None
        self._sctp: SctpDriver | None = None
        self._idle: asyncio.Future[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- descriptions

    async def create_offer(self) -> str:
        """Return an offer: the first, or a new one for the connection as it is.

        Raises:
            PeerError: the connection is closed.
        """
        self._check_open()
        self._awaits_answer = True
        return await self._describe(None)

    async def create_answer(self) -> str:
        """Return the answer to the peer's offer.

        Raises:
            PeerError: there is none, or the connection is closed.
        """
        self._check_open()
        offer, self._offer = self._offer, None
        if offer is None:
            raise PeerError("there is no offer to answer: set the peer's first")
        return await self._describe(offer)

    async def restart_ice(self) -> str:
        """Begin an ICE restart, and return the offer for it.

        Raises:
            PeerError: the connection is closed, or the peer is not known yet.
        """
        self._check_open()
        if self.remote is None:
            raise PeerError("nothing to restart: the peer has not answered yet")
        self._candidates.clear()
        self._ice.restart()
        return await self.create_offer()

    def set_remote(self, text: str, *, is_answer: bool) -> None:
        """Take the peer's description.

        Raises:
            SdpError: it cannot be used.
            IceError: its credentials cannot.
            PeerError: it does not come when it should, or is another peer's.
        """
        self._check_open()
        if is_answer and not self._awaits_answer:
            raise PeerError("there is no offer that this answers")
        if not is_answer and self._awaits_answer and self._offers:
            raise PeerError("both ends have made an offer: answer ours first")
        description = parse(text)
        if self.remote is not None and self.remote.fingerprints != description.fingerprints:
            raise PeerError("the description has another certificate than the first")
        if is_answer:
            we_are_client = not description.answerer_is_client
        else:
            we_are_client = description.setup.answered is Setup.ACTIVE
        credentials = IceParameters(description.ufrag, description.password)
        if credentials != self._ice.remote and not is_answer and self.remote is not None:
            self._candidates.clear()  # of before the restart
        self._ice.set_remote(credentials)
        for candidate in description.candidates:
            self.add_candidate(candidate)
        if description.end_of_candidates:
            self.add_candidate("")
        self.remote = description
        self._awaits_answer = False
        self._offer = None if is_answer else description
        if self._dtls is None:
            self._add_dtls(description, is_client=we_are_client)

    def add_candidate(self, text: str) -> None:
        """Take a candidate of the peer; an empty text is their end. What cannot be used is ignored,
        because one candidate of many is no reason to end a connection."""
        try:
            self._ice.add_remote_candidate(text)
        except CandidateError as error:
            log.info("A candidate of the peer is ignored: %s", error)

    async def _describe(self, offer: SessionDescription | None) -> str:
        """Return our description: the answer to an offer, or an offer."""
        version = self._session[1] + 1
        self._session = (self._session[0], version)
        trickles = self._settings.trickle
        if trickles:
            self._start(self._ice.gather(), "gathering candidates")
        else:
            await self._ice.gather_for_description()
        if offer is not None:
            # keeper-pam-webrtc-rs waits for a second if it sees our checks before our candidates
            await self._ice.gather_hosts()
        self._check_open()
        local = self._ice.local
        description = SessionDescription(
            ufrag=local.ufrag,
            password=local.password,
            fingerprints=(self._certificate.fingerprint,),
            candidates=() if trickles and offer is None else tuple(self._candidates),
            end_of_candidates=not trickles,
            keeper_version=self._settings.keeper_version,
            session_id=self._session[0],
            session_version=version,
        )
        return write(description.answering(offer) if offer is not None else description)

    def _on_local_candidate(self, text: str) -> None:
        if text:
            self._candidates.append(text)
        if self._settings.trickle:
            self.on_candidate(text)

    # ---- channels

    def open_channel(self, label: str, protocol: str = "") -> Channel:
        """Open a channel; data may be sent at once.

        Raises:
            ConnectionError: the connection is not established, or has too many channels.
        """
        if self._sctp is None or self.state in (PeerState.FAILED, PeerState.CLOSED):
            raise ConnectionError("the peer connection is not established")
        return self._sctp.association.open_channel(label, protocol)

    @property
    def awaits_answer(self) -> bool:
        """True if the last description is an offer of this end."""
        return self._awaits_answer

    @property
    def local_candidates(self) -> tuple[str, ...]:
        """The candidates of this end so far."""
        return tuple(self._candidates)

    @property
    def stats(self) -> PeerStats:
        """The counts so far."""
        ice = self._ice.stats
        return PeerStats(
            round_trip_time=ice.round_trip_time,
            round_trips=ice.round_trips,
            bytes_sent=ice.bytes_sent,
            bytes_received=ice.bytes_received,
            retransmissions=self._sctp.association.retransmissions if self._sctp else 0,
            loss=self._sctp.association.loss if self._sctp else 0.0,
            local=ice.local,
            remote=ice.remote,
        )

    async def flushed(self) -> None:
        """Wait until the peer has received all that was sent, or the connection has ended."""
        while self._sctp is not None and self.state is not PeerState.CLOSED:
            if self._sctp.association.is_idle:
                return
            if self._idle is None:
                self._idle = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._idle)

    def _on_idle(self) -> None:
        if self._idle is not None:
            self._idle.set_result(None)
            self._idle = None

    # ---- transports

    def _add_dtls(self, description: SessionDescription, *, is_client: bool) -> None:
        self._dtls = DtlsDriver(
            Dtls(
                self._certificate,
                is_client=is_client,
                remote_fingerprints=description.fingerprints,
            ),
            send=self._ice.send,
            on_data=self._on_packet,
            on_state=self._on_dtls_state,
        )
        association = Association(
            is_client=is_client,
            message_max=description.max_message_size or MESSAGE_MAX,
            remote_port=description.sctp_port,
            limits=self._settings.limits,
        )
        association.on_channel = self._on_peer_channel
        association.on_closed = self._end
        association.on_idle = self._on_idle
        self._sctp = SctpDriver(association, self._dtls.send)
        if self._ice.state is IceState.CONNECTED:
            self._dtls.start()
        early, self._early = self._early, []
        for datagram in early:
            self._dtls.receive(datagram)

    def _on_datagram(self, datagram: bytes) -> None:
        if self._dtls is not None:
            self._dtls.receive(datagram)
        elif len(self._early) < EARLY_MAX:
            self._early.append(datagram)

    def _on_packet(self, packet: bytes) -> None:
        if self._sctp is not None:
            self._sctp.receive(packet)

    def _on_peer_channel(self, channel: Channel) -> None:
        self.on_channel(channel)

    def _on_recovered(self) -> None:
        if self._sctp is not None and self.state is not PeerState.CLOSED:
            self._sctp.link_restored()

    def _on_ice_state(self, state: IceState) -> None:
        if state is IceState.CONNECTED and self._dtls is not None:
            self._dtls.start()
        self._update()

    def _on_dtls_state(self, state: DtlsState) -> None:
        if self._dtls is None:
            return
        if state is DtlsState.CONNECTED and self._sctp is not None:
            self._sctp.start()
        elif state is DtlsState.FAILED:
            self.reason = self._dtls.reason
        elif state is DtlsState.CLOSED:
            self._end("The peer has closed the connection.")
        self._update()

    def _update(self) -> None:
        if self.state is PeerState.CLOSED:
            return
        dtls = self._dtls.state if self._dtls is not None else DtlsState.NEW
        state = _ICE_STATES[self._ice.state]
        if dtls is DtlsState.FAILED:
            state = PeerState.FAILED
        elif state is PeerState.CONNECTED and dtls is not DtlsState.CONNECTED:
            state = PeerState.CONNECTING
        self._set_state(state)

    def _set_state(self, state: PeerState) -> None:
        if state is not self.state:
            self.state = state
            self.on_state(state)

    # ---- the end

    async def close(self, reason: str = "This end has closed the connection.") -> None:
        """Tell the peer, and release everything. May be called again."""
        self._end(reason)
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _end(self, reason: str) -> None:
        if self.state is PeerState.CLOSED:
            return
        self.reason = self.reason or reason
        self._set_state(PeerState.CLOSED)
        self._early.clear()
        if self._sctp is not None:
            self._sctp.close(reason)
        if self._dtls is not None:
            self._dtls.close()
        self._on_idle()
        self._start(self._ice.close(), "closing ICE")

    def _check_open(self) -> None:
        if self.state is PeerState.CLOSED:
            raise PeerError("the peer connection is closed")

    def _start(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


_ICE_STATES = {
    IceState.NEW: PeerState.NEW,
    IceState.CHECKING: PeerState.CONNECTING,
    IceState.CONNECTED: PeerState.CONNECTED,
    IceState.DISCONNECTED: PeerState.DISCONNECTED,
    IceState.FAILED: PeerState.FAILED,
    IceState.CLOSED: PeerState.CLOSED,
}
