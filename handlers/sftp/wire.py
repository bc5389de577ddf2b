"""The packets of SFTP, version 3 (draft-ietf-secsh-filexfer-02), without input and output.

asyncssh has a client of its own, but decodes whatever a server sends at once: a packet of four
megabytes of names would hold the event loop for seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from stat import S_ISDIR, S_ISLNK, S_ISREG
from struct import Struct

VERSION = 3
PACKET_MAX = 256 * 1024
"""Maximum bytes of a packet from a server, as in OpenSSH."""
MESSAGE_MAX = 200
"""Maximum bytes of a server's message that are kept."""
POSIX_RENAME = b"posix-rename@openssh.com"
"""The extension that renames a file to the name of another one, which is replaced at once."""
EXTENSIONS_MAX = 64
"""Maximum extensions of a server that are looked at."""
EXTENDED_MAX = 32
"""Maximum extended attributes of a file; none of them is used."""

_U32, _U64 = Struct(">I"), Struct(">Q")
_HEAD = Struct(">IBI")


class Kind(IntEnum):
    """The types of packets."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    FSETSTAT = 10
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RMDIR = 15
    REALPATH = 16
    STAT = 17
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200


class Code(IntEnum):
    """The codes of a status."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    NO_CONNECTION = 6
    CONNECTION_LOST = 7
    OP_UNSUPPORTED = 8


class Open(IntFlag):
    """How a file is opened."""

    READ = 0x01
    WRITE = 0x02
    CREATE = 0x08
    TRUNCATE = 0x10
    EXCLUSIVE = 0x20


class _Has(IntFlag):
    """The attributes that are present."""

    SIZE = 0x01
    OWNER = 0x02
    PERMISSIONS = 0x04
    TIMES = 0x08
    EXTENDED = 0x80000000


class WireError(Exception):
    """The server does not speak SFTP, or exceeds a limit."""


class StatusError(Exception):
    """The server's answer is a status other than OK."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message
        """The server's text, which may contain anything."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """The attributes of a file that are used; None for those that the server does not send."""

    size: int | None = None
    mode: int | None = None
    """The type and the permissions, as in POSIX."""
    modified: int | None = None
    """Unix seconds."""
    owner: tuple[int, int] | None = None
    """The numbers of the user and the group."""

    @property
    def is_directory(self) -> bool:
        """True for a directory."""
        return self.mode is not None and S_ISDIR(self.mode)

    @property
    def is_link(self) -> bool:
        """True for a symbolic link."""
        return self.mode is not None and S_ISLNK(self.mode)

    @property
    def is_file(self) -> bool:
        """True for a regular file, and if the server does not say what it is."""
        return self.mode is None or not self.mode & 0o170000 or S_ISREG(self.mode)


@dataclass(frozen=True, slots=True)
class Packet:
    """A packet; the number is that of the request, and the version in a VERSION."""

    kind: int
    number: int
    body: bytes


def packet(kind: Kind, number: int, *fields: bytes) -> bytes:
    """Encode a packet."""
    body = b"".join(fields)
    return _HEAD.pack(len(body) + 5, kind, number) + body


def u32(value: int) -> bytes:
    """Encode 32 bits."""
    return _U32.pack(value)


def u64(value: int) -> bytes:
    """Encode 64 bits."""
    return _U64.pack(value)


def string(value: bytes) -> bytes:
    """Encode bytes with their length."""
    return _U32.pack(len(value)) + value


NO_ATTRIBUTES = u32(0)


def with_permissions(mode: int) -> bytes:
    """Encode the attributes of a file to be created."""
    return u32(_Has.PERMISSIONS) + u32(mode)


def with_size(size: int) -> bytes:
    """Encode the attributes of a file to be cut, or extended."""
    return u32(_Has.SIZE) + u64(size)


class Decoder:
    """Splits a server's bytes, cut anywhere, into packets."""

    __slots__ = ("_buffer",)

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Packet]:
        """Return the packets that `data` completes.

        Raises:
            WireError: a packet is too long or too short; the decoder cannot be used any more.
        """
        self._buffer += data
        packets = []
        at = 0
        while len(self._buffer) - at >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(self._buffer, at)
            if not 5 <= length <= PACKET_MAX:
                raise WireError(f"a packet of {length} bytes")
            end = at + 4 + length
            if end > len(self._buffer):
                break
            packets.append(Packet(kind, number, bytes(self._buffer[at + _HEAD.size : end])))
            at = end
        del self._buffer[:at]
        return packets


class Fields:
    """Reads the fields of a packet one after the other; each method raises WireError if it is cut
    off."""

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def at_end(self) -> bool:
        """True if everything was read."""
        return self._at >= len(self._data)

    def u32(self) -> int:
        """Read 32 bits."""
        return int.from_bytes(self._take(4), "big")

    def u64(self) -> int:
        """Read 64 bits."""
        return int.from_bytes(self._take(8), "big")

    def string(self) -> bytes:
        """Read bytes with their length."""
        return self._take(self.u32())

    def attributes(self) -> Attributes:
        """Read the attributes of a file."""
        has = self.u32()
        size = self.u64() if has & _Has.SIZE else None
        owner = (self.u32(), self.u32()) if has & _Has.OWNER else None
        mode = self.u32() if has & _Has.PERMISSIONS else None
        modified = None
        if has & _Has.TIMES:
            self._take(4)
            modified = self.u32()
        if has & _Has.EXTENDED:
            count = self.u32()
            if count > EXTENDED_MAX:
                raise WireError(f"{count} extended attributes")
            for _ in range(2 * count):
                self.string()
        return Attributes(size, mode, modified, owner)

    def _take(self, count: int) -> bytes:
        end = self._at + count
        if end > len(self._data):
            raise WireError("a packet that is cut off")
        taken = self._data[self._at : end]
        self._at = end
        return taken


def checked(answer: Packet, expected: Kind) -> Fields:
    """Return the fields of an answer of the expected type.

    Raises:
        StatusError: it is a status other than OK.
        WireError: it is of a different type, or an OK without what was expected.
    """
    fields = Fields(answer.body)
    if answer.kind == Kind.STATUS:
        code = fields.u32()
        if code != Code.OK:
            raise StatusError(code, _message(fields))
        if expected == Kind.STATUS:
            return fields
    if answer.kind != expected:
        raise WireError(f"an answer of type {answer.kind} where {expected} was expected")
    return fields


def _message(fields: Fields) -> str:
    """Return the text of a status, which old servers omit."""
    try:
        return fields.string()[:MESSAGE_MAX].decode("utf-8", "replace")
    except WireError:
        return ""


def extensions(body: bytes) -> frozenset[bytes]:
    """Return the names of the extensions in a VERSION; raises WireError if it is cut off."""
    fields, found = Fields(body), set[bytes]()
    while not fields.at_end and len(found) < EXTENSIONS_MAX:
        found.add(fields.string())
        fields.string()  # its version
    return frozenset(found)


def names(fields: Fields) -> Iterator[tuple[bytes, Attributes]]:
    """Yield the names in an answer, with the attributes of the files; raises WireError if it is cut
    off."""
    for _ in range(fields.u32()):
        name = fields.string()
        fields.string()  # the line of `ls -l`
        yield name, fields.attributes()
