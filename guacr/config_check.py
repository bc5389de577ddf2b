"""Finds what settings ask for in vain, for `guacr check-config` and for whoever reloads them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from guacr.errors import GuacrError, UnsupportedError
from guacr.net.certificates import remarks as certificate_remarks
from guacr.policy.check import Protocol
from guacr.policy.check import remarks as policy_remarks
from guacr.recording.check import connection_problems, connection_remarks
from guacr.session import configured
from guacr.session.handler import ProtocolHandler
from guacr.session.protocols import Protocols
from guacr.settings.limits import LimitsSettings
from guacr.settings.models import Settings


@dataclass(frozen=True, slots=True)
class Findings:
    """The sentences about settings that a daemon can start with."""

    problems: tuple[str, ...]
    """Why connections would fail before they reach their hosts."""
    remarks: tuple[str, ...]
    """Settings without an effect, or with one that may surprise."""


def find(settings: Settings, protocols: Protocols) -> Findings:
    """Examine settings; blocks, because it may read files."""
    problems, remarks = list[str](), list[str]()
    for handler in _installed(protocols):
        try:
            remarks += handler.check_settings(settings)
        except GuacrError as error:
            problems.append(str(error))
    remarks += policy_remarks(settings, _described(protocols))
    for name, connection in settings.connections.items():
        found = configured.problems(protocols, settings, connection)
        found += connection_problems(connection)
        problems += [f"connections.{name}: {problem}" for problem in found]
        if not found:
            notes = configured.remarks(protocols, settings, connection)
            notes += connection_remarks(connection)
            remarks += [f"connections.{name}: {note}" for note in notes]
    remarks += _about_limits(settings)
    remarks += certificate_remarks(settings)
    return Findings(tuple(dict.fromkeys(problems)), tuple(dict.fromkeys(remarks)))


def _described(protocols: Protocols) -> dict[str, Protocol]:
    return {
        handler.name: Protocol(
            handler.connects, frozenset(one.name for one in handler.params_type.declared())
        )
        for handler in _installed(protocols)
    }


def _about_limits(settings: Settings) -> list[str]:
    """Return a remark for each limit of people if nothing says who they are."""
    server, page = settings.server, settings.websocket
    if page.has_key or server.tls_client_ca or page.tls_client_ca:
        return []
    names = [name for name in LimitsSettings.model_fields if name.endswith("_per_subject")]
    return [
        f"limits.{name} has no effect: people are known by tokens and client certificates, and "
        "there is neither websocket.token_keys nor tls_client_ca"
        for name in names
        if getattr(settings.limits, name)
    ]


def _installed(protocols: Protocols) -> Iterator[type[ProtocolHandler]]:
    for name in protocols.names:
        with suppress(UnsupportedError):  # a library is not installed
            yield protocols.find(name)
