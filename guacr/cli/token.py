"""`guacr token`: create a token from arguments.

Secrets do not belong on a command line, which other users of the machine can read: a parameter can
also get its value from a file or from standard input.
"""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from guacr.errors import SettingsError, shorten
from guacr.showable import is_unicode

if TYPE_CHECKING:
    from guacr.access.tokens import Grant
    from guacr.session.origin import TokenTerms
    from guacr.settings.models import Settings

LIFETIME = 300
"""The default validity of a token in seconds."""
LIFETIME_MAX = 10 * 366 * 86_400
"""The longest: ten years."""
_FOR_USERS = {
    "protocol": "the protocol",
    "connection": "--connection",
    "join": "--join",
    "recordings": "--recordings",
    "read_only": "--read-only",
    "allow": "--allow",
    "subject": "--subject",
    "once": "--once",
    "limit": "--limit",
    "guacamole_lite": "--guacamole-lite",
}
"""The arguments that operators' tokens do not support, and what an error calls them."""
EPILOG = """\
NAME=@FILE reads the value from a file, NAME=- from a line of standard input: other users of the
machine can read a secret on the command line. Open http://HOST:4823/?token=TOKEN, or give the
token to the page that connects."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `guacr token`."""
    parser.epilog = EPILOG
    parser.add_argument("protocol", nargs="?", help="protocol to connect with, such as ssh")
    parser.add_argument("parameters", nargs="*", metavar="NAME=VALUE", help="its parameters")
    parser.add_argument("--connection", metavar="NAME", help="connection of the settings instead")
    parser.add_argument(
        "--join", metavar="ID", help="id of a running session to join instead; $ may be omitted"
    )
    parser.add_argument(
        "--recordings",
        metavar="NAME",
        help="recordings to see instead: one, a directory with / at its end, or * for all",
    )
    parser.add_argument(
        "--operator",
        metavar="NAME",
        help="operator to make a token for, with a key of control.token_keys, instead",
    )
    parser.add_argument(
        "--rights",
        metavar="LIST",
        help="with --operator: read, watch and act, separated by commas (default: read)",
    )
    parser.add_argument("--read-only", action="store_true", help="with --join: only watch")
    parser.add_argument(
        "--allow", action="append", default=[], metavar="NAME", help="the URL may also set this"
    )
    parser.add_argument("--subject", default="", metavar="NAME", help="the person it is for")
    parser.add_argument("--expires", type=int, metavar="SECONDS", help=f"default: {LIFETIME}")
    parser.add_argument("--once", action="store_true", help="it works once")
    parser.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=NUMBER",
        help="limit of sessions, users, connects, bytes, session_length or idle_time",
    )
    parser.add_argument(
        "--guacamole-lite", action="store_true", help="in guacamole-lite's format; never expires"
    )


def token(arguments: argparse.Namespace, all_settings: Settings) -> str:
    """Create the token for `arguments`.

    Raises:
        SettingsError: there is no key for it, or the arguments contradict each other.
        GuacrError: a protocol, a connection or a parameter is unknown.
    """
    from guacr.access.guacamole_lite import make_guacamole_lite_token
    from guacr.access.tokens import make_token

    if arguments.operator is not None:
        return _operator_token(arguments, all_settings)
    if arguments.rights is not None:
        raise SettingsError("--rights needs --operator")
    grant, settings = _grant(arguments), all_settings.websocket
    if arguments.guacamole_lite:
        if not settings.guacamole_lite_key:
            raise SettingsError("websocket.guacamole_lite_key is not set: set it to create tokens")
        unsupported = (grant.name, grant.recordings, grant.allow, grant.subject, grant.terms.id)
        if any(unsupported) or arguments.expires is not None:
            raise SettingsError(
                "guacamole-lite's tokens do not support --connection, --recordings, --allow, "
                "--subject, --expires, --once and --limit"
            )
        _check_names(grant, all_settings)
        return make_guacamole_lite_token(settings.guacamole_lite_key, grant)
    if not settings.token_keys:
        raise SettingsError("websocket.token_keys is not set: set it to create tokens")
    lifetime = _lifetime(arguments)
    _check_names(grant, all_settings)
    return make_token(settings.token_keys[0], grant, now=time.time(), lifetime=lifetime)


def _operator_token(arguments: argparse.Namespace, settings: Settings) -> str:
    from guacr.access.operator_tokens import Right, make_operator_token
    from guacr.access.tokens import SUBJECT_MAX

    keys = settings.control.token_keys
    if not keys:
        raise SettingsError("control.token_keys is not set: set it to create operators' tokens")
    given = vars(arguments)
    unsupported = [shown for name, shown in _FOR_USERS.items() if given[name]]
    if unsupported:
        raise SettingsError(
            f"--operator supports only --rights and --expires: omit {' and '.join(unsupported)}"
        )
    if not 0 < len(arguments.operator) <= SUBJECT_MAX:
        raise SettingsError(f"--operator must be a name of 1 to {SUBJECT_MAX} characters")
    names = Right.READ if arguments.rights is None else arguments.rights
    try:
        rights = [Right(name.strip()) for name in names.split(",")]
    except ValueError:
        known = ", ".join(Right)
        raise SettingsError(
            f"--rights {shorten(names)} has an unknown right: the known ones are {known}"
        ) from None
    lifetime = _lifetime(arguments)
    return make_operator_token(
        keys[0], arguments.operator, rights, now=time.time(), lifetime=lifetime
    )


def _lifetime(arguments: argparse.Namespace) -> int:
    seconds: int = LIFETIME if arguments.expires is None else arguments.expires
    if seconds < 1:
        raise SettingsError("--expires must be at least 1 second")
    if seconds > LIFETIME_MAX:
        raise SettingsError(f"--expires must be at most {LIFETIME_MAX} seconds")
    return seconds


def _check_names(grant: Grant, settings: Settings) -> None:
    """Refuse names that a daemon with these settings could not open."""
    from guacr.session.protocols import Protocols

    if grant.name and grant.name not in settings.connections:
        known = ", ".join(settings.connections) or "none"
        raise SettingsError(
            f"connection {shorten(grant.name)} is not in the settings: the known ones are {known}"
        )
    protocol = settings.connections[grant.name].protocol if grant.name else grant.protocol
    if not protocol:
        return
    params = Protocols(offered=settings.server.protocols).find(protocol).params_type
    known_names = {param.name for param in params.declared()}
    for name in grant.allow:
        if name not in known_names and name != "*":
            raise SettingsError(f"{protocol} has no parameter {shorten(name)}: correct --allow")
    if grant.protocol:
        params.parse(grant.parameters)


def _grant(arguments: argparse.Namespace) -> Grant:
    from guacr.access.tokens import Grant
    from guacr.session.ids import with_prefix

    targets = (arguments.protocol, arguments.connection, arguments.join, arguments.recordings)
    if sum(target is not None for target in targets) != 1:
        raise SettingsError("name one of a protocol, --connection, --join and --recordings")
    if arguments.recordings is not None and (arguments.once or arguments.limit or arguments.allow):
        raise SettingsError("--recordings supports none of --once, --limit and --allow")
    parameters = dict(_parameter(text) for text in arguments.parameters)
    if arguments.join is not None:
        parameters["read-only"] = "true" if arguments.read_only else "false"
    elif arguments.read_only:
        raise SettingsError("--read-only needs --join; for a protocol, set read-only=true")
    target: dict[str, Any] = {
        "protocol": arguments.protocol or "",
        "name": arguments.connection or "",
        "join": with_prefix(arguments.join) if arguments.join else "",
        "recordings": arguments.recordings or "",
    }
    return Grant(
        **target,
        parameters=parameters,
        allow=tuple(arguments.allow),
        subject=arguments.subject,
        terms=_terms(arguments),
    )


def _terms(arguments: argparse.Namespace) -> TokenTerms:
    from guacr.session.origin import TokenTerms
    from guacr.settings.limits import OwnLimits

    if not (arguments.once or arguments.limit):
        return TokenTerms()
    values = dict(_parameter(text) for text in arguments.limit)
    try:
        limits = OwnLimits.model_validate(values)
    except ValueError:  # pydantic's
        names = ", ".join(OwnLimits.model_fields)
        raise SettingsError(f"--limit is not NAME=NUMBER with one of {names}") from None
    return TokenTerms(str(uuid4()), time.time() if arguments.once else 0.0, limits)


def _parameter(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals:
        raise SettingsError(f"{shorten(text)} is not NAME=VALUE")
    if value == "-":
        return name, _line()
    if value.startswith("@"):
        return name, _file(Path(value[1:]))
    return name, value


def _line() -> str:
    with suppress(UnicodeDecodeError):
        line = sys.stdin.readline().rstrip("\r\n")
        if is_unicode(line):
            return line
    raise SettingsError("standard input cannot be read as text")


def _file(path: Path) -> str:
    try:
        return path.read_text().removesuffix("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as text") from error
