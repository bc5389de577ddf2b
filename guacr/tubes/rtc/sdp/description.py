"""Session descriptions: offers and answers, as values."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from enum import StrEnum

from guacr.tubes.errors import SdpError
from guacr.tubes.rtc.dtls.fingerprint import Fingerprint

TEXT_MAX = 64 * 1024
"""Bytes of a description."""
DEFAULT_MESSAGE_SIZE = 65536
"""Of a peer that gives none (RFC 8841, section 6)."""
OWN_MESSAGE_SIZE = 65535
SCTP_PORT = 5000


class Setup(StrEnum):
    """Who begins the DTLS handshake (RFC 8842): an offer is `ACTPASS` for either, an answer
    `ACTIVE` if its sender does."""

    ACTPASS = "actpass"
    ACTIVE = "active"
    PASSIVE = "passive"

    @property
    def answered(self) -> Setup:
        """The answer to it. We are the client if we may, as the answer needs no extra round."""
        return Setup.PASSIVE if self is Setup.ACTIVE else Setup.ACTIVE


@dataclass(frozen=True, slots=True)
class Refused:
    """A media description that is not used, such as one of sound.

    Attributes:
        media, protocol, format: of the m-line.
        mid: its identification, None if it has none.
    """

    media: str
    protocol: str
    format: str
    mid: str | None = None


def _session_id() -> int:
    return secrets.randbits(62)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDescription:
    """A peer as it describes itself before the connection.

    Attributes:
        ufrag, password: its ICE credentials.
        fingerprints: of its certificate, at least one.
        setup: its part in the DTLS handshake.
        mid: identification of the data channels' media description, echoed by an answer; None if
            the peer gives none.
        bundled: whether that is in a group "BUNDLE".
        sctp_port: of the association.
        max_message_size: the longest message that it takes, in bytes; 0 for any.
        candidates: each "candidate:…", not yet checked.
        end_of_candidates: no further ones follow.
        ice_options: such as "trickle".
        ice_lite: it makes no connectivity checks of its own.
        keeper_version: of its library, if it is compatible with keeper-pam-webrtc-rs.
        session_id, session_version: of its origin; the version grows with each new description.
        protocol: of the m-line.
        sctpmap: the m-line has the form of the drafts before RFC 8841, which names a port.
        before, after: the other media descriptions, in order.
    """

    ufrag: str
    password: str = field(repr=False)
    fingerprints: tuple[Fingerprint, ...]
    setup: Setup = Setup.ACTPASS
    mid: str | None = "0"
    bundled: bool = True
    sctp_port: int = SCTP_PORT
    max_message_size: int = OWN_MESSAGE_SIZE
    candidates: tuple[str, ...] = ()
    end_of_candidates: bool = False
    ice_options: tuple[str, ...] = ()
    ice_lite: bool = False
    keeper_version: str | None = None
    session_id: int = field(default_factory=_session_id)
    session_version: int = 1
    protocol: str = "UDP/DTLS/SCTP"
    sctpmap: bool = False
    before: tuple[Refused, ...] = ()
    after: tuple[Refused, ...] = ()

    def answering(self, offer: SessionDescription) -> SessionDescription:
        """Return this description as the answer to an offer: with the offer's media descriptions in
        their order, of which only the data channels are accepted."""
        return replace(
            self,
            setup=offer.setup.answered,
            mid=offer.mid,
            bundled=offer.bundled,
            protocol=offer.protocol,
            sctpmap=offer.sctpmap,
            before=offer.before,
            after=offer.after,
        )

    @property
    def answerer_is_client(self) -> bool:
        """Of an answer: whether its sender is the client of the DTLS handshake.

        Raises:
            SdpError: it leaves that open.
        """
        if self.setup is Setup.ACTPASS:
            raise SdpError("an answer has to say a=setup:active or a=setup:passive")
        return self.setup is Setup.ACTIVE
