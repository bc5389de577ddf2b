"""The Telnet protocol without I/O: bytes from the host in, output and replies out.

RFC 854 (commands), 855 and 1143 (options), 856 (BINARY), 857 (ECHO), 858 (SGA), 860 (TIMING-MARK),
1073 (NAWS), 1091 (TTYPE), 1572 (NEW-ENVIRON); MCCP2 as in MUDs, START_TLS as in the draft of Boe
and Altman.

The machine only replies, with one exception: it offers BINARY to a host that has sent Telnet
commands, so that the host accepts 8-bit characters. A host that does not speak Telnet receives only
what its user types.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, IntEnum

from guacr.api import UpstreamError

SUBNEGOTIATION_MAX = 4096
"""Maximum bytes of a sub-negotiation; a host that sends more is broken, or not a Telnet server."""
NEGOTIATIONS_MAX = 65_536
"""Maximum option commands in the life of a connection. A long day's work needs some hundreds; a
host that sends more than this is misbehaving."""
TYPE_MAX = 40
"""Maximum bytes of the terminal type, as in RFC 1091."""
USERNAME_MAX = 256
"""Maximum bytes of the user name."""
CELLS_MAX = 0xFFFF
"""Maximum columns or rows in NAWS."""


class Command(IntEnum):
    """The commands after IAC; all others are ignored."""

    SE = 240
    BREAK = 243
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254
    IAC = 255


class Option(IntEnum):
    """The options that can be negotiated."""

    BINARY = 0
    ECHO = 1
    SGA = 3
    TIMING_MARK = 6
    TTYPE = 24
    NAWS = 31
    NEW_ENVIRON = 39
    START_TLS = 46
    COMPRESS2 = 86


IAC = b"\xff"
_OURS = {
    Option.BINARY, Option.SGA, Option.TTYPE, Option.NAWS, Option.NEW_ENVIRON, Option.START_TLS,
}  # fmt: skip
"""Options that the host may request from us."""
_THEIRS = {Option.BINARY, Option.ECHO, Option.SGA, Option.COMPRESS2}
"""Options that the host may offer."""
_IS, _SEND = 0, 1
_VAR, _VALUE, _ESC, _USERVAR = 0, 1, 2, 3
_FOLLOWS = 1


class Upgrade(Enum):
    """A transformation of all further bytes before the machine can read them."""

    COMPRESSION = "compression"
    """They are a zlib stream (MCCP2)."""
    TLS = "tls"
    """They are TLS, in both directions."""


@dataclass(frozen=True, slots=True)
class Received:
    """The result of processing some bytes. After an upgrade, `rest` has not been processed."""

    output: bytes
    reply: bytes = b""
    upgrade: Upgrade | None = None
    rest: bytes = b""


class TelnetMachine:
    """The state of a connection.

    Args:
        terminal_type: the value of TTYPE.
        window: the columns and rows of NAWS.
        username: USER of NEW-ENVIRON, in the host's character set; empty for none.
        tls: whether START_TLS may be negotiated.
    """

    __slots__ = (
        "_asked", "_host_echoes", "_negotiations", "_ours", "_pending", "_reply",
        "_terminal_type", "_theirs", "_upgrade", "_username", "_willing", "_window",
        "speaks_telnet",
    )  # fmt: skip

    def __init__(
        self,
        terminal_type: str,
        window: tuple[int, int],
        username: bytes = b"",
        *,
        tls: bool = True,
    ) -> None:
        self.speaks_telnet = False
        """True if the host has sent any command."""
        self._terminal_type = terminal_type.encode()[:TYPE_MAX]
        self._window = window
        self._username = username[:USERNAME_MAX]
        self._willing: set[int] = set(_OURS if tls else _OURS - {Option.START_TLS})
        self._ours: set[int] = set()
        self._theirs: set[int] = set()
        self._asked: set[int] = set()
        """Options that were offered and not yet answered."""
        self._host_echoes: bool | None = None
        self._negotiations = 0
        self._pending = b""
        """An incomplete command."""
        self._reply = bytearray()
        self._upgrade: Upgrade | None = None

    @property
    def local_echo(self) -> bool:
        """True if the host has said that it does not echo."""
        return self._host_echoes is False

    # ---- to the host

    def send_break(self) -> bytes:
        """The break command, also for hosts that have not sent any command."""
        return bytes([Command.IAC, Command.BREAK])

    def encode(self, data: bytes) -> bytes:
        """Encode input for the host: CR becomes CR NUL unless BINARY is on."""
        if self.speaks_telnet and Option.BINARY not in self._ours:
            data = data.replace(b"\r", b"\r\0")
        return data.replace(IAC, IAC + IAC)

    def resize(self, columns: int, rows: int) -> bytes:
        """Store a new size of the screen, and return the bytes that report it."""
        self._window = columns, rows
        if Option.NAWS in self._ours:
            self._tell_window()
        return self._take_reply()

    # ---- from the host

    def receive(self, data: bytes) -> Received:
        """Process bytes from the host, cut anywhere.

        Raises:
            UpstreamError: a sub-negotiation is too long, or there are too many commands.
        """
        if not self._pending and IAC not in data:
            return Received(data)
        data = self._pending + data
        self._pending = b""
        output: list[bytes] = []
        at = 0
        while self._upgrade is None:
            start = data.find(IAC, at)
            if start < 0:
                output.append(data[at:])
                at = len(data)
                break
            output.append(data[at:start])
            at = self._command(data, start, output)
            if at == start:  # incomplete
                self._pending = data[start:]
                at = len(data)
                break
        upgrade, self._upgrade = self._upgrade, None
        return Received(b"".join(output), self._take_reply(), upgrade, data[at:])

    def _command(self, data: bytes, start: int, output: list[bytes]) -> int:
        """Execute the command at `start`; return the next position, or `start` if it is
        incomplete."""
        if start + 1 == len(data):
            return start
        code = data[start + 1]
        if code == Command.IAC:
            output.append(IAC)
        elif code == Command.SB:
            return self._sub(data, start)
        elif code in _NEGOTIATIONS:
            if start + 2 == len(data):
                return start
            self._spoken()
            _NEGOTIATIONS[Command(code)](self, data[start + 2])
            return start + 3
        return start + 2

    def _sub(self, data: bytes, start: int) -> int:
        """Process a sub-negotiation; see `_command`."""
        at = start + 2
        while (at := data.find(IAC, at)) >= 0 and at + 1 < len(data) and data[at + 1] == 255:
            at += 2
        ended = 0 <= at < len(data) - 1
        if (at if ended else len(data)) - start > SUBNEGOTIATION_MAX:
            raise UpstreamError(
                f"the host sends a Telnet negotiation of more than {SUBNEGOTIATION_MAX} bytes: "
                "check that a Telnet server listens on that port"
            )
        if not ended:
            return start
        if data[at + 1] != Command.SE:
            return at  # interrupted by another command: discard it
        self._spoken()
        self._told(data[start + 2 : at].replace(IAC + IAC, IAC))
        return at + 2

    def _spoken(self) -> None:
        self._negotiations += 1
        if self._negotiations > NEGOTIATIONS_MAX:
            raise UpstreamError(
                f"the host has negotiated more than {NEGOTIATIONS_MAX} times: check that a Telnet "
                "server listens on that port"
            )
        if not self.speaks_telnet:
            self.speaks_telnet = True
            self._asked.add(Option.BINARY)
            self._send(Command.WILL, Option.BINARY)

    # ---- options (RFC 1143, without the states for changing one's mind)

    def _do(self, option: int) -> None:
        if option == Option.TIMING_MARK:  # a request, not an option
            self._send(Command.WILL, option)
        elif option in self._ours:
            return
        elif option not in self._willing:
            self._send(Command.WONT, option)
        else:
            self._ours.add(option)
            if option in self._asked:
                self._asked.discard(option)
            else:
                self._send(Command.WILL, option)
            self._begin(option)

    def _dont(self, option: int) -> None:
        self._asked.discard(option)
        if option in self._ours:
            self._ours.discard(option)
            self._send(Command.WONT, option)

    def _will(self, option: int) -> None:
        if option == Option.ECHO:
            self._host_echoes = True
        if option in self._theirs:
            return
        if option in _THEIRS:
            self._theirs.add(option)
        self._send(Command.DO if option in _THEIRS else Command.DONT, option)

    def _wont(self, option: int) -> None:
        if option == Option.ECHO:
            self._host_echoes = False
        if option in self._theirs:
            self._theirs.discard(option)
            self._send(Command.DONT, option)

    def _begin(self, option: int) -> None:
        """Send what must follow the host's agreement to an option."""
        if option == Option.NAWS:
            self._tell_window()
        elif option == Option.START_TLS:
            self._send_sub(option, bytes([_FOLLOWS]))

    def _told(self, sub: bytes) -> None:
        """Handle a complete sub-negotiation of the host."""
        option, body = sub[:1], sub[1:]
        known = bool(option) and (option[0] in self._ours or option[0] in self._theirs)
        if known and option[0] in _SUBS:
            _SUBS[option[0]](self, body)

    def _asked_type(self, body: bytes) -> None:
        if body[:1] == bytes([_SEND]):
            self._send_sub(Option.TTYPE, bytes([_IS]) + self._terminal_type)

    def _asked_environment(self, body: bytes) -> None:
        if body[:1] != bytes([_SEND]):
            return
        wanted = body[1:]
        everything = wanted in (b"", bytes([_VAR]), bytes([_VAR, _USERVAR]))
        pairs = b""
        if self._username and (everything or bytes([_VAR]) + b"USER" in wanted):
            pairs = bytes([_VAR]) + b"USER" + bytes([_VALUE]) + _escaped(self._username)
        self._send_sub(Option.NEW_ENVIRON, bytes([_IS]) + pairs)

    def _compress(self, body: bytes) -> None:
        self._upgrade = Upgrade.COMPRESSION
        self._willing.discard(Option.START_TLS)

    def _start_tls(self, body: bytes) -> None:
        if body == bytes([_FOLLOWS]):
            self._upgrade = Upgrade.TLS

    # ---- replies

    def _tell_window(self) -> None:
        cells = (min(cells, CELLS_MAX).to_bytes(2, "big") for cells in self._window)
        self._send_sub(Option.NAWS, b"".join(cells))

    def _send(self, command: Command, option: int) -> None:
        self._reply += bytes([Command.IAC, command, option])

    def _send_sub(self, option: int, body: bytes) -> None:
        self._reply += bytes([Command.IAC, Command.SB, option])
        self._reply += body.replace(IAC, IAC + IAC) + bytes([Command.IAC, Command.SE])

    def _take_reply(self) -> bytes:
        reply = bytes(self._reply)
        self._reply.clear()
        return reply


_NEGOTIATIONS: dict[Command, Callable[[TelnetMachine, int], None]] = {
    Command.DO: TelnetMachine._do,
    Command.DONT: TelnetMachine._dont,
    Command.WILL: TelnetMachine._will,
    Command.WONT: TelnetMachine._wont,
}
_SUBS: dict[int, Callable[[TelnetMachine, bytes], None]] = {
    Option.TTYPE: TelnetMachine._asked_type,
    Option.NEW_ENVIRON: TelnetMachine._asked_environment,
    Option.COMPRESS2: TelnetMachine._compress,
    Option.START_TLS: TelnetMachine._start_tls,
}


def _escaped(text: bytes) -> bytes:
    """Escape the control codes in a value of NEW-ENVIRON."""
    for code in (_ESC, _VAR, _VALUE, _USERVAR):
        text = text.replace(bytes([code]), bytes([_ESC, code]))
    return text
