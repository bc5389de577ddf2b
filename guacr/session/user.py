"""One client in a session: its rights, its pace, its streams, and the bytes it sends."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from guacr.display.layers import LayerId
from guacr.errors import ClientError, GuacrError, InternalError, ProtocolError
from guacr.protocol.client import ClientInfo
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.session.objects import Objects
from guacr.session.opcodes import carry_out
from guacr.session.outputs import OutputStreams
from guacr.session.pacing import Pacing
from guacr.session.streams import InputStream, InputStreams
from guacr.session.transfers import Transfers
from guacr.transport.base import Transport

if TYPE_CHECKING:
    from guacr.session.session import Session

NOP = encode("nop")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What a user may not do in a session."""

    read_only: bool = False
    disable_copy: bool = False
    disable_paste: bool = False


class User:
    """One client of a session; the `Receiver` of its transport.

    `stale` says that the viewer's picture is not that of the last frame: it gets no frames
    until it has been sent the whole picture.
    """

    __slots__ = (
        "_loop",
        "_parser",
        "_unsent_since",
        "clipboard_stream",
        "id",
        "info",
        "last_received",
        "last_sent",
        "layers",
        "objects",
        "outputs",
        "owner",
        "pacing",
        "rights",
        "session",
        "stale",
        "streams",
        "transfers",
        "transport",
    )

    def __init__(
        self,
        session: Session,
        transport: Transport,
        info: ClientInfo,
        *,
        owner: bool,
        rights: Rights,
    ) -> None:
        self.id = f"@{uuid4()}"
        self.session = session
        self.transport = transport
        self.info = info
        self.owner = owner
        self.rights = rights
        self.pacing = Pacing()
        self.stale = True
        self.layers: frozenset[LayerId] = frozenset()
        """The layers above layer 0 of the picture that it has."""
        self.streams = InputStreams(self.send)
        self.clipboard_stream: InputStream | None = None
        """The clipboard that was sent last; only that one may be pasted."""
        self.outputs = OutputStreams(self)
        self.transfers = Transfers(self)
        self.objects = Objects(self)
        self._parser = InstructionParser()
        self._loop = asyncio.get_running_loop()
        self.last_received = self.last_sent = self.now()
        self._unsent_since = (0, self.last_sent)

    def left(self) -> None:
        """It is no longer in the session: its streams and transfers end."""
        self.streams.close()
        self.outputs.close()
        self.transfers.close()

    def now(self) -> float:
        """The event loop's time in seconds."""
        return self._loop.time()

    def send(self, data: bytes) -> None:
        """Send whole instructions."""
        self.last_sent = self._loop.time()
        self.transport.write(data)

    def stuck_for(self, now: float) -> float:
        """Seconds during which nothing of what is buffered has reached the client."""
        buffered = self.transport.buffered
        before, since = self._unsent_since
        if before == 0 or buffered < before:
            since = now
        self._unsent_since = (buffered, since)
        return now - since

    def stood_still(self, seconds: float) -> None:
        """The process could neither hear nor serve this client for so long."""
        self.last_received += seconds
        buffered, since = self._unsent_since
        self._unsent_since = (buffered, since + seconds)

    def take_over(self, parser: InstructionParser, instructions: list[Instruction]) -> None:
        """Go on with the parser of the handshake, and with what came behind it."""
        self._parser = parser
        self.dispatch(instructions)

    # ---- Receiver

    def data_received(self, data: bytes) -> None:
        """Parse and dispatch; a client that breaks the protocol is dropped with an error."""
        self.last_received = self._loop.time()
        if data == NOP and not self._parser.pending:
            return  # all that idle clients send, by the thousand
        try:
            instructions = self._parser.feed(data)
        except ProtocolError as error:
            self.session.drop(self, error)
            return
        self.dispatch(instructions)

    def dispatch(self, instructions: list[Instruction]) -> None:
        """Carry out instructions in order, until one of them ends this user."""
        for instruction in instructions:
            if self.id not in self.session.users:
                return
            try:
                carry_out(self, instruction)
            except ClientError as error:
                self.session.drop(self, error)
            except GuacrError as error:
                self.session.close(error)
            except Exception:
                self.session.log.exception("failure while handling %r", instruction.opcode)
                self.session.close(InternalError())

    def drained(self) -> None:
        """The client's system took everything: a stale picture can be renewed."""
        self.outputs.drained()
        self.session.frames.viewer_moved()

    def connection_lost(self) -> None:
        """The client is gone."""
        self.session.detach(self)
