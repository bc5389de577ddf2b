"""The sub-protocols v5.channel.k8s.io and v4.channel.k8s.io without I/O.

Each message starts with the number of a channel. Version 5 adds a message that closes one, which
tells a command the end of its input.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from guacr.errors import UpstreamError, shorten
from guacr.json_text import JsonError, parse_json
from guacr.showable import showable

SUBPROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
"""In the order of preference."""
REASON_MAX = 300
"""Characters of the API server's own words that are shown."""


class Channel(IntEnum):
    """What a message is about."""

    STDIN = 0
    STDOUT = 1
    STDERR = 2
    ERROR = 3
    RESIZE = 4
    CLOSE = 255


@dataclass(frozen=True, slots=True)
class Ended:
    """The command has ended; `error` says why it could not run or go on, if so."""

    error: str = ""


def stdin(data: bytes) -> bytes:
    """A message with input."""
    return bytes([Channel.STDIN]) + data


def resize(columns: int, rows: int) -> bytes:
    """A message with the terminal's size."""
    size = json.dumps({"Width": columns, "Height": rows}, separators=(",", ":"))
    return bytes([Channel.RESIZE]) + size.encode()


def read(message: bytes) -> bytes | Ended:
    """What a message says: output, or the end.

    Raises:
        UpstreamError: the end is not told as it should be.
    """
    channel = message[0] if message else Channel.STDOUT
    if channel in (Channel.STDOUT, Channel.STDERR):
        return message[1:]
    if channel == Channel.ERROR and len(message) > 1:
        return _ended(message[1:])
    return b""  # the opening of a channel, or the closing of one


def status_message(body: bytes) -> str:
    """The message of a `Status` object of the API's; empty if it is none."""
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
            f"the API server ends the command with {shorten(body.decode(errors='replace'))}, "
            "which cannot be understood: connect again"
        )
    if status.get("status") == "Success" or status.get("reason") == "NonZeroExitCode":
        return Ended()
    return Ended(_message(status) or "no reason given")


def _message(status: dict[str, Any]) -> str:
    text = status.get("message")
    return plain(text) if isinstance(text, str) else ""


def plain(text: str) -> str:
    """The API server's words as a part of a sentence."""
    line = " ".join(text[: 2 * REASON_MAX].split())
    line = showable(line, lambda _: "?")
    return line if len(line) <= REASON_MAX else line[: REASON_MAX - 1] + "…"
