"""`guacr explain`: say what the access rules decide, and why."""

from __future__ import annotations

import argparse
import socket
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from guacr.errors import SettingsError, shorten

if TYPE_CHECKING:
    from guacr.policy.policy import Decision, Policy
    from guacr.policy.rule import Place, Request
    from guacr.session.handler import ProtocolHandler
    from guacr.settings.models import Settings

EPILOG = """\
The exit status is 0 if it is allowed, and 1 if it is refused. Names are resolved on this machine,
and each address is decided on."""
LISTENERS = ("tcp", "unix", "websocket", "webrtc", "tube")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr explain`."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--identity",
        action="append",
        default=[],
        metavar="NAME",
        help="whom the client has proven to be: a token's subject, a name in its certificate",
    )
    parser.add_argument(
        "--listener", choices=LISTENERS, default="tcp", help="where it connects (default: tcp)"
    )
    parser.add_argument("--address", default="127.0.0.1", help="its address (default: 127.0.0.1)")
    parser.add_argument("--protocol", metavar="NAME", help="protocol of the session, such as ssh")
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
    parser.add_argument("--join", action="store_true", help="join a session of somebody else")


def explain(arguments: argparse.Namespace, settings: Settings) -> tuple[bool, list[str]]:
    """Return whether the request of `arguments` is allowed, and the lines that say why.

    Raises:
        SettingsError: the arguments contradict each other, or name what is not in the settings.
        GuacrError: the protocol or a parameter is unknown.
    """
    from guacr.policy.policy import Policy
    from guacr.session.admission import canonical
    from guacr.session.protocols import Protocols

    protocols = Protocols(offered=settings.server.protocols)
    protocol = _protocol(arguments, settings)
    handler = protocols.find(protocol)
    policy = Policy(settings.access, partial(canonical, protocols))
    request = _request(arguments, handler, protocol)
    target = _target(arguments, settings, handler)
    if not policy.is_active:
        return True, ["allowed: there are no access rules"]
    if arguments.join:
        decision = policy.joining(request, is_own=False)
        return decision.allowed, [_line("joining the session", decision), *_rules(policy, request)]
    decision = policy.opening(request, handler.connects)
    lines = [_line(f"session of {protocol}", decision)]
    allowed = decision.allowed
    places: list[Place] = []
    if decision.allowed and target is not None:
        allowed = False
        for place, decided, what in _decisions(policy, request, *target, arguments.beyond):
            allowed = allowed or decided.allowed
            places.append(place)
            lines.append(_line(what, decided))
    return allowed, [*lines, *_rules(policy, request, places[0] if places else None)]


def _protocol(arguments: argparse.Namespace, settings: Settings) -> str:
    if (arguments.protocol is None) == (arguments.connection is None):
        raise SettingsError("name one of --protocol and --connection")
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


def _request(
    arguments: argparse.Namespace, handler: type[ProtocolHandler], protocol: str
) -> Request:
    from guacr.policy.client import Client
    from guacr.policy.rule import Request
    from guacr.session.admission import own_parameters
    from guacr.session.origin import ANYONE

    values = dict(_parameter(text) for text in arguments.parameter)
    for name, problem in handler.params_type.problems(dict.fromkeys(values, "")):
        raise SettingsError(f"--parameter {name}: {problem}")
    address = "" if arguments.listener in ("unix", "tube") else arguments.address
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


def _rules(policy: Policy, request: Request, place: Place | None = None) -> Iterator[str]:
    """Yield a line for each rule."""
    for rule in policy.rules:
        wrong = rule.mismatch(request)
        if rule.settings.join:
            state = f"about joining; {'does not apply: ' + wrong if wrong else 'applies'}"
        elif wrong:
            state = f"does not apply: {wrong}"
        elif place is None and rule.has_targets:
            state = "applies to some hosts or ports"
        elif place is not None and not rule.covers(place):
            state = "does not apply: targets or ports"
        else:
            state = "applies"
        yield f"  {rule.name} ({rule.settings.effect}): {state}"
