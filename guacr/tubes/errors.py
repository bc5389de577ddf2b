"""Every error of a tube, each with the reason for which connections are closed because of it.

    GuacrError
    └── TubeError                     ERROR, UPSTREAM_ERROR
        ├── IceError                  CONNECTION_FAILED: invalid credentials or candidates of ICE
        │   └── CandidateError        a candidate that cannot be read: it costs no other
        ├── SdpError                  CONNECTION_FAILED: a session description cannot be used
        ├── DtlsError                 CONNECTION_FAILED: the encrypted connection has failed
        │   ├── FingerprintError      the peer's certificate is not that of its description
        │   └── DtlsTimeoutError      the handshake has not ended in time
        ├── PeerError                 CONNECTION_FAILED: not possible in a peer connection's state
        ├── CircuitOpenError          a tube that has failed too often is left alone
        ├── LimitError                SERVER_BUSY: there are too many tubes
        │   └── OverloadedError       too many tubes are being created
        ├── TubeTimeoutError          TIMEOUT: a tube could not be created in time
        ├── TubeNotFoundError         RESOURCE_NOT_FOUND
        ├── ConversationNotFoundError RESOURCE_NOT_FOUND
        ├── TubeTokenError            CLIENT_FORBIDDEN: another caller's tube
        ├── TubeSettingsError         CONFIGURATION_ERROR: the settings are invalid
        │   └── IceSettingsError      those of ICE; also a SettingsError of the daemon
        ├── ConnectError              CONNECTION_FAILED: a connection cannot be opened
        │   └── RefusedError          the rules do not allow its target
        ├── GuacdError                GUACD_ERROR: guacd refuses a connection
        ├── ConnectAsError            DECRYPTION_FAILED: supplied credentials cannot be used
        └── WireError                 PROTOCOL_ERROR: the peer's bytes do not fit the wire format
            ├── FrameTooLongError     a frame over the limit: the conversation ends
            ├── FragmentError         a fragment that was dropped: the conversation can go on
            └── TargetError           the target of an OpenConnection cannot be read

A message is one sentence as in `guacr.errors`, for the log of this side and for the peer.
"""

from __future__ import annotations

from typing import ClassVar

from guacr.errors import GuacrError, SettingsError
from guacr.protocol.status import Status
from guacr.tubes.reasons import CloseReason


class TubeError(GuacrError):
    """The base class; `reason` is that of the CloseConnection message which the peer gets."""

    status = Status.UPSTREAM_ERROR
    reason: ClassVar[CloseReason] = CloseReason.ERROR


class IceError(TubeError):
    """The ICE credentials or candidates of the peer are invalid."""

    reason = CloseReason.CONNECTION_FAILED


class CandidateError(IceError):
    """A candidate of the peer cannot be read. The others are not affected."""


class TubeSettingsError(TubeError):
    """The settings of a conversation are invalid."""

    reason = CloseReason.CONFIGURATION_ERROR


class IceSettingsError(TubeSettingsError, SettingsError):
    """The settings of ICE are invalid."""


class ConnectError(TubeError):
    """A connection cannot be opened; the peer gets the text."""

    reason = CloseReason.CONNECTION_FAILED


class RefusedError(ConnectError):
    """The rules do not allow the target of a connection."""


class WireError(TubeError):
    """The peer's bytes do not fit the wire format, or exceed a limit."""

    reason = CloseReason.PROTOCOL_ERROR


class FrameTooLongError(WireError):
    """A frame is longer than is allowed. Where the next one begins is not known: the conversation
    has to end."""


class FragmentError(WireError):
    """A fragment is invalid or exceeds a limit. It has been dropped, with its message if its header
    names one in progress."""


class TargetError(WireError):
    """The target of an OpenConnection message cannot be read."""

    reason = CloseReason.CONNECTION_FAILED


class SdpError(TubeError):
    """A session description cannot be read, or offers nothing that can be used."""

    reason = CloseReason.CONNECTION_FAILED


class DtlsError(TubeError):
    """The encrypted connection has failed, and is over."""

    reason = CloseReason.CONNECTION_FAILED


class FingerprintError(DtlsError):
    """The peer's certificate is not the one whose fingerprint its description gives."""


class DtlsTimeoutError(DtlsError):
    """The handshake has not ended in time."""


class PeerError(TubeError):
    """A peer connection cannot do what is asked of it in its state."""

    reason = CloseReason.CONNECTION_FAILED


class CircuitOpenError(TubeError):
    """A tube has failed too often, and refuses operations for a while."""


class TubeNotFoundError(TubeError):
    """There is no such tube."""

    status = Status.RESOURCE_NOT_FOUND


class ConversationNotFoundError(TubeError):
    """There is no such conversation."""

    status = Status.RESOURCE_NOT_FOUND


class TubeTokenError(TubeError):
    """The token is not the tube's."""

    status = Status.CLIENT_FORBIDDEN


class TubeTimeoutError(TubeError):
    """A tube could not be created in time."""

    status = Status.UPSTREAM_TIMEOUT
    reason = CloseReason.TIMEOUT


class LimitError(TubeError):
    """There are too many tubes."""

    status = Status.SERVER_BUSY
    reason = CloseReason.SERVER_REFUSE


class OverloadedError(LimitError):
    """Too many tubes are being created.

    Attributes:
        retry_after: seconds to wait before the next attempt.
    """

    def __init__(self, active: int, limit: int, retry_after: float) -> None:
        super().__init__(
            f"System overloaded: {active} active creates (max {limit}). "
            f"Please retry with backoff, in {retry_after:.2f} s."
        )
        self.retry_after = retry_after


class GuacdError(TubeError):
    """guacd refuses a connection, or does not speak the protocol."""

    reason = CloseReason.GUACD_ERROR


class ConnectAsError(TubeError):
    """A ConnectAs block cannot be decrypted, or does not say what it should."""

    reason = CloseReason.DECRYPTION_FAILED
