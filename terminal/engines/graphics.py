r"""The commands of the Kitty graphics protocol, extracted from a host's output.

Specification: "Terminal graphics protocol" of the Kitty terminal. A command is an application
program command, `ESC _ G keys ; payload ESC \`. Sequences that erase the screen or the scrollback
are found as well, as long as there are images that must be erased with it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

MAX_KEYS_BYTES = 512
"""Maximum bytes of a command's keys; a command with more is dropped."""

_INTRODUCER = b"\x1b_G"
_BODY = bytes(range(0x20, 0x7F))
"""The bytes that keys and payload consist of."""
_NO_BODY = re.compile(rb"[^\x20-\x7e]")
_ESC = b"\x1b"
_ST = _ESC + b"\\"
_KEYS = re.compile(r"(?:[a-zA-Z]=(?:-?\d{1,10}|[a-zA-Z])(?:,(?!$)|$))*")
_START = re.compile(rb"\x1b_G")
_START_OR_ERASURE = re.compile(rb"\x1b(?:_G|\[3J|\[H\x1b\[J)")
_UNFINISHED = re.compile(rb"\x1b_?\Z")
_UNFINISHED_ANY = re.compile(rb"\x1b(?:_|\[(?:3|H(?:\x1b\[?)?)?)?\Z")


class Erasure(Enum):
    """An area that the following bytes erase, without the engine removing its images."""

    SCREEN = b"\x1b[H\x1b[J"
    """As `clear` does on terminals like `linux`."""
    SCROLLBACK = b"\x1b[3J"


@dataclass(frozen=True, slots=True)
class GraphicsCommand:
    """A graphics command."""

    keys: dict[str, str]
    """Values by key: numbers or letters."""
    payload: bytes = b""
    """In base64."""

    @property
    def action(self) -> str:
        """The action, the value of the key a."""
        return self.keys.get("a", "t")

    def number(self, key: str) -> int:
        """The number of a key; 0 if it is not set."""
        value = self.keys.get(key, "")
        return int(value) if value.lstrip("-").isdigit() else 0

    def encode(self) -> bytes:
        """The command as a host sends it."""
        keys = ",".join(f"{key}={value}" for key, value in self.keys.items())
        payload = b";" + self.payload if self.payload else b""
        return _INTRODUCER + keys.encode() + payload + _ST


Part = bytes | GraphicsCommand | Erasure


class GraphicsSplitter:
    """Splits a host's output, cut anywhere, into commands and the bytes between them.

    Args:
        limit: maximum bytes of a command; the rest is dropped.
    """

    __slots__ = ("_begun", "_body", "_held", "_limit", "erasures")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = b""
        """The start of what may become an introducer, or the end of a command."""
        self._body = bytearray()
        self._begun = False
        """True if a command has begun; `_body` is what has arrived of it."""
        self.erasures = False
        """True if erasures must be found."""

    def concerns(self, data: bytes) -> bool:
        """Return whether there may be a command or an erasure."""
        if self._begun or self._held or self.erasures:
            return True
        # searching for one rare byte is much faster than for several
        return data.endswith(b"\x1b") or (
            b"_" in data and (_INTRODUCER in data or data.endswith(b"\x1b_"))
        )

    def split(self, data: bytes) -> list[Part]:
        """Return the parts in order. An erasure precedes the bytes that it announces."""
        data, self._held = self._held + data, b""
        parts: list[Part] = []
        at = 0
        while at < len(data):
            step = self._collect if self._begun else self._pass
            at = step(data, at, parts)
        return parts

    def reset(self) -> None:
        """Discard incomplete input."""
        self._held, self._body, self._begun = b"", bytearray(), False

    def _pass(self, data: bytes, at: int, parts: list[Part]) -> int:
        """Add the bytes up to the next command, or to the end."""
        found = (_START_OR_ERASURE if self.erasures else _START).search(data, at)
        if found is None:
            tail = max(at, len(data) - len(Erasure.SCREEN.value))
            unfinished = (_UNFINISHED_ANY if self.erasures else _UNFINISHED).search(data, tail)
            end = unfinished.start() if unfinished else len(data)
            self._held = data[end:]
            if end > at:
                parts.append(data[at:end])
            return len(data)
        if found.start() > at:
            parts.append(data[at : found.start()])
        if found[0] == _INTRODUCER:
            self._begun = True
        else:
            parts += [Erasure(found[0]), found[0]]
        return found.end()

    def _collect(self, data: bytes, at: int, parts: list[Part]) -> int:
        """Collect the bytes of the command; one that ends improperly is dropped."""
        end = data.find(_ESC, at)
        part = data[at : end if end >= 0 else len(data)]
        if part.translate(None, _BODY):
            part = _NO_BODY.split(part, 1)[0]
        end = at + len(part)
        self._body += part[: self._limit - len(self._body)]
        if end == len(data):
            return end
        if end + 1 == len(data) and data.endswith(_ESC):
            self._held = _ESC
            return len(data)
        body = bytes(self._body)
        self.reset()
        if not data.startswith(_ST, end):
            return end
        command = _parsed(body)
        if command:
            parts.append(command)
        return end + len(_ST)


def _parsed(body: bytes) -> GraphicsCommand | None:
    keys, _, payload = body.partition(b";")
    text = keys.decode("ascii")
    if len(text) > MAX_KEYS_BYTES or not _KEYS.fullmatch(text):
        return None
    pairs = (pair.split("=") for pair in text.split(",") if pair)
    return GraphicsCommand(dict(pairs), payload)
