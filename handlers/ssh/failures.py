"""What can go wrong between guacr and an SSH host, before it is put into a sentence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from guacr.errors import BadRequestError, UnauthorizedError, clause

if TYPE_CHECKING:
    from handlers.ssh.negotiation import Mismatch

REASON_MAX = 200
"""Characters of a reason given by asyncssh or the host."""


class PassphraseError(UnauthorizedError):
    """A private key is encrypted, and the passphrase is missing or wrong."""


class KeyFormatError(BadRequestError):
    """A text holds no key that can be read."""


class ConnectingError(Exception):
    """It has not come to a login, or the connection has ended."""


class HostKeyRefusedError(ConnectingError):
    """The host has shown a key that is not trusted, or that is revoked."""

    def __init__(self, fingerprint: str, reason: str, *, revoked: bool = False) -> None:
        super().__init__(fingerprint, reason)
        self.fingerprint = fingerprint
        """Empty where its authority is trusted, but a certificate does not hold."""
        self.reason = reason
        self.revoked = revoked


class LoginRefusedError(ConnectingError):
    """The host has let none of the dialogue's answers pass."""


class HandshakeLateError(ConnectingError):
    """The host has taken the connection, but not got as far as taking logins in time."""

    def __init__(self, *, greeted: bool) -> None:
        super().__init__(greeted)
        self.greeted = greeted
        """Whether it has said that it speaks SSH."""


class LoginLateError(ConnectingError):
    """The login took longer than it may."""


class TunnelRefusedError(ConnectingError):
    """A jump host does not connect to the next host; the text is its reason."""

    def __init__(self, reason: str, *, prohibited: bool) -> None:
        super().__init__(reason)
        self.prohibited = prohibited
        """Whether it does so for nobody, or not for this user."""


class NegotiationError(ConnectingError):
    """The host and guacr have no algorithms of one kind or several in common."""

    def __init__(self, missing: Sequence[Mismatch]) -> None:
        super().__init__(missing)
        self.missing = missing


class NotSshError(ConnectingError):
    """The host does not speak SSH 2; `greeting` is what it said first."""

    def __init__(self, greeting: bytes) -> None:
        super().__init__(greeting)
        self.greeting = greeting


class BrokenOffError(ConnectingError):
    """The connection has ended; the text is the reason, as far as there is one."""

    def __init__(self, reason: str, *, silent: bool = False) -> None:
        super().__init__(reason)
        self.silent = silent
        """Whether the host just stopped answering."""


def reason(error: object) -> str:
    """An error of asyncssh's, or a word of the host's, as a part of a sentence."""
    return clause(str(error)[:REASON_MAX])


def broken_off(error: Exception | None) -> BrokenOffError:
    """What an error of asyncssh's, or of the system's, says of a connection that has ended."""
    if error is None or isinstance(error, ConnectionError):
        return BrokenOffError("")
    if isinstance(error, OSError):  # no route, or TCP has sent again in vain
        return BrokenOffError("", silent=True)
    text = str(error)
    silent = "not responding to keepalive" in text
    # asyncssh's own wording for a connection that just ended says nothing.
    return BrokenOffError("" if text == "Connection lost" else reason(error), silent=silent)
