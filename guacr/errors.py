"""Every error that guacr raises on purpose, each with the Guacamole status that clients see.

    GuacrError                        SERVER_ERROR
    ├── InternalError                 a fault of guacr's own; the log holds its traceback
    ├── ShutdownError                 UPSTREAM_UNAVAILABLE: the daemon ends, as planned
    ├── SettingsError                 a setting that cannot stand; stops the start
    ├── ClientError                   what the client did
    │   ├── ProtocolError             CLIENT_BAD_REQUEST
    │   ├── BadRequestError           CLIENT_BAD_REQUEST
    │   ├── UnauthorizedError         CLIENT_UNAUTHORIZED
    │   ├── ForbiddenError            CLIENT_FORBIDDEN
    │   ├── ClientTimeoutError        CLIENT_TIMEOUT
    │   ├── OverrunError              CLIENT_OVERRUN
    │   ├── BadTypeError              CLIENT_BAD_TYPE
    │   └── TooManyError              CLIENT_TOO_MANY
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

A message is one sentence without capital or full stop, that says what is wrong and what to do.
It goes to the client as it is: no secret belongs in it.
"""

from typing import ClassVar

from guacr.protocol.status import Status
from guacr.showable import escaped, showable


class GuacrError(Exception):
    """The root; `status` is what an `error` instruction carries."""

    status: ClassVar[Status] = Status.SERVER_ERROR


class InternalError(GuacrError):
    """What was not foreseen: whoever raises it has logged the traceback."""

    def __init__(self) -> None:
        super().__init__("internal error: the daemon's log says more")


class ShutdownError(GuacrError):
    """The daemon ends. Of the statuses on which Apache Guacamole connects again by itself, this is
    the one whose text fits."""

    status = Status.UPSTREAM_UNAVAILABLE

    def __init__(self) -> None:
        super().__init__("the daemon is shutting down: connect again later")


class SettingsError(GuacrError):
    """A setting is unknown, of the wrong type or out of range."""


class ClientError(GuacrError):
    """The client did what it may not."""

    status = Status.CLIENT_BAD_REQUEST


class ProtocolError(ClientError):
    """The bytes are not Guacamole protocol, or pass one of its limits."""


class BadRequestError(ClientError):
    """A value of the client's cannot be used."""


class UnauthorizedError(ClientError):
    """Credentials were refused, by guacr or by the remote host."""

    status = Status.CLIENT_UNAUTHORIZED


class ForbiddenError(ClientError):
    """The client may not do this."""

    status = Status.CLIENT_FORBIDDEN


class ClientTimeoutError(ClientError):
    """The client was silent, or did not take what was sent."""

    status = Status.CLIENT_TIMEOUT


class OverrunError(ClientError):
    """The client sent more than is allowed."""

    status = Status.CLIENT_OVERRUN


class BadTypeError(ClientError):
    """A mimetype that is not taken here."""

    status = Status.CLIENT_BAD_TYPE


class TooManyError(ClientError):
    """One more than the limit allows."""

    status = Status.CLIENT_TOO_MANY


class UnsupportedError(GuacrError):
    """A feature that is not there."""

    status = Status.UNSUPPORTED


class BusyError(GuacrError):
    """The daemon is at a limit of its own."""

    status = Status.SERVER_BUSY


class NotFoundError(GuacrError):
    """No such connection, session, stream or file."""

    status = Status.RESOURCE_NOT_FOUND


class ConflictError(GuacrError):
    """The resource is in use."""

    status = Status.RESOURCE_CONFLICT


class ClosedError(GuacrError):
    """The resource, or who used it, is gone."""

    status = Status.RESOURCE_CLOSED


class SessionConflictError(GuacrError):
    """Another session has taken the place of this one."""

    status = Status.SESSION_CONFLICT


class SessionClosedError(GuacrError):
    """The session was closed on purpose."""

    status = Status.SESSION_CLOSED


class SessionTimeoutError(GuacrError):
    """The session was ended after a time limit."""

    status = Status.SESSION_TIMEOUT


class UpstreamError(GuacrError):
    """The remote host answered with an error, or broke off."""

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
    """What a peer's answer with this status stands for; a number that is none of the protocol's
    is taken for SERVER_ERROR."""
    return _BY_STATUS.get(status, GuacrError)(message)


def clause(text: str) -> str:
    """A sentence of a library's, of the system's or of a peer's, as a part of one of ours: without
    its capital, unless that begins an acronym (PTY, TLS), without its full stop, and without what
    could steer a terminal."""
    text = showable(" ".join(text.split()).rstrip("."), escaped)
    return text if text[1:2].isupper() else text[:1].lower() + text[1:]


def shorten(value: str, limit: int = 60) -> str:
    """A value as it may stand in a message: quoted, printable and short."""
    text = value if len(value) <= limit else value[: limit - 1] + "…"
    if text.isprintable():
        return repr(text)
    quote = '"' if "'" in text and '"' not in text else "'"
    text = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return quote + showable(text, escaped) + quote
