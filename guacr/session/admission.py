"""Applies the access rules to clients that open and join sessions."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from guacr.errors import ForbiddenError, UnsupportedError, shorten
from guacr.policy.policy import Policy
from guacr.policy.rule import Connects, Request
from guacr.refusals import Refusals
from guacr.session.events import AccessRefused, Events
from guacr.session.handler import ProtocolHandler
from guacr.session.network import ADVICE, Joiner, Network
from guacr.session.origin import Origin
from guacr.session.protocols import Protocols
from guacr.settings.access import AccessSettings

_refusals = Refusals(logging.getLogger("guacr.access"))


class CurrentPolicy:
    """Returns the current rules, made of the current settings.

    Args:
        settings: returns the settings.
        protocols: returns the protocols.
    """

    def __init__(
        self, settings: Callable[[], AccessSettings], protocols: Callable[[], Protocols]
    ) -> None:
        self._settings = settings
        self._protocols = protocols
        self._last: Policy | None = None

    def __call__(self) -> Policy:
        """Return the rules."""
        settings = self._settings()
        if self._last is None or self._last.settings is not settings:
            self._last = Policy(settings, lambda name: canonical(self._protocols(), name))
        return self._last


class Admission:
    """The access rules of a registry.

    Args:
        events: is told what is refused.
        settings: returns the current rules.
        protocols: returns the current protocols.
    """

    def __init__(
        self,
        events: Events,
        settings: Callable[[], AccessSettings],
        protocols: Callable[[], Protocols],
    ) -> None:
        self._events = events
        self._policy = CurrentPolicy(settings, protocols)

    @property
    def policy(self) -> Policy:
        """The current rules."""
        return self._policy()

    def open(
        self,
        select: str,
        handler: type[ProtocolHandler],
        values: Mapping[str, str],
        origin: Origin,
        peer: str,
    ) -> Network:
        """Check that a client may open a session; return the hosts that it may connect to.

        Raises:
            ForbiddenError: the rules do not allow it.
        """
        request = Request(
            origin.client,
            handler.alias_of or select,
            origin.subject,
            origin.connection,
            own_parameters(handler, values, origin),
        )
        decision = self.policy.opening(request, handler.connects)
        report = partial(self._report, request, peer)
        if not decision.allowed:
            error = self._refusal(request, handler.connects)
            report(decision.rule, "", error)
            raise error
        return Network(lambda: self.policy, request, report, handler.connects)

    def join(
        self,
        protocol: str,
        handler: type[ProtocolHandler],
        opener: Origin,
        joiner: Origin,
        peer: str,
    ) -> None:
        """Check that a client may join a session that another one has opened.

        Raises:
            ForbiddenError: the rules do not allow it.
        """
        name = handler.alias_of or protocol
        request = Request(joiner.client, name, joiner.subject, opener.connection)
        decision = self.policy.joining(request, is_own=joiner.may_join(opener))
        if not decision.allowed:
            error = ForbiddenError(
                "joining this session is not allowed: ask somebody in it for a link, or "
                "whoever operates guacr for access"
            )
            self._report(request, peer, decision.rule, "", error)
            raise error

    def _refusal(self, request: Request, connects: Connects) -> ForbiddenError:
        """Return the error of a session that is not allowed, which names the parameter if it would
        be without one."""
        for name in sorted(request.parameters):
            without = replace(request, parameters=request.parameters - {name})
            if self.policy.opening(without, connects).allowed:
                return ForbiddenError(f"parameter {shorten(name)} may not be set: {ADVICE}")
        what = f"protocol {shorten(request.protocol)}"
        if request.connection:
            what = f"connection {shorten(request.connection)}"
        return ForbiddenError(f"{what} is not allowed, or not with these parameters: {ADVICE}")

    def _report(
        self,
        request: Request,
        peer: str,
        rule: str,
        target: str,
        error: ForbiddenError,
        session: str = "",
        joiner: Joiner | None = None,
    ) -> None:
        if joiner is not None:
            request = replace(request, client=joiner.client, subject=joiner.subject)
            peer = joiner.peer
        who = f"{peer} as {', '.join(request.identities)}" if request.identities else peer
        why = rule or "no rule allows it"
        _refusals.report("access rules refuse %s: %s (%s)", who, error, why, client=peer)
        self._events.publish(
            AccessRefused(
                peer,
                str(error),
                rule,
                request.protocol,
                target,
                request.identities,
                request.client.listener,
                request.connection,
                session,
            )
        )


def canonical(protocols: Protocols, name: str) -> str:
    """Return the main name of a protocol that may have several."""
    try:
        return protocols.find(name).alias_of or name
    except UnsupportedError:
        return name


def own_parameters(
    handler: type[ProtocolHandler], values: Mapping[str, str], origin: Origin
) -> frozenset[str]:
    """Return the names of the parameters that a client sets to something else than the default."""
    declared = {param.name: param for param in handler.params_type.declared()}

    def is_default(name: str, text: str) -> bool:
        param = declared.get(name)
        return param is not None and text == param.text(param.default)

    return frozenset(
        name
        for name, text in values.items()
        if text and name not in origin.trusted and not is_default(name, text)
    )
