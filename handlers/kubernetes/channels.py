"""The subprotocols v5.channel.k8s.io and v4.channel.k8s.io, without I/O.

Each message starts with a channel number. Version 5 adds a message that closes a channel, which
tells a command that its input has ended.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from guacr.api import JsonError, UpstreamError, parse_json, shorten, showable

SUBPROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""The subprotocols in order of preference."""
REASON_MAX = 300
"""Maximum characters of the API server's messages that are shown."""

_CODES = frozenset(map(str, range(1, 256)))


class Channel(IntEnum):
    """The channels of messages."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class Ended:
    """The command has ended; `error` is the reason if it could not run or continue."""

    error: str = ""
    code: int = 0
    """The exit status of a command that has run."""


def stdin(data: bytes) -> bytes:
    """Encode input."""
    return bytes([Channel.STDIN]) + data


def resize(columns: int, rows: int) -> bytes:
    """Encode the size of the terminal."""
    size = json.dumps({"Width": columns, "Height": rows}, separators=(",", ":"))
    return bytes([Channel.RESIZE]) + size.encode()


def read(message: bytes) -> bytes | Ended:
    """Decode a message: output, or the end.

    Raises:
        UpstreamError: the message about the end is malformed.
    """
    said = read_apart(message)
    return said if isinstance(said, Ended) else said[1]


def read_apart(message: bytes) -> tuple[Channel, bytes] | Ended:
    """Decode a message of a command without a terminal, whose errors have their own channel.

    Raises:
        UpstreamError: the message about the end is malformed.
    """
    channel = message[0] if message else Channel.STDOUT
    if channel in (Channel.STDOUT, Channel.STDERR):
        return Channel(channel), message[1:]
    if channel == Channel.ERROR and len(message) > 1:
        return _ended(message[1:])
    return Channel.STDOUT, b""  # the opening of a channel, or the closing of one


def status_message(body: bytes) -> str:
    """The message of a `Status` object of the API; empty if it is not one."""
    try:
        status = parse_json(body)
    except JsonError:
        return ""
    return _message(status) if isinstance(status, dict) else ""


def _ended(body: bytes) -> Ended:
    try:
        status = parse_json(body)
    except JsonError:
        status = None
    if not isinstance(status, dict):
        raise UpstreamError(
            f"the API server ended the command with {shorten(body.decode(errors='replace'))}, "
            "which cannot be parsed: connect again"
        )
    if status.get("status") == "Success":
        return Ended()
    if status.get("reason") == "NonZeroExitCode":
        return Ended(code=_exit_code(status))
    return Ended(_message(status) or "no reason given")


def _exit_code(status: dict[str, Any]) -> int:
    """Return the exit status of a command that has failed; 1 if it is not told."""
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    for cause in causes if isinstance(causes, list) else ():
        if isinstance(cause, dict) and cause.get("reason") == "ExitCode":
            code = str(cause.get("message"))
            return int(code) if code in _CODES else 1
    return 1


def _message(status: dict[str, Any]) -> str:
    text = status.get("message")
    return plain(text) if isinstance(text, str) else ""


def plain(text: str) -> str:
    """A message of the API server as a clause."""
    line = " ".join(text[: 2 * REASON_MAX].split())
    line = showable(line, lambda _: "?")
    return line if len(line) <= REASON_MAX else line[: REASON_MAX - 1] + "…"
