"""The origin of a session's parameters: how far they can be trusted, and whose they are."""

from __future__ import annotations

from dataclasses import dataclass

from guacr.policy.client import NOBODY, Client
from guacr.settings.limits import NO_LIMITS, OwnLimits


@dataclass(frozen=True, slots=True)
class TokenTerms:
    """The conditions of the token that opens or joins a session."""

    id: str = ""
    once_until: float = 0.0
    """When a token that can be used once expires, in seconds since 1970; 0 for others."""
    limits: OwnLimits = NO_LIMITS


NO_TERMS = TokenTerms()


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a session's parameters. Those from clients of the Guacamole protocol, addresses
    and forms are not trusted; those from the configuration and from tokens signed by a key holder
    are."""

    trusted: frozenset[str] = frozenset()
    """Names of the parameters that an operator set."""
    subject: str = ""
    """The person for whom a token was made (its claim `sub`); empty if nobody vouches for
    anyone."""
    connection: str = ""
    """The name of the configured connection; empty for others."""
    terms: TokenTerms = NO_TERMS
    is_watcher: bool = False
    """True for an operator who watches, and does not keep the session open."""
    is_hidden: bool = False
    """True for a watcher of whom the owner of the session is not told."""
    invited: bool = False
    """True if a token is for joining this session."""
    client: Client = NOBODY
    """The client's connection, which the registry fills in."""

    @property
    def person(self) -> str:
        """The person that this client is: the subject of its token, or else the first name in its
        certificate; empty if it has proven nothing."""
        return self.subject or next(iter(self.client.certificates), "")

    def may_join(self, opener: Origin) -> bool:
        """Return whether this client may join a session without an access rule that allows it: it
        is invited, or has proven to be the one who has opened the session."""
        same = bool(self.subject) and self.subject == opener.subject
        both = set(self.client.certificates) & set(opener.client.certificates)
        return self.invited or same or bool(both)


ANYONE = Origin()
