"""The server's side of the handshake, sans-I/O.

client                                  server
select,<protocol or connection id>
                                        args,VERSION_1_5_0,<parameter names>
size, audio, video, image, clipboard, files, timezone, name: any, in any order
connect,<version>,<one value for each name>
                                        ready,<connection id>      (sent by the session)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from guacr.errors import BadRequestError, ProtocolError, shorten
from guacr.protocol.client import MIMETYPES_MAX, ClientInfo, resolution, window_size
from guacr.protocol.instruction import Instruction, encode

NEWEST_VERSION = (1, 5, 0)
VERSION_NAME = "VERSION_1_5_0"
OLDEST_VERSION = (1, 0, 0)
INSTRUCTIONS_MAX = 64
"""Maximum instructions in a handshake."""
TEXT_MAX = 256
"""Maximum characters of a time zone or a user name."""

Args = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """The client has sent `select`; `Handshake.args` is the answer."""

    select: str


@dataclass(frozen=True, slots=True)
class Connect:
    """The handshake is complete."""

    select: str
    values: dict[str, str]
    """The texts of the parameters by name; empty ones are omitted."""
    info: ClientInfo


class Handshake:
    """Processes instructions until it returns a `Connect`.

    A client of 1.0.0 does not know that the first name of `args` is a version: it sends an empty
    value for it, so the values are still in the right places.
    """

    __slots__ = ("_info", "_names", "_received", "_select")

    def __init__(self) -> None:
        self._select = ""
        self._names: Sequence[str] | None = None
        self._info = ClientInfo()
        self._received = 0

    def receive(self, instruction: Instruction) -> Selected | Connect | None:
        """Process an instruction; return its effect, or None if more are needed.

        Raises:
            ProtocolError: an instruction is unexpected or malformed.
            BadRequestError: a value is invalid.
        """
        self._received += 1
        if self._received > INSTRUCTIONS_MAX:
            raise ProtocolError(f"handshake has more than {INSTRUCTIONS_MAX} instructions")
        if self._names is None:
            return self._selected(instruction)
        if instruction.opcode == "connect":
            return self._connect(instruction.args, self._names)
        describe = _DESCRIPTIONS.get(instruction.opcode)
        if describe is not None:
            self._info = describe(self._info, instruction.args)
        return None

    def args(self, names: Sequence[str]) -> bytes:
        """Return the answer to `Selected`: the names of the parameters."""
        self._names = names
        return encode("args", VERSION_NAME, *names)

    def _selected(self, instruction: Instruction) -> Selected:
        if instruction.opcode != "select":
            raise ProtocolError(
                f"a connection begins with select, not with {shorten(instruction.opcode)}"
            )
        if len(instruction.args) != 1 or not instruction.args[0]:
            raise ProtocolError("select takes one argument: a protocol or a connection id")
        self._select = instruction.args[0]
        return Selected(self._select)

    def _connect(self, args: Args, names: Sequence[str]) -> Connect:
        if len(args) != len(names) + 1:
            raise BadRequestError(
                f"connect takes {len(names) + 1} values here, the version and one for each "
                f"parameter of args, but {len(args)} were sent"
            )
        version, *values = args
        given = {name: value for name, value in zip(names, values, strict=True) if value}
        return Connect(self._select, given, replace(self._info, version=_version(version)))


def _version(text: str) -> tuple[int, int, int]:
    """Return the protocol version that both sides support."""
    parts = text.removeprefix("VERSION_").split("_")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) < 5 for p in parts):
        return OLDEST_VERSION
    major, minor, patch = map(int, parts)
    return max(OLDEST_VERSION, min((major, minor, patch), NEWEST_VERSION))


def _size(info: ClientInfo, args: Args) -> ClientInfo:
    if len(args) < 2:
        raise ProtocolError("size needs a width and a height")
    width, height = window_size(args[0], args[1])
    dpi = resolution(args[2]) if len(args) > 2 else info.dpi
    return replace(info, width=width, height=height, dpi=dpi)


def _timezone(info: ClientInfo, args: Args) -> ClientInfo:
    return replace(info, timezone=args[0][:TEXT_MAX] if args else "")


def _name(info: ClientInfo, args: Args) -> ClientInfo:
    return replace(info, name=args[0][:TEXT_MAX] if args else "")


_DESCRIPTIONS: dict[str, Callable[[ClientInfo, Args], ClientInfo]] = {
    "size": _size,
    "audio": lambda info, args: replace(info, audio=args[:MIMETYPES_MAX]),
    "video": lambda info, args: replace(info, video=args[:MIMETYPES_MAX]),
    "image": lambda info, args: replace(info, image=args[:MIMETYPES_MAX]),
    "clipboard": lambda info, args: replace(info, clipboard=args[:MIMETYPES_MAX]),
    "files": lambda info, args: replace(info, files=args[:MIMETYPES_MAX]),
    "timezone": _timezone,
    "name": _name,
}
