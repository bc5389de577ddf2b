"""Why a connection ends, by the names that FreeRDP gives to it (see `handlers.rdp.failures`)."""

from __future__ import annotations

CANCELLED = "ERRCONNECT_CONNECT_CANCELLED"
LOST = "ERRCONNECT_CONNECT_TRANSPORT_FAILED"
DISAGREED = "ERRCONNECT_SECURITY_NEGO_CONNECT_FAILED"
TLS_FAILED = "ERRCONNECT_TLS_CONNECT_FAILED"
REFUSED = "ERRCONNECT_MCS_CONNECT_INITIAL_ERROR"
LOGON_FAILED = "ERRCONNECT_LOGON_FAILURE"
INVALID = "ENGINE_INVALID_DATA"
DEPTH = "ENGINE_COLOR_DEPTH"
ENCRYPTION = "ENGINE_ENCRYPTION"
"""The last ones are of this engine alone."""


class EndError(Exception):
    """The connection ends.

    Args:
        name: one of the names above, or of `ERRINFO`.
        remark: more about it, for the log.
    """

    def __init__(self, name: str, remark: str = "") -> None:
        super().__init__(f"{name}: {remark}")
        self.name = name
        self.remark = remark


def invalid(remark: str) -> EndError:
    """Return the error of a server that sends what the protocol does not allow."""
    return EndError(INVALID, remark)
