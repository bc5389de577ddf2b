"""The hosts that a session may connect to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from guacr.errors import ForbiddenError, shorten
from guacr.host_names import literal, resolved
from guacr.policy.client import Client
from guacr.policy.policy import Decision, Policy
from guacr.policy.rule import Place, Request
from guacr.settings.access import AccessSettings

ADVICE = "ask whoever operates guacr for access"

Refused = Callable[[str, str, ForbiddenError, str], None]
"""Called with the name of the rule, the target, the error and the session's id."""


class Network:
    """Decides about each connection of a session, by the access rules at that time.

    A handler calls `check` before it resolves a name, `permitted` with the addresses, and connects
    to those that this returns, and to no others: a name may have other addresses a moment later.

    Args:
        policy: returns the rules.
        request: the session.
        refused: called for each refusal.

    Attributes:
        session: the session's id, once it has one.
    """

    def __init__(self, policy: Callable[[], Policy], request: Request, refused: Refused) -> None:
        self._policy = policy
        self._request = request
        self._refused = refused
        self.session = ""

    @property
    def is_restricted(self) -> bool:
        """True if there are access rules."""
        return self._policy().is_active

    def check(self, host: str, port: int) -> None:
        """Check that a host may be allowed, whatever its name is resolved to.

        Raises:
            ForbiddenError: no rule allows it, or one denies it.
        """
        place = Place(host, port, literal(host))
        self._enforce(self._policy().resolving(self._request, place), host, port)

    def permitted(self, host: str, port: int, addresses: Iterable[str]) -> list[str]:
        """Return those of a host's addresses that may be connected to.

        Raises:
            ForbiddenError: there are none.
        """
        policy = self._policy()
        found = list(addresses)
        if not policy.is_active:
            return found
        allowed, refused = list[str](), Decision(False)
        for text in found:
            address = resolved(text)
            decision = policy.connecting(self._request, Place(host, port, address))
            if decision.allowed and address is not None:
                allowed.append(text)
            else:
                refused = decision
        if not allowed:
            self._enforce(refused, host, port)
        return allowed

    def hides_unknown(self, host: str, port: int) -> bool:
        """Return whether a client must not learn that a name is unknown, because its addresses
        decide whether it may connect: it could find out which names exist."""
        policy = self._policy()
        return policy.is_active and not policy.connecting(self._request, Place(host, port)).allowed

    def check_beyond(self, host: str, port: int) -> None:
        """Check that another host, such as a gateway, may be told to connect to a host, whose name
        it resolves itself.

        Raises:
            ForbiddenError: no rule allows it, or one may deny it.
        """
        place = Place(host, port)
        self._enforce(self._policy().connecting_beyond(self._request, place), host, port)

    def check_local(self) -> None:
        """Check that the session may use what is on the daemon's machine, such as a Unix socket.

        Raises:
            ForbiddenError: rules do not allow it, or allow only certain hosts and ports.
        """
        decision = self._policy().local(self._request)
        if not decision.allowed:
            error = ForbiddenError(f"sockets of the daemon's machine are not allowed: {ADVICE}")
            self._refused(decision.rule, "", error, self.session)
            raise error

    def refusal(self, host: str, port: int) -> ForbiddenError:
        """Return the error for a host that is not allowed, or may be unknown."""
        unknown = " or unknown" if literal(host) is None else ""
        return ForbiddenError(
            f"host {shorten(host)}, port {port}, is not allowed{unknown}: check it, or {ADVICE}"
        )

    def _enforce(self, decision: Decision, host: str, port: int) -> None:
        if not decision.allowed:
            error = self.refusal(host, port)
            self._refused(decision.rule, f"{host}:{port}", error, self.session)
            raise error


def unrestricted() -> Network:
    """Return a network without access rules."""
    policy = Policy(AccessSettings())
    return Network(lambda: policy, Request(Client(), ""), _ignore)


def _ignore(rule: str, target: str, error: ForbiddenError, session: str) -> None:
    """Do nothing: there are no rules."""
