"""The reasons for which connections of a tube are closed, with the codes of the wire.

The codes and names are those of keeper-pam-webrtc-rs. Its release 2.2.9 knows those up to 20, and
takes the later ones for UNKNOWN. There is no 3.
"""

from __future__ import annotations

from enum import IntEnum


class CloseReason(IntEnum):
    """The reason of a CloseConnection message."""

    NORMAL = 0
    ERROR = 1
    TIMEOUT = 2
    SERVER_REFUSE = 4
    CLIENT = 5
    UNKNOWN = 6
    INVALID_INSTRUCTION = 7
    GUACD_REFUSE = 8
    CONNECTION_LOST = 9
    CONNECTION_FAILED = 10
    TUNNEL_CLOSED = 11
    ADMIN_CLOSED = 12
    ERROR_RECORDING = 13
    GUACD_ERROR = 14
    AI_CLOSED = 15
    ADDRESS_RESOLUTION_FAILED = 16
    DECRYPTION_FAILED = 17
    CONFIGURATION_ERROR = 18
    PROTOCOL_ERROR = 19
    UPSTREAM_CLOSED = 20
    PROXY_ERROR = 21
    HANDLER_ERROR = 22
    SECURITY_THREAT = 23

    @classmethod
    def from_code(cls, code: int) -> CloseReason:
        """Return the reason of a code; unknown codes are UNKNOWN."""
        try:
            return cls(code)
        except ValueError:
            return cls.UNKNOWN

    @property
    def label(self) -> str:
        """The name in signals, such as "ConnectionLost"."""
        words = self.name.split("_")
        return "".join(word if word == "AI" else word.capitalize() for word in words)

    @property
    def is_critical(self) -> bool:
        """True for faults that somebody has to look at."""
        return self in _CRITICAL

    @property
    def is_retryable(self) -> bool:
        """True if another attempt may succeed."""
        return self in _RETRYABLE


_CRITICAL = frozenset(
    {
        CloseReason.ERROR,
        CloseReason.ERROR_RECORDING,
        CloseReason.GUACD_ERROR,
        CloseReason.DECRYPTION_FAILED,
        CloseReason.CONFIGURATION_ERROR,
        CloseReason.PROTOCOL_ERROR,
        CloseReason.PROXY_ERROR,
    }
)
_RETRYABLE = frozenset(
    {
        CloseReason.TIMEOUT,
        CloseReason.SERVER_REFUSE,
        CloseReason.CONNECTION_LOST,
        CloseReason.CONNECTION_FAILED,
        CloseReason.ADDRESS_RESOLUTION_FAILED,
    }
)
