"""The decisions of all access rules together.

Without rules, everything is allowed. With rules, something is allowed if at least one rule allows
it, and no rule denies it; their order does not matter.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from guacr.host_names import literal
from guacr.policy.rule import Connects, Place, Request, Rule
from guacr.settings.access import AccessSettings

REQUESTS_KEPT = 128
"""Requests for which the rules that fit are kept."""
_HOST_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,252})")


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to a request, and the rule for which it is or is not."""

    allowed: bool
    rule: str = ""
    """The name of the rule; empty if there are no rules, or none allows it."""


_FREE = Decision(True)


class Policy:
    """The rules of the settings.

    Args:
        settings: the rules.
        canonical: returns the main name of a protocol.
    """

    def __init__(self, settings: AccessSettings, canonical: Callable[[str], str] = str) -> None:
        self.settings = settings
        rules = [Rule(rule, n, canonical) for n, rule in enumerate(settings.rules, 1)]
        self.rules = rules
        # a session asks several times
        self._fitting = lru_cache(REQUESTS_KEPT)(self._find)

    @property
    def is_active(self) -> bool:
        """True if there are rules."""
        return bool(self.rules)

    def opening(self, request: Request, connects: Connects) -> Decision:
        """Decide whether a session may be opened, before it is known which hosts it connects to.

        A session that connects to no host is not allowed by rules about certain hosts and ports. If
        nobody asks about its hosts, such rules cannot allow it either, and all that deny, deny it.
        """
        if not self.is_active:
            return _FREE

        def denies(rule: Rule) -> bool:
            return connects is Connects.UNCHECKED or rule.covers(None)

        def allows(rule: Rule) -> bool:
            return connects is Connects.CHECKED or rule.covers(None)

        return _decided(self._fitting(request, join=False), denies, allows)

    def joining(self, request: Request, *, is_own: bool) -> Decision:
        """Decide whether a running session may be joined. `is_own` is True if the client needs no
        rule that allows it."""
        if not self.is_active:
            return _FREE
        fitting = self._fitting(request, join=True)
        decision = _decided(fitting, lambda rule: True, lambda rule: True)
        return _FREE if is_own and not decision.rule else decision

    def local(self, request: Request) -> Decision:
        """Decide whether a session may use what is on the daemon's machine, such as a Unix socket:
        rules about certain hosts and ports do not apply."""
        return self.opening(request, Connects.NOWHERE)

    def resolving(self, request: Request, place: Place) -> Decision:
        """Decide whether a host may be allowed, before its name is resolved."""
        if not self.is_active:
            return _FREE
        fitting = self._fitting(request, join=False)
        return _decided(fitting, lambda one: one.covers(place), lambda one: one.may_cover(place))

    def connecting(self, request: Request, place: Place) -> Decision:
        """Decide whether a session may connect to a place whose address is known."""
        if not self.is_active:
            return _FREE
        fitting = self._fitting(request, join=False)
        return _decided(fitting, lambda one: one.covers(place), lambda one: one.covers(place))

    def connecting_beyond(self, request: Request, place: Place) -> Decision:
        """Decide whether another host, such as a gateway, may be told to connect to a place. If it
        resolves the name, `Rule.covers_beyond` says which rules are about it."""
        if not self.is_active:
            return _FREE
        address = literal(place.host)
        if address is not None:
            return self.connecting(request, Place(place.host, place.port, address))
        if not _HOST_NAME.fullmatch(place.name):
            return Decision(False)
        fitting = self._fitting(request, join=False)
        return _decided(
            fitting, lambda one: one.covers_beyond(place), lambda one: one.covers_beyond(place)
        )

    def _find(self, request: Request, *, join: bool) -> list[Rule]:
        return [rule for rule in self.rules if rule.join == join and not rule.mismatch(request)]


def _decided(
    fitting: list[Rule], denies: Callable[[Rule], bool], allows: Callable[[Rule], bool]
) -> Decision:
    for rule in fitting:
        if rule.denies and denies(rule):
            return Decision(False, rule.name)
    for rule in fitting:
        if not rule.denies and allows(rule):
            return Decision(True, rule.name)
    return Decision(False)
