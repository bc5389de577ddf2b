"""Reads what a user sends: parses and queues it, and carries it out in turns."""

from __future__ import annotations

import asyncio
from time import perf_counter

from guacr.errors import ClientError, GuacrError, InternalError, ProtocolError
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.session.input.inbox import Inbox
from guacr.session.input.opcodes import carry_out
from guacr.session.link import Hold
from guacr.session.session import Session
from guacr.session.user import User
from guacr.transport.base import NO_RECEIVER
from guacr.turns import TURN

NOP = encode("nop")


class Reader:
    """The `Receiver` of a user's transport.

    Instructions wait until the session's handler has started. Once they have held the event loop
    for a turn, they wait until others have had theirs; nothing is read from the client meanwhile.
    """

    __slots__ = ("_inbox", "_parser", "_turn", "session", "user")

    def __init__(self, session: Session, user: User) -> None:
        self.session = session
        self.user = user
        self._parser = InstructionParser()
        self._inbox = Inbox()
        self._turn: asyncio.Handle | None = None
        """The next turn, while instructions wait."""

    def open(self) -> None:
        """Start reading from the client."""
        joined = self.user in self.session.users  # if not, joining has failed
        self.user.link.open(self if joined else NO_RECEIVER)
        self.session.on_begin(self._work)

    def take_over(self, parser: InstructionParser, instructions: list[Instruction]) -> None:
        """Continue with the parser of the handshake, and with the instructions that followed it."""
        self._parser = parser
        self._dispatch(instructions)

    # ---- Receiver

    def data_received(self, data: bytes) -> None:
        """Parse and dispatch; a client that violates the protocol is dropped with an error."""
        self.user.link.heard(len(data))
        if data == NOP and not self._parser.pending:
            return  # idle clients send thousands of these
        try:
            instructions = self._parser.feed(data)
        except ProtocolError as error:
            self.session.drop(self.user, error)
            return
        self._dispatch(instructions)

    def drained(self) -> None:
        """Continue after the client's system has accepted everything: a stale picture can be
        renewed."""
        self.user.outputs.drained()
        self.session.frames.viewer_moved()

    def connection_lost(self) -> None:
        """Remove the client from the session."""
        self.session.detach(self.user)

    # ---- turns

    def _dispatch(self, instructions: list[Instruction]) -> None:
        """Queue instructions, and carry them out in order."""
        if self.user not in self.session.users:
            return  # joining has failed
        self._inbox.put(instructions)
        if self._turn is None and self.session.begun:
            self._work()

    def _work(self) -> None:
        """Carry out waiting instructions for one turn."""
        link, was_late, self._turn = self.user.link, self._turn is not None, None
        end = perf_counter() + TURN
        while self.user in self.session.users and (instruction := self._inbox.take()) is not None:
            self._carry_out(instruction)
            if self._inbox and perf_counter() > end:
                self._turn = asyncio.get_running_loop().call_soon(self._work)
                break
        if self.user not in self.session.users:
            self._inbox.clear()
        elif self._turn is None and was_late:
            link.release(Hold.TURN)
        elif self._turn is not None and not was_late:
            link.hold(Hold.TURN)

    def _carry_out(self, instruction: Instruction) -> None:
        try:
            carry_out(self.session, self.user, instruction)
        except ClientError as error:
            self.session.drop(self.user, error)
        except GuacrError as error:
            self.session.close(error)
        except Exception:
            self.session.log.exception("failure while handling %r", instruction.opcode)
            self.session.close(InternalError())
