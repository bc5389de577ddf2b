"""The errors of an SFTP server as sentences; guacd sends the same statuses."""

from __future__ import annotations

from guacr.api import (
    ForbiddenError,
    GuacrError,
    NotFoundError,
    UnsupportedError,
    UpstreamError,
    UpstreamTimeoutError,
    clause,
    shorten,
)
from handlers.sftp.wire import Code, StatusError

_EMPTY = {"", "failure", "no such file", "permission denied", "operation unsupported"}
"""Messages that say no more than their code."""


def explained(error: StatusError, action: str, path: str, hint: str = "") -> GuacrError:
    """Return the error for a refused request; `action` is a verb, and `hint` a common reason of a
    failure without a message."""
    name = shorten(path)
    match error.code:
        case Code.NO_SUCH_FILE:
            return NotFoundError(f"the host cannot {action} {name}, because it does not exist")
        case Code.PERMISSION_DENIED:
            return ForbiddenError(f"the host refuses to {action} {name}: check its permissions")
        case Code.OP_UNSUPPORTED:
            return UnsupportedError(f"the host cannot {action} {name}: its server does not do that")
        case Code.NO_CONNECTION | Code.CONNECTION_LOST:
            return UpstreamTimeoutError(
                f"the host cannot {action} {name}: its server has lost a connection; try again"
            )
    message = clause(error.message)
    reason = hint if message.lower() in _EMPTY else message
    return UpstreamError(f"the host cannot {action} {name}: {reason or 'it gives no reason'}")
