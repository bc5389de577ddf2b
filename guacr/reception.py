"""A client between its first byte and its place in a session."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from guacr.errors import ClientTimeoutError, GuacrError, InternalError
from guacr.protocol.handshake import Connect, Handshake, Selected
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import InstructionParser
from guacr.refusals import Refusals
from guacr.session.registry import SessionRegistry
from guacr.transport.base import Transport

log = logging.getLogger("guacr.reception")
_refusals = Refusals(log)


class Reception:
    """The receiver of a transport during the handshake; then a `User` takes its place.

    `on_session` is called when the client has a session. Whatever goes wrong is answered with an
    `error` that says what, and the client is closed.
    """

    def __init__(
        self,
        transport: Transport,
        registry: SessionRegistry,
        timeout: float,
        on_session: Callable[[], None],
    ) -> None:
        self._transport = transport
        self._registry = registry
        self._parser = InstructionParser()
        self._handshake = Handshake()
        self._on_session = on_session
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(timeout, self._late, timeout)

    # ---- Receiver

    def data_received(self, data: bytes) -> None:
        """Go on with the handshake."""
        try:
            self._proceed(self._parser.feed(data))
        except GuacrError as error:
            self._refuse(error)
        except Exception:
            log.exception("failure in the handshake with %s", self._transport.peer)
            self._refuse(InternalError())

    def drained(self) -> None:
        """Nothing waits for it here."""

    def connection_lost(self) -> None:
        """The client went away before it had a session."""
        self._deadline.cancel()

    # ---- steps

    def _proceed(self, instructions: list[Instruction]) -> None:
        for number, instruction in enumerate(instructions, 1):
            event = self._handshake.receive(instruction)
            if isinstance(event, Selected):
                self._ask(event.select)
            elif isinstance(event, Connect):
                self._hand_over(event, instructions[number:])
                return

    def _ask(self, select: str) -> None:
        declared = self._registry.params_type(select).declared()
        self._transport.write(self._handshake.args([param.name for param in declared]))

    def _hand_over(self, connect: Connect, rest: list[Instruction]) -> None:
        self._deadline.cancel()
        user = self._registry.open(connect.select, connect.values, connect.info, self._transport)
        self._on_session()
        user.take_over(self._parser, rest)

    def _late(self, timeout: float) -> None:
        self._refuse(
            ClientTimeoutError(f"the handshake was not complete after {timeout:g} seconds")
        )

    def _refuse(self, error: GuacrError) -> None:
        self._deadline.cancel()
        _refusals.report("refused %s: %s", self._transport.peer, error)
        self._transport.write(encode("error", str(error), error.status))
        self._transport.close(error.status)
