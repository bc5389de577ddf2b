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
    """Return the error for a refused request; `action` is a verb with "to" ("to read"), `hint` a
    common reason of a failure without a message."""
    name = shorten(path)
    match error.code:
        case Code.NO_SUCH_FILE:
            return NotFoundError(f"{name} does not exist on the host: reload the folder")
        case Code.PERMISSION_DENIED:
            return ForbiddenError(f"the host does not allow {action} {name}: check its permissions")
        case Code.OP_UNSUPPORTED:
            return UnsupportedError(f"the host's SFTP server does not support {action} {name}")
        case Code.NO_CONNECTION | Code.CONNECTION_LOST:
            return UpstreamTimeoutError(
                f"the host's SFTP server has lost its own connection and could not {action[3:]} "
                f"{name}: try again"
            )
    message = clause(error.message)
    reason = hint if message.lower() in _EMPTY else message
    return UpstreamError(f"the host was not able {action} {name}: {reason or 'no reason given'}")
