"""The failures of a connection to an SSH host, before they are put into a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guacr.api import BadRequestError, UnauthorizedError, clause

if TYPE_CHECKING:
    from handlers.ssh.negotiation import Mismatch

REASON_MAX = 200
"""Maximum characters of a reason given by asyncssh or the host."""


class PassphraseError(UnauthorizedError):
    """A private key is encrypted, and the passphrase is missing or wrong."""


class KeyFormatError(BadRequestError):
    """A parameter contains no usable key; `what` says why, with the parameter as its subject."""

    def __init__(self, parameter: str, what: str) -> None:
        super().__init__(f"parameter {parameter} {what}")
        self.parameter = parameter
        self.what = what


class ConnectingError(Exception):
    """The login failed, or the connection has ended."""


class HostKeyRefusedError(ConnectingError):
    """The host's key is not trusted, or is revoked."""

    def __init__(self, fingerprint: str, reason: str, *, revoked: bool = False) -> None:
        super().__init__(fingerprint, reason)
        self.fingerprint = fingerprint
        """Empty if its authority is trusted, but its certificate is not valid."""
        self.reason = reason
        self.revoked = revoked


class LoginRefusedError(ConnectingError):
    """The host rejected all answers of the dialogue."""


class HandshakeLateError(ConnectingError):
    """The host accepted the connection, but was not ready for logins in time."""

    def __init__(self, *, greeted: bool) -> None:
        super().__init__(greeted)
        self.greeted = greeted
        """True if it has identified itself as an SSH server."""


class LoginLateError(ConnectingError):
    """The login took too long."""


class TunnelRefusedError(ConnectingError):
    """A jump host does not connect to the next host; the message is its reason."""

    def __init__(self, reason: str, *, prohibited: bool) -> None:
        super().__init__(reason)
        self.prohibited = prohibited
        """True if it forbids this, for everyone or for this user."""


class SubsystemRefusedError(ConnectingError):
    """The host does not start a subsystem; the message is its reason."""

    def __init__(self, reason: str, *, is_open: bool) -> None:
        super().__init__(reason)
        self.is_open = is_open
        """True if it has opened a channel, so that only the subsystem is missing."""


class NegotiationError(ConnectingError):
    """The host and guacr have no common algorithm of one or more kinds."""

    def __init__(self, missing: Sequence[Mismatch]) -> None:
        super().__init__(missing)
        self.missing = missing


class NotSshError(ConnectingError):
    """The host does not speak SSH 2; `greeting` is what it sent first."""

    def __init__(self, greeting: bytes) -> None:
        super().__init__(greeting)
        self.greeting = greeting


class BrokenOffError(ConnectingError):
    """The connection has ended; the message is the reason, if there is one."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent
        """True if the host stopped answering."""


def reason(error: object) -> str:
    """An error of asyncssh, or a message of the host, as a clause."""
    return clause(str(error)[:REASON_MAX])


def broken_off(error: Exception | None) -> BrokenOffError:
    """The failure for an error of asyncssh or the system that ended a connection."""
    if error is None or isinstance(error, ConnectionError):
        return BrokenOffError("")
    if isinstance(error, OSError):  # no route, or TCP retransmissions without an answer
        return BrokenOffError("", silent=True)
    text = str(error)
    silent = "not responding to keepalive" in text
    # asyncssh's message for a connection that just ended has no information.
    return BrokenOffError("" if text == "Connection lost" else reason(error), silent=silent)
