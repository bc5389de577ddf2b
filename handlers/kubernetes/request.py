"""Build the request to the API server from the parameters."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from urllib.parse import quote, urlencode

from guacr.api import BadRequestError, shorten
from handlers.kubernetes.params import KubernetesParams

COMMAND_MAX = 4096
"""Maximum characters of exec-command."""
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?")
"""A DNS subdomain (RFC 1123), the format of pod, container and namespace names."""
_TERM = re.compile(r"\$(?:TERM\b|\{TERM\})")


def address(params: KubernetesParams, prefix: str = "") -> str:
    """The URL of the exec or attach endpoint; `prefix` precedes the API's path.

    Raises:
        BadRequestError: a name is missing or invalid, or the command cannot be split.
    """
    words = command(params.exec_command, params.terminal_type)
    return _url(params, prefix, ("stdin", "stdout", "tty"), words)


def files_address(
    params: KubernetesParams, prefix: str, words: Sequence[str], *, has_input: bool
) -> str:
    """The URL at which a command runs without a terminal. Raises as `address` does."""
    channels = ("stdin", "stdout", "stderr") if has_input else ("stdout", "stderr")
    return _url(params, prefix, channels, words)


def _url(
    params: KubernetesParams, prefix: str, channels: Sequence[str], words: Sequence[str]
) -> str:
    if not params.hostname:
        raise BadRequestError("parameter hostname is empty: name the API server to connect to")
    for name, value in (("namespace", params.namespace), ("pod", params.pod)):
        _check(name, value)
    query = [(channel, "true") for channel in channels]
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
    """The words of a command, with `$TERM` replaced.

    Raises:
        BadRequestError: a quotation mark is unmatched, or the text is too long.
    """
    if len(text) > COMMAND_MAX:
        raise BadRequestError(f"parameter exec-command is longer than {COMMAND_MAX} characters")
    try:
        words = shlex.split(text)
    except ValueError:
        raise BadRequestError(
            f"parameter exec-command {shorten(text)} has an unmatched quotation mark or backslash"
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
    """A host name as written in a URL."""
    bare = name.strip("[]")
    if not re.fullmatch(r"[\w.:%-]+", bare):
        raise BadRequestError(f"parameter hostname {shorten(name)} is not a host name")
    return f"[{bare}]" if ":" in bare else bare
