"""The server's side of the handshake, sans-I/O.

client                                  server
select,<protocol or connection id>
                                        args,VERSION_1_5_0,<parameter names>
size, audio, video, image, timezone, name: any, in any order
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
"""Instructions in one handshake."""
TEXT_MAX = 256
"""Characters of a time zone or a user's name that are kept."""

Args = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selected:
    """The client said what it wants; `Handshake.args` is the answer."""

    select: str


@dataclass(frozen=True, slots=True)
class Connect:
    """The handshake is complete."""

    select: str
    values: dict[str, str]
    """Texts of the parameters by name; those left empty are not among them."""
    info: ClientInfo


class Handshake:
    """Takes one instruction after the other until it returns a `Connect`.

    A client of 1.0.0 does not know that the first name of `args` is a version: it sends an
    empty value in its place, and so the values still stand in the right places.
    """

    __slots__ = ("_info", "_names", "_received", "_select")

    def __init__(self) -> None:
        self._select = ""
        self._names: Sequence[str] | None = None
        self._info = ClientInfo()
        self._received = 0

    def receive(self, instruction: Instruction) -> Selected | Connect | None:
        """What the instruction brought about, None if more is needed.

        Raises:
            ProtocolError: an instruction is out of place or malformed.
            BadRequestError: a value cannot be used.
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
        """The answer to `Selected`: the parameters that may be given."""
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
    """The protocol version that both sides know."""
    parts = text.removeprefix("VERSION_").split("_")
    if len(parts) != 3 or not all(p.isascii() and p.isdigit() and len(p) < 5 for p in parts):
        return OLDEST_VERSION
    major, minor, patch = map(int, parts)
    return min((major, minor, patch), NEWEST_VERSION)


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
    "timezone": _timezone,
    "name": _name,
}
