"""`guacr explain`: say what the access rules decide, and why."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from guacr.errors import SettingsError, UnsupportedError, shorten

if TYPE_CHECKING:
    from guacr.policy.policy import Decision, Policy
    from guacr.policy.rule import Place, Request, Rule
    from guacr.session.handler import ProtocolHandler
    from guacr.session.protocols import Protocols
    from guacr.settings.models import Settings

EPILOG = """\
The exit status is 0 if it is allowed (with at least one protocol, if none is named), and 1 if it is
refused. Names are resolved on this machine, and each address is decided on."""
FREE = "allowed: there are no access rules"
LISTENERS = ("tcp", "unix", "websocket", "webrtc", "tube")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr explain`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="NAME",
        help="who the client has proven to be: a token's subject, a name in its certificate",
    )
    parser.add_argument(
        "--listener", choices=LISTENERS, default="tcp", help="where it connects (default: tcp)"
    )
    parser.add_argument("--address", default="127.0.0.1", help="its address (default: 127.0.0.1)")
    parser.add_argument(
        "--protocol",
        metavar="NAME",
        help="protocol of the session, such as ssh (default: each of them, without the rules)",
    )
    parser.add_argument("--connection", metavar="NAME", help="configured connection instead")
    parser.add_argument("--target", metavar="HOST[:PORT]", help="host that the session connects to")
    parser.add_argument(
        "--beyond", action="store_true", help="the target is resolved by a jump host or gateway"
    )
    parser.add_argument(
        "--parameter",
        action="append",
        default=[],
        metavar="NAME[=VALUE]",
        help="parameter that the client sets",
    )
    parser.add_argument("--join", action="store_true", help="join somebody else's session")


def explain(arguments: argparse.Namespace, settings: Settings) -> tuple[bool, list[str]]:
    """Return whether the request of `arguments` is allowed, and the lines that say why.

    Raises:
        SettingsError: the arguments contradict each other, or name what is unknown.
    """
    from guacr.policy.policy import Policy
    from guacr.session.admission import canonical
    from guacr.session.protocols import Protocols

    protocols = Protocols(offered=settings.server.protocols)
    policy = Policy(settings.access, partial(canonical, protocols))
    if arguments.protocol is None and arguments.connection is None:
        return _each(arguments, settings, protocols, policy)
    protocol = _protocol(arguments, settings)
    handler = _handler(protocols, protocol)
    request = _request(arguments, handler, protocol)
    target = _target(arguments, settings, handler)
    if not policy.is_active:
        return True, [FREE]
    allowed, lines, place = _decided(arguments, policy, request, handler, target)
    return allowed, [*lines, *_rules(arguments, policy, request, place)]


def _each(
    arguments: argparse.Namespace, settings: Settings, protocols: Protocols, policy: Policy
) -> tuple[bool, list[str]]:
    """Return whether the request is allowed with any protocol, and the lines of each that it can be
    about.

    Raises:
        SettingsError: there is none, or the target is invalid.
    """
    if not policy.is_active:
        return True, [FREE]
    results = [
        _decided(arguments, policy, request, handler, _target(arguments, settings, handler))
        for handler, request in _requests(arguments, protocols)
    ]
    if not results:
        raise SettingsError("no protocol has all of these parameters, and a host if one is given")
    lines = [line for _, (first, *others), _ in results for line in (first, *_indented(others))]
    return any(allowed for allowed, *_ in results), lines


def _requests(
    arguments: argparse.Namespace, protocols: Protocols
) -> Iterator[tuple[type[ProtocolHandler], Request]]:
    """Yield a request for each protocol that is installed, and has the parameters and a host."""
    from guacr.policy.rule import Connects

    for name in protocols.names:
        with suppress(UnsupportedError, SettingsError):
            handler = protocols.find(name)
            has_host = handler.connects is not Connects.NOWHERE
            if not handler.alias_of and (has_host or arguments.target is None):
                yield handler, _request(arguments, handler, name)


def _decided(
    arguments: argparse.Namespace,
    policy: Policy,
    request: Request,
    handler: type[ProtocolHandler],
    target: tuple[str, int] | None,
) -> tuple[bool, list[str], Place | None]:
    """Return whether the request is allowed, the lines that say it, and the first place that was
    decided on."""
    if arguments.join:
        decision = policy.joining(request, is_own=False)
        return decision.allowed, [_line(f"joining a session of {request.protocol}", decision)], None
    decision = policy.opening(request, handler.connects)
    lines = [_line(f"session of {request.protocol}", decision)]
    if not decision.allowed or target is None:
        return decision.allowed, lines, None
    found = list(_decisions(policy, request, *target, arguments.beyond))
    lines += [_line(what, decided) for _, decided, what in found]
    return any(decided.allowed for _, decided, _ in found), lines, found[0][0]


def _indented(lines: list[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _protocol(arguments: argparse.Namespace, settings: Settings) -> str:
    if arguments.protocol is not None and arguments.connection is not None:
        raise SettingsError("name only one of --protocol and --connection")
    if arguments.connection is None:
        return str(arguments.protocol)
    connection = settings.connections.get(arguments.connection)
    if connection is None:
        known = ", ".join(settings.connections) or "none"
        raise SettingsError(
            f"connection {shorten(arguments.connection)} is not in the settings: the known ones "
            f"are {known}"
        )
    return connection.protocol


def _handler(protocols: Protocols, protocol: str) -> type[ProtocolHandler]:
    """Return the handler of a protocol.

    Raises:
        SettingsError: there is none; the question cannot be answered.
    """
    try:
        return protocols.find(protocol)
    except UnsupportedError as error:
        raise SettingsError(str(error)) from error


def _request(
    arguments: argparse.Namespace, handler: type[ProtocolHandler], protocol: str
) -> Request:
    from guacr.host_names import literal
    from guacr.policy.client import Client
    from guacr.policy.rule import Request
    from guacr.session.admission import own_parameters
    from guacr.session.origin import ANYONE

    values = dict(_parameter(text) for text in arguments.parameter)
    for name, problem in handler.params_type.problems(dict.fromkeys(values, "")):
        raise SettingsError(f"--parameter {name}: {problem}")
    address = "" if arguments.listener in ("unix", "tube") else arguments.address
    if address and literal(address) is None:
        raise SettingsError(f"--address must be an IP address, not {shorten(address)}")
    return Request(
        Client(arguments.listener, address, tuple(arguments.identity)),
        handler.alias_of or protocol,
        connection=arguments.connection or "",
        parameters=own_parameters(handler, values, ANYONE),
    )


def _parameter(text: str) -> tuple[str, str]:
    """Return a parameter; without a value, it has one that differs from the default."""
    name, equals, value = text.partition("=")
    return name, value if equals else "\0"


def _target(
    arguments: argparse.Namespace, settings: Settings, handler: type[ProtocolHandler]
) -> tuple[str, int] | None:
    """Return the host and port; by default those of the connection, and the protocol's port."""
    values = {}
    if arguments.connection is not None:
        values = dict(settings.connections[arguments.connection].parameters)
    host, port = arguments.target or values.get("hostname", ""), values.get("port", "")
    if not host or host.startswith("/"):
        return None
    name, colon, digits = host.rpartition(":")
    if arguments.target and colon and digits.isdecimal() and (":" not in name or "]" in name):
        host, port = name, digits
    if not port:
        params = handler.params_type()
        port = str(getattr(params, "used_port", getattr(params, "port", 0)))
    if not (port.isdecimal() and 0 < int(port) < 1 << 16):
        raise SettingsError(f"--target needs a port: write it like {host}:22")
    return host.strip("[]"), int(port)


def _decisions(
    policy: Policy, request: Request, host: str, port: int, beyond: bool
) -> Iterator[tuple[Place, Decision, str]]:
    from guacr.host_names import literal
    from guacr.policy.rule import Place

    place = Place(host, port, literal(host))
    if beyond:
        yield place, policy.connecting_beyond(request, place), f"{host}:{port}, resolved elsewhere"
        return
    early = policy.resolving(request, place)
    if not early.allowed:
        yield place, early, f"{host}:{port}"
        return
    for address in _addresses(host, port):
        found = Place(host, port, literal(address))
        what = f"{host}:{port}" if address == host else f"{host}:{port} at {address}"
        yield found, policy.connecting(request, found), what


def _addresses(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        raise SettingsError(f"host {shorten(host)} is unknown here: give an address") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _line(what: str, decision: Decision) -> str:
    if decision.allowed:
        return f"allowed: {what}" + (f", by {decision.rule}" if decision.rule else "")
    return f"refused: {what}: " + (
        f"{decision.rule} denies it" if decision.rule else "no rule allows it"
    )


def _rules(
    arguments: argparse.Namespace, policy: Policy, request: Request, place: Place | None
) -> Iterator[str]:
    """Yield a line for each rule."""
    for rule in policy.rules:
        wrong = "join" if rule.join != arguments.join else rule.mismatch(request)
        if wrong:
            state = f"does not apply: {wrong}"
        elif place is None and rule.has_targets:
            state = "applies to some hosts or ports"
        elif place is not None and not _is_about(rule, place, arguments.beyond):
            state = "does not apply: targets or ports"
        else:
            state = "applies"
        yield f"  {rule.name} ({rule.settings.effect}): {state}"


def _is_about(rule: Rule, place: Place, beyond: bool) -> bool:
    return rule.covers_beyond(place) if beyond and place.name else rule.covers(place)
