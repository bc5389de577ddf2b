"""The reasons for which limits refuse a session or a user, with their sentences."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from guacr.errors import BusyError, ConflictError, GuacrError, TooManyError, UnauthorizedError


class Scope(StrEnum):
    """The sessions that are counted together."""

    ALL = "all"
    ADDRESS = "address"
    """A client's address, or its IPv6 /64 network."""
    SUBJECT = "subject"
    """The person for whom a token was made, or else the one whom a client certificate names."""
    CONNECTION = "connection"
    """A configured connection."""
    TOKEN = "token"  # noqa: S105 - the name of a scope
    """A token without a person."""


class Limit(StrEnum):
    """The number that is limited."""

    SESSIONS = "sessions"
    CONNECTS = "connects"
    ONCE = "once"
    """A token that may be used once."""
    SPENT = "spent"
    """The number of such tokens that are remembered."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A limit that has been reached; `most` is its value."""

    limit: Limit
    scope: Scope
    most: float = 0

    @property
    def reason(self) -> str:
        """The name under which refusals are counted, such as "sessions-address"."""
        return f"{self.limit}-{self.scope}"

    def error(self) -> GuacrError:
        """Return the error for the client."""
        kind, sentence = SENTENCES[self.limit, self.scope]
        return kind(sentence.format(self.most))

    def counted(self) -> GuacrError:
        """Count this refusal, and return its error."""
        counts[self.reason] += 1
        return self.error()


_SOON = "try again in a few seconds"
_LATER = "end one, or try again later"
SENTENCES: dict[tuple[Limit, Scope], tuple[type[GuacrError], str]] = {
    (Limit.SESSIONS, Scope.ALL): (BusyError, "all {:.0f} sessions are in use: try again later"),
    (Limit.SESSIONS, Scope.ADDRESS): (
        TooManyError,
        f"this address has reached its limit of sessions ({{:.0f}}): {_LATER}",
    ),
    (Limit.SESSIONS, Scope.SUBJECT): (
        TooManyError,
        f"you have reached your limit of sessions ({{:.0f}}): {_LATER}",
    ),
    (Limit.SESSIONS, Scope.CONNECTION): (
        ConflictError,
        "this connection has reached its limit of sessions ({:.0f}): try again later",
    ),
    (Limit.SESSIONS, Scope.TOKEN): (
        TooManyError,
        f"this link has reached its limit of sessions ({{:.0f}}): {_LATER}",
    ),
    (Limit.CONNECTS, Scope.ALL): (BusyError, f"too many sessions are being opened: {_SOON}"),
    (Limit.CONNECTS, Scope.ADDRESS): (
        TooManyError,
        f"too many sessions are being opened from this address: {_SOON}",
    ),
    (Limit.CONNECTS, Scope.SUBJECT): (
        TooManyError,
        f"you open sessions too often: {_SOON}",
    ),
    (Limit.CONNECTS, Scope.CONNECTION): (
        BusyError,
        f"this connection is being opened too often: {_SOON}",
    ),
    (Limit.CONNECTS, Scope.TOKEN): (
        TooManyError,
        f"this link is being opened too often: {_SOON}",
    ),
    (Limit.ONCE, Scope.TOKEN): (
        UnauthorizedError,
        "this link works once, and has been used: ask for a new one",
    ),
    (Limit.SPENT, Scope.ALL): (
        BusyError,
        "too many links that work once have been used: try again later",
    ),
}
SESSION_LENGTH, IDLE_TIME = "session-length", "idle-time"
"""The reasons for which limits end sessions."""
USERS = "users"
"""The reason for which a session takes no more users."""
REASONS = (*(f"{limit}-{scope}" for limit, scope in SENTENCES), SESSION_LENGTH, IDLE_TIME, USERS)
"""Every reason."""
counts: Counter[str] = Counter()
"""The number of sessions and users that limits have refused or ended in this process, by reason."""
