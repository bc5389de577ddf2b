"""The hosts that a session may connect to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from guacr.errors import ForbiddenError, shorten
from guacr.host_names import literal, resolved
from guacr.policy.client import Client
from guacr.policy.policy import Decision, Policy
from guacr.policy.rule import Connects, Place, Request
from guacr.settings.access import AccessSettings

ADVICE = "ask whoever operates guacr for access"

PLACES_MAX = 64
"""Maximum places of a session that are kept; of more, those allowed first are forgotten."""


@dataclass(frozen=True, slots=True)
class Joiner:
    """A client that has joined a session, which another one has opened."""

    client: Client
    subject: str
    """The person for whom its token was made; empty without one."""
    peer: str
    """Its address."""


Refused = Callable[[str, str, ForbiddenError, str, Joiner | None], None]
"""Called with the name of the rule, the target, the error, the session's id, and the client, unless
it is the one that has opened the session."""
_Decide = Callable[[Policy, Request, Any], Decision]
"""Decides on a place again, or on what is on the daemon's machine."""


class Network:
    """Decides about each connection of a session, by the access rules at that time, and about
    parameters that clients set later.

    A handler calls `check` before it resolves a name, `permitted` with the addresses, and connects
    to those that this returns, and to no others: a name may have other addresses a moment later.

    Args:
        policy: returns the rules.
        request: the session.
        refused: called for each refusal.
        connects: the hosts that its protocol connects to.

    Attributes:
        session: the session's id, once it has one.
    """

    def __init__(
        self,
        policy: Callable[[], Policy],
        request: Request,
        refused: Refused,
        connects: Connects = Connects.CHECKED,
    ) -> None:
        self._policy = policy
        self._request = request
        self._connects = connects
        self._refused = refused
        self._used: deque[tuple[_Decide, Place | None]] = deque(maxlen=PLACES_MAX)
        """The places that were allowed, with what has decided on them."""
        self.session = ""

    @property
    def is_restricted(self) -> bool:
        """True if there are access rules."""
        return self._policy().is_active

    def check_parameter(self, name: str, joiner: Joiner | None = None) -> None:
        """Check that clients may set a parameter of the session that runs, and note that they do:
        the rules must allow the session, and where it is connected, also with it.

        Args:
            name: that of the parameter.
            joiner: the one who sets it, unless it is the client who has opened the session.

        Raises:
            ForbiddenError: they may not.
        """
        policy = self._policy()
        if not policy.is_active or name in self._request.parameters:
            return
        request = replace(self._request, parameters=self._request.parameters | {name})
        decisions = [policy.opening(request, self._connects)]
        decisions += [decide(policy, request, place) for decide, place in self._used]
        for decision in decisions:
            if not decision.allowed:
                error = ForbiddenError(f"parameter {shorten(name)} may not be set: {ADVICE}")
                self._refused(decision.rule, "", error, self.session, joiner)
                raise error
        self._request = request

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
                self._use(Policy.connecting, Place(host, port, address))
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
        self._use(Policy.connecting_beyond, place)

    def check_local(self) -> None:
        """Check that the session may use what is on the daemon's machine, such as a Unix socket.

        Raises:
            ForbiddenError: rules do not allow it, or allow only certain hosts and ports.
        """
        decision = self._policy().local(self._request)
        if not decision.allowed:
            error = ForbiddenError(f"sockets of the daemon's machine are not allowed: {ADVICE}")
            self._refused(decision.rule, "", error, self.session, None)
            raise error
        self._use(_decide_local, None)

    def refusal(self, host: str, port: int) -> ForbiddenError:
        """Return the error for a host that is not allowed, or may be unknown."""
        unknown = " or unknown" if literal(host) is None else ""
        return ForbiddenError(
            f"host {shorten(host)}, port {port}, is not allowed{unknown}: check it, or {ADVICE}"
        )

    def _use(self, decide: _Decide, place: Place | None) -> None:
        if self.is_restricted and (decide, place) not in self._used:
            self._used.append((decide, place))

    def _enforce(self, decision: Decision, host: str, port: int) -> None:
        if not decision.allowed:
            error = self.refusal(host, port)
            self._refused(decision.rule, f"{host}:{port}", error, self.session, None)
            raise error


def unrestricted() -> Network:
    """Return a network without access rules."""
    policy = Policy(AccessSettings())
    return Network(lambda: policy, Request(Client(), ""), _ignore)


def _decide_local(policy: Policy, request: Request, place: None) -> Decision:
    return policy.local(request)


def _ignore(
    rule: str, target: str, error: ForbiddenError, session: str, joiner: Joiner | None
) -> None:
    """Do nothing: there are no rules."""
