"""The client's side of the Guacamole handshake, without I/O, as of keeper-pam-webrtc-rs.

tube                                    guacd
select,<protocol or connection id>
                                        args,VERSION_1_5_0,<parameter names>
size, audio, video, image               (not to join)
connect,<version>,<one value for each name>
                                        ready,<connection id>

What a newer guacd asks for afterwards (`required`) is for the peer, as everything behind `ready`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from guacr.errors import ProtocolError
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.tubes.errors import GuacdError
from guacr.tubes.guacamole.boundaries import Boundary

SCREEN = {"width": "1024", "height": "768", "dpi": "96"}
"""The screen, where the parameters do not say."""
MIMETYPES = ("audio", "video", "image")
OLDEST_VERSION = "VERSION_1_5_0"
"""For a guacd that names no version and no parameters, as keeper-pam-webrtc-rs."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request for a connection by guacd.

    Attributes:
        protocol: such as "ssh".
        parameters: texts by names, which differ from guacd's by case, `-` and `_` at most.
            `connectionid` is a connection to join instead, with `readonly`; `audio`, `video` and
            `image` are the types that the client plays, separated by commas.
    """

    protocol: str
    parameters: Mapping[str, str] = field(default_factory=dict, repr=False)

    def values(self) -> dict[str, str]:
        """Return the parameters by normalised names, with the domain of RDP in its own place."""
        values = {normalised(name): value for name, value in self.parameters.items()}
        if self.protocol == "rdp" and "\\" in (user := values.get("username", "")):
            domain, _, name = user.partition("\\")
            if user.lower().startswith(("azuread\\", ".\\azuread\\")):
                values["security"] = "aad"  # Entra ID's belongs to the name
            else:
                values |= {"username": name, "domain": domain}
        if "connectdatabase" in values:
            values.setdefault("database", values["connectdatabase"])
        return values

    def supplied_with(self, supplied: Mapping[str, str]) -> Request:
        """Return the request with other values for some parameters."""
        given = (self.parameters, supplied)
        parameters = {normalised(name): one[name] for one in given for name in one}
        return Request(self.protocol, parameters)


class ConnectHandshake:
    """Processes guacd's bytes until it is ready.

    Attributes:
        connection_id: guacd's, once it is ready; None before.
        rest: what guacd has sent behind `ready`.
    """

    def __init__(self, request: Request) -> None:
        self.connection_id: str | None = None
        self.rest = b""
        self._values = request.values()
        self._join = self._values.get("connectionid", "")
        self._select = self._join or request.protocol
        self._expected = "args"
        self._boundary = Boundary()
        self._held = bytearray()

    def start(self) -> bytes:
        """Return the first bytes for guacd."""
        return encode("select", self._select)

    def receive(self, data: bytes) -> bytes:
        """Process guacd's bytes; return what to send.

        Raises:
            GuacdError: guacd refuses, or does not speak the protocol.
        """
        self._held += data
        answer = b""
        try:
            while self.connection_id is None and (instruction := self._next()) is not None:
                answer += self._proceed(instruction)
        except ProtocolError as error:
            raise GuacdError(f"guacd does not speak the Guacamole protocol: {error}") from error
        if self.connection_id is not None:
            self.rest, self._held = bytes(self._held), bytearray()
        return answer

    def receive_eof(self) -> GuacdError:
        """Return the error of a connection that ends now."""
        return GuacdError(
            f"EOF during Guacd handshake while waiting for '{self._expected}' "
            "(incomplete data in buffer)"
        )

    def _next(self) -> Instruction | None:
        end = self._boundary.find(self._held, 0)
        if end < 0:
            return None
        (instruction,) = InstructionParser().feed(bytes(self._held[:end]))
        del self._held[:end]
        return instruction

    def _proceed(self, instruction: Instruction) -> bytes:
        opcode, args = instruction.opcode, instruction.args
        if opcode == "error":
            raise GuacdError(
                f"Guacd sent error 'error' ({_listed(args)}) during handshake "
                f"(expected '{self._expected}')"
            )
        if opcode != self._expected:
            raise GuacdError(
                f"Expected Guacd opcode '{self._expected}', got '{opcode}' with args "
                f"{_listed(args)}"
            )
        if opcode == "args":
            self._expected = "ready"
            return self._connect(args)
        self.connection_id = args[0] if args else ""
        return b""

    def _connect(self, args: tuple[str, ...]) -> bytes:
        if args and not args[0].startswith("VERSION_"):
            return self._description() + self._values_of(args)  # guacd before 1.1.0
        version, *names = args or (OLDEST_VERSION,)
        return self._description() + self._values_of(names, version)

    def _description(self) -> bytes:
        if self._join:
            return b""
        parts = [encode("size", *(self._value(name) for name in SCREEN))]
        for kind in MIMETYPES:
            types = self._values.get(kind, "").split(",")
            parts.append(encode(kind, *filter(None, types)))
        return b"".join(parts)

    def _values_of(self, names: tuple[str, ...] | list[str], *version: str) -> bytes:
        return encode("connect", *version, *(self._value(name) for name in names))

    def _value(self, name: str) -> str:
        if self._join:
            read_only = self._values.get("readonly", "").lower() == "true"
            return "true" if name == "read-only" and read_only else ""
        key = normalised(name)
        return self._values.get(key) or SCREEN.get(key, "")


def normalised(name: str) -> str:
    """Return the name of a parameter without case and separators."""
    return name.replace("-", "").replace("_", "").lower()


def _listed(args: tuple[str, ...]) -> str:
    return json.dumps(args, ensure_ascii=False)
