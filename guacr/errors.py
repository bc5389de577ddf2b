"""Every error that guacr raises on purpose, each with the Guacamole status that clients see.

    GuacrError                        SERVER_ERROR
    ├── InternalError                 a fault in guacr; the log has its traceback
    ├── ShutdownError                 UPSTREAM_UNAVAILABLE: the daemon ends, as planned
    ├── DrainingError                 UPSTREAM_UNAVAILABLE: no more sessions are opened here
    ├── SettingsError                 an invalid setting; prevents the start
    ├── RecordingError                a recording cannot begin, or go on
    ├── ClientError                   what the client did
    │   ├── ProtocolError             CLIENT_BAD_REQUEST
    │   ├── BadRequestError           CLIENT_BAD_REQUEST
    │   ├── UnauthorizedError         CLIENT_UNAUTHORIZED
    │   ├── ForbiddenError            CLIENT_FORBIDDEN
    │   ├── ClientTimeoutError        CLIENT_TIMEOUT
    │   ├── OverrunError              CLIENT_OVERRUN
    │   ├── BadTypeError              CLIENT_BAD_TYPE
    │   └── TooManyError              CLIENT_TOO_MANY
    │       └── SessionFullError
    ├── UnsupportedError              UNSUPPORTED
    ├── BusyError                     SERVER_BUSY
    ├── NotFoundError                 RESOURCE_NOT_FOUND
    ├── ConflictError                 RESOURCE_CONFLICT
    ├── ClosedError                   RESOURCE_CLOSED
    ├── SessionConflictError          SESSION_CONFLICT
    ├── SessionClosedError            SESSION_CLOSED
    ├── SessionTimeoutError           SESSION_TIMEOUT
    └── UpstreamError                 UPSTREAM_ERROR: what the remote host did
        ├── UpstreamTimeoutError      UPSTREAM_TIMEOUT
        ├── UpstreamNotFoundError     UPSTREAM_NOT_FOUND
        └── UpstreamUnavailableError  UPSTREAM_UNAVAILABLE

A message is one sentence without capital or full stop that says what is wrong and what to do. It is
sent to the client unchanged, so it must not contain secrets.
"""

import errno
import os
from traceback import clear_frames
from typing import ClassVar

from guacr.protocol.status import Status
from guacr.showable import cut, escaped, showable


class GuacrError(Exception):
    """The base class; `status` is that of the `error` instruction."""

    status: ClassVar[Status] = Status.SERVER_ERROR


class InternalError(GuacrError):
    """An unexpected failure, whose traceback has been logged."""

    def __init__(self) -> None:
        super().__init__("internal error: see the daemon's log")


class ShutdownError(GuacrError):
    """The daemon is shutting down. Of the statuses on which Apache Guacamole reconnects by itself,
    this is the one whose text fits."""

    status = Status.UPSTREAM_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("the daemon is shutting down: connect again later")


class DrainingError(GuacrError):
    """The daemon opens no more sessions, because it is to be stopped; the status is that of
    `ShutdownError`."""

    status = Status.UPSTREAM_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("no new sessions are opened here at present: connect again later")


class SettingsError(GuacrError):
    """A setting is unknown, of the wrong type or out of range."""


class RecordingError(GuacrError):
    """A recording cannot begin, or go on."""


class ClientError(GuacrError):
    """The client did something that is not allowed."""

    status = Status.CLIENT_BAD_REQUEST


class ProtocolError(ClientError):
    """The bytes are not Guacamole protocol, or exceed a limit."""


class BadRequestError(ClientError):
    """A value from the client is invalid."""


class UnauthorizedError(ClientError):
    """Credentials were refused, by guacr or by the remote host."""

    status = Status.CLIENT_UNAUTHORIZED


class ForbiddenError(ClientError):
    """The client may not do this."""

    status = Status.CLIENT_FORBIDDEN


class ClientTimeoutError(ClientError):
    """The client was silent, or did not read."""

    status = Status.CLIENT_TIMEOUT


class OverrunError(ClientError):
    """The client sent more than is allowed."""

    status = Status.CLIENT_OVERRUN


class BadTypeError(ClientError):
    """The mimetype is not accepted."""

    status = Status.CLIENT_BAD_TYPE


class TooManyError(ClientError):
    """A limit has been reached."""

    status = Status.CLIENT_TOO_MANY


class SessionFullError(TooManyError):
    """A session has reached its limit of users."""


class UnsupportedError(GuacrError):
    """The feature is not supported."""

    status = Status.UNSUPPORTED


class BusyError(GuacrError):
    """The daemon has reached a limit."""

    status = Status.SERVER_BUSY


class NotFoundError(GuacrError):
    """The connection, session, stream or file does not exist."""

    status = Status.RESOURCE_NOT_FOUND


class ConflictError(GuacrError):
    """The resource is in use."""

    status = Status.RESOURCE_CONFLICT


class ClosedError(GuacrError):
    """The resource, or its user, is gone."""

    status = Status.RESOURCE_CLOSED


class SessionConflictError(GuacrError):
    """Another session has replaced this one."""

    status = Status.SESSION_CONFLICT


class SessionClosedError(GuacrError):
    """The session was closed deliberately."""

    status = Status.SESSION_CLOSED


class SessionTimeoutError(GuacrError):
    """The session reached a time limit."""

    status = Status.SESSION_TIMEOUT


class UpstreamError(GuacrError):
    """The remote host answered with an error, or closed the connection."""

    status = Status.UPSTREAM_ERROR


class UpstreamTimeoutError(UpstreamError):
    """The remote host did not answer in time."""

    status = Status.UPSTREAM_TIMEOUT


class UpstreamNotFoundError(UpstreamError):
    """The remote host's name is unknown, or there is no route to it."""

    status = Status.UPSTREAM_NOT_FOUND


class UpstreamUnavailableError(UpstreamError):
    """The remote host refused the connection."""

    status = Status.UPSTREAM_UNAVAILABLE


_BY_STATUS: dict[int, type[GuacrError]] = {
    kind.status: kind
    for kind in (
        UnsupportedError,
        GuacrError,
        BusyError,
        UpstreamTimeoutError,
        UpstreamError,
        NotFoundError,
        ConflictError,
        ClosedError,
        UpstreamNotFoundError,
        UpstreamUnavailableError,
        SessionConflictError,
        SessionTimeoutError,
        SessionClosedError,
        BadRequestError,
        UnauthorizedError,
        ForbiddenError,
        ClientTimeoutError,
        OverrunError,
        BadTypeError,
        TooManyError,
    )
}


def error_of_status(status: int, message: str) -> GuacrError:
    """Return the error for a peer's answer with this status; an unknown number counts as
    SERVER_ERROR."""
    return _BY_STATUS.get(status, GuacrError)(message)


_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENOSPC}


def exhaustion(error: BaseException) -> BusyError | None:
    """Return the error for users if the machine has run out of files, memory or disk."""
    if isinstance(error, OSError) and error.errno in _EXHAUSTED:
        reason = clause(os.strerror(error.errno))
    elif isinstance(error, MemoryError):
        reason = "out of memory"
    else:
        return None
    return BusyError(f"the daemon has reached a limit of its machine ({reason}): try again later")


def clause(text: str) -> str:
    """Turn a sentence of a library, the system or a peer into a clause: without its capital, unless
    that begins an acronym (PTY, TLS), without its full stop, and without characters that could
    control a terminal."""
    text = showable(" ".join(text.split()).rstrip("."), escaped)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def shorten(value: str, limit: int = 60) -> str:
    """Format a value for a message: quoted, printable and short."""
    text = cut(value, limit)
    if text.isprintable():
        return repr(text)
    quote = '"' if "'" in text and '"' not in text else "'"
    text = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return quote + showable(text, escaped) + quote


def forget_frames(error: BaseException) -> None:
    """Release what a handled error keeps in memory: the variables of all functions that it passed
    through, which may refer to the error in turn."""
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        clear_frames(one.__traceback__)
        one.__traceback__ = None
        one = one.__context__
