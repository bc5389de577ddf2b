"""What is asked of the API server, made of parameters."""

from __future__ import annotations

import re
import shlex
from urllib.parse import quote, urlencode

from guacr.errors import BadRequestError, shorten
from handlers.kubernetes.params import KubernetesParams

COMMAND_MAX = 4096
"""Characters of exec-command."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""A DNS subdomain (RFC 1123), which names of pods, containers and namespaces are."""
_TERM = re.compile(r"\$(?:TERM\b|\{TERM\})")


def address(params: KubernetesParams, prefix: str = "") -> str:
    """The address of the exec or attach endpoint, with everything in it; `prefix` is what comes
    before the API's own path.

    Raises:
        BadRequestError: a name is missing or cannot be one, or the command cannot be split.
    """
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the API server to connect to")
    for name, value in (("namespace", params.namespace), ("pod", params.pod)):
        _check(name, value)
    words = command(params.exec_command, params.terminal_type)
    query = [("stdin", "true"), ("stdout", "true"), ("tty", "true")]
    if params.container:
        _check("container", params.container)
        query.append(("container", params.container))
    query += [("command", word) for word in words]
    scheme = "wss" if params.use_ssl else "ws"
    path = f"{prefix}/api/v1/namespaces/{params.namespace}/pods/{params.pod}"
    action = "exec" if words else "attach"
    return (
        f"{scheme}://{_host(params.hostname)}:{params.port}{path}/{action}"
        f"?{urlencode(query, quote_via=quote)}"
    )


def command(text: str, terminal_type: str) -> list[str]:
    """The words of a command, with `$TERM` replaced in each.

    Raises:
        BadRequestError: a quotation mark has no partner, or the text is too long.
    """
    if len(text) > COMMAND_MAX:
        raise BadRequestError(f"parameter exec-command is longer than {COMMAND_MAX} characters")
    try:
        words = shlex.split(text)
    except ValueError:
        raise BadRequestError(
            f"parameter exec-command {shorten(text)} has a quotation mark or a backslash without "
            "its partner"
        ) from None
    return [_TERM.sub(lambda _: terminal_type, word) for word in words]


def _check(name: str, value: str) -> None:
    if not value:
        raise BadRequestError(f"parameter {name} is empty: name the {name} to connect to")
    if not _NAME.fullmatch(value):
        raise BadRequestError(
            f"parameter {name} must be a name of small letters, digits, dots and hyphens, not "
            f"{shorten(value)}"
        )


def _host(name: str) -> str:
    """A host's name as it stands in an address."""
    bare = name.strip("[]")
    if not re.fullmatch(r"[\w.:%-]+", bare):
        raise BadRequestError(f"parameter hostname {shorten(name)} is no name of a host")
    return f"[{bare}]" if ":" in bare else bare
