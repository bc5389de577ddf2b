"""guacd's commands, OSC 482200 to 482203, extracted from a host's output.

They decide where the bytes after them go, so they are found before an engine sees them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from terminal.text.charset import Charset

ARGUMENT_MAX = 4096
"""Bytes of a command's argument; longer commands go to the engine, which ignores them."""

_START = b"\x1b]48220"
_BODY = rb"[^\x07\x18\x1a\x1b]{0,%d}" % ARGUMENT_MAX
_PATTERN = rb"\x1b\](48220[0-3])(?:;(" + _BODY + rb"?))?(?:\x07|\x1b\\%b)"
# a one-byte ST may also be the last byte of a UTF-8 character, which ends nothing
_COMMAND = re.compile(_PATTERN % rb"|\xc2\x9c|(?<![\x80-\xff])\x9c")
_COMMAND_ISO = re.compile(_PATTERN % rb"|\x9c")
_COMMAND_OTHER = re.compile(_PATTERN % b"")
_UNFINISHED = re.compile(rb"\x1b\]48220(?:[0-3](?:;" + _BODY + rb")?(?:\x1b)?)?")


class Command(IntEnum):
    """The numbers of the commands."""

    DOWNLOAD = 482200
    UPLOAD_DIRECTORY = 482201
    OPEN_PIPE = 482202
    CLOSE_PIPE = 482203


@dataclass(frozen=True, slots=True)
class HostCommand:
    """One command, with what follows its number."""

    command: Command
    argument: str


class CommandSplitter:
    """Splits a host's output, cut anywhere, into commands and the bytes between them.

    `charset` is that of the host, None for UTF-8.
    """

    __slots__ = ("_charset", "_command", "_held")

    def __init__(self, charset: Charset | None = None) -> None:
        self._charset = charset
        self._command = _COMMAND
        if charset is not None:
            self._command = _COMMAND_ISO if charset.has_c1 else _COMMAND_OTHER
        self._held = b""
        """The start of what may become a command."""

    def split(self, data: bytes) -> list[bytes | HostCommand]:
        """Return commands and bytes in order; an incomplete command waits for its rest."""
        if self._held:
            data, self._held = self._held + data, b""
        parts: list[bytes | HostCommand] = []
        start = 0
        # searching for one rare byte is much faster than for several
        at = data.find(_START) if b"]" in data else -1
        while at >= 0:
            command = self._command.match(data, at)
            if command:
                parts.append(data[start:at])
                argument = self._decoded(command[2] or b"")
                parts.append(HostCommand(Command(int(command[1])), argument))
                start = command.end()
            elif _UNFINISHED.fullmatch(data, at):
                return self._hold(parts, data, start, at)
            at = data.find(_START, at + 1)
        at = data.rfind(b"\x1b", max(start, len(data) - len(_START) + 1))
        unfinished = at >= 0 and _START.startswith(data[at:])
        return self._hold(parts, data, start, at if unfinished else len(data))

    def flush(self) -> bytes:
        """Return the incomplete command at the end of the output."""
        data, self._held = self._held, b""
        return data

    def _decoded(self, argument: bytes) -> str:
        if self._charset is not None:
            return self._charset.decode(argument)
        return argument.decode(errors="replace")

    def _hold(
        self, parts: list[bytes | HostCommand], data: bytes, start: int, end: int
    ) -> list[bytes | HostCommand]:
        self._held = data[end:]
        parts.append(data[start:end])
        return [part for part in parts if part]
