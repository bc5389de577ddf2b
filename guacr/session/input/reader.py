"""Reads what a user sends: parses and queues it, and carries it out in turns."""

from __future__ import annotations

import asyncio
from time import perf_counter

from guacr.errors import ClientError, GuacrError, InternalError, ProtocolError
from guacr.protocol.instruction import Instruction
from guacr.protocol.parser import FEED_SIZE, InstructionParser
from guacr.session import keep_alive
from guacr.session.input.inbox import Inbox
from guacr.session.input.opcodes import carry_out
from guacr.session.keep_alive import MORE, NOP
from guacr.session.link import Hold
from guacr.session.session import Session
from guacr.session.user import User
from guacr.transport.base import NO_RECEIVER
from guacr.turns import TURN


class Reader:
    """The `Receiver` of a user's transport.

    Instructions wait until the session's handler has started. Once parsing and carrying them out
    has held the event loop for a turn, the rest waits until others have had theirs; nothing is read
    from the client meanwhile.
    """

    __slots__ = ("_inbox", "_parser", "_reported_from", "_turn", "_unparsed", "session", "user")

    def __init__(self, session: Session, user: User) -> None:
        self.session = session
        self.user = user
        self._parser = InstructionParser()
        self._unparsed = b""
        self._inbox = Inbox()
        self._reported_from = 1
        """The number of bytes from which on the transport reports them."""
        self._turn: asyncio.Handle | None = None
        """The next turn, while anything waits for it."""

    def open(self) -> None:
        """Start reading from the client."""
        self.user.link.on_ready = self._begin
        joined = self.user in self.session.users  # if not, joining has failed
        self.user.link.open(self if joined else NO_RECEIVER)
        self.session.on_begin(self._begin)

    def take_over(
        self, parser: InstructionParser, instructions: list[Instruction], unparsed: bytes = b""
    ) -> None:
        """Continue with the parser of the handshake, and with the instructions and bytes that
        followed it."""
        self._parser = parser
        self._inbox.put(instructions)
        self._unparsed = unparsed
        self._work()

    # ---- Receiver

    def data_received(self, data: bytes) -> None:
        """Parse and carry out; a client that violates the protocol is dropped with an error."""
        self.user.link.heard(len(data))
        if data == NOP and not self._unparsed and not self._parser.pending:
            keep_alive.answer(self.user.link)  # at once: idle clients send thousands of these
            return
        self._unparsed = self._unparsed + data if self._unparsed else data
        if self._turn is None:
            self._work()

    def drained(self) -> None:
        """Continue after the client's system has accepted everything: a stale picture can be
        renewed."""
        self.user.outputs.drained()
        self.session.frames.viewer_moved()

    def connection_lost(self) -> None:
        """Remove the client from the session."""
        self.session.detach(self.user)

    # ---- turns

    def _begin(self) -> None:
        if self._turn is None:
            self._work()

    def _work(self) -> None:
        """Parse what has arrived, and carry it out, for one turn.

        All of it is parsed first, so that the inbox can merge what is outdated.
        """
        link, was_late, self._turn = self.user.link, self._turn is not None, None
        end = perf_counter() + TURN
        is_late = self._parse(end) or (self.session.begun and self._carry_out_waiting(end))
        if self.user not in self.session.users:  # it has left, or joining has failed
            self._unparsed = b""
            self._inbox.clear()
            return
        if is_late:
            self._turn = asyncio.get_running_loop().call_soon(self._work)
        if is_late and not was_late:
            link.hold(Hold.TURN)
        elif was_late and not is_late:
            link.release(Hold.TURN)
        self._doze(not is_late and not self._parser.pending)

    def _doze(self, between_instructions: bool) -> None:
        """Between instructions, do not wake up for a `nop` alone; within one, for every byte."""
        size = MORE if between_instructions else 1
        if size != self._reported_from:
            self._reported_from = size
            self.user.link.transport.report_from(size)

    def _parse(self, end: float) -> bool:
        """Parse what has arrived until `end`; return whether anything is left."""
        while self._unparsed:
            part, self._unparsed = self._unparsed[:FEED_SIZE], self._unparsed[FEED_SIZE:]
            try:
                self._inbox.put(self._parser.feed(part))
            except ProtocolError as error:
                self.session.drop(self.user, error)
                return False
            if self._unparsed and perf_counter() > end:
                return True
        return False

    def _carry_out_waiting(self, end: float) -> bool:
        """Carry out instructions until `end`; return whether any are left."""
        user, users = self.user, self.session.users
        while user in users and user.link.may_be_heard:
            instruction = self._inbox.take()
            if instruction is None:
                break
            self._carry_out(instruction)
            if self._inbox and perf_counter() > end:
                return True
        return False

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
