"""A client during its handshake."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable

from guacr.errors import ClientTimeoutError, GuacrError, InternalError, ProtocolError
from guacr.net.tls import HANDSHAKE as TLS_HANDSHAKE
from guacr.protocol.handshake import Connect, Handshake, Selected
from guacr.protocol.instruction import Instruction, encode
from guacr.protocol.parser import FEED_SIZE, InstructionParser
from guacr.refusals import Refusals
from guacr.session.directory import Directory
from guacr.session.ids import CONNECTION_ID_PREFIX, foreign_session
from guacr.transport.base import Transport

log = logging.getLogger("guacr.reception")
_refusals = Refusals(log)

_HTTP_REQUEST = re.compile(rb"[A-Z]+ /|CONNECT ")


class HandshakeReceiver:
    """The receiver of a transport during the handshake; the session's reader then replaces it.

    `on_session` is called when the client has a session, `elsewhere` if another worker has the one
    that it selects, with the number of the worker and all that was received; without it, such a
    session is unknown. On an error, the client is sent an `error` with the reason, and closed.
    """

    def __init__(
        self,
        transport: Transport,
        directory: Directory,
        timeout: float,
        on_session: Callable[[], None],
        elsewhere: Callable[[int, bytes], None] | None = None,
    ) -> None:
        self._elsewhere = elsewhere
        self._head = b""  # what has been received, if the client may have to go elsewhere
        self._transport = transport
        self._directory = directory
        self._parser = InstructionParser()
        self._handshake = Handshake()
        self._on_session = on_session
        self._first = True  # nothing received yet
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(timeout, self._late, timeout)

    # ---- Receiver

    def data_received(self, data: bytes) -> None:
        """Continue the handshake."""
        first, self._first = self._first, False
        if self._elsewhere is not None:
            self._head += data
        try:
            self._feed(data)
        except ProtocolError as error:
            self._refuse((_foreign(data) if first else None) or error)
        except GuacrError as error:
            self._refuse(error)
        except Exception:
            log.exception("failure in the handshake with %s", self._transport.peer)
            self._refuse(InternalError())

    def drained(self) -> None:
        """Do nothing: the handshake does not wait for this."""

    def connection_lost(self) -> None:
        """Stop: the client has left before it had a session."""
        self._deadline.cancel()

    # ---- steps

    def _feed(self, data: bytes) -> None:
        """Parse no more than is part of the handshake."""
        done = False
        while data and not done:
            part, data = data[:FEED_SIZE], data[FEED_SIZE:]
            done = self._proceed(self._parser.feed(part), data)

    def _proceed(self, instructions: list[Instruction], unparsed: bytes) -> bool:
        """Continue with these instructions; return whether they complete the handshake."""
        for number, instruction in enumerate(instructions, 1):
            event = self._handshake.receive(instruction)
            if isinstance(event, Selected):
                if self._is_elsewhere(event.select):
                    return True
                self._ask(event.select)
            elif isinstance(event, Connect):
                self._hand_over(event, instructions[number:], unparsed)
                return True
        return False

    def _is_elsewhere(self, select: str) -> bool:
        """Hand the client over if another worker has its session; return whether it was."""
        elsewhere, self._elsewhere = self._elsewhere, None
        head, self._head = self._head, b""
        worker = foreign_session(select)
        if elsewhere is None or not worker:
            return False
        self._deadline.cancel()
        elsewhere(worker, head)
        return True

    def _ask(self, select: str) -> None:
        declared = self._directory.params_type(select).declared()
        self._transport.write(self._handshake.args([param.name for param in declared]))

    def _hand_over(self, connect: Connect, rest: list[Instruction], unparsed: bytes) -> None:
        self._deadline.cancel()
        peer, select = self._transport.peer, connect.select
        kind = "session" if select.startswith(CONNECTION_ID_PREFIX) else "protocol"
        fields = {"event": "handshake", "client": peer, kind: select}
        log.debug("handshake of %s", peer, extra=fields)
        reader = self._directory.open(connect.select, connect.values, connect.info, self._transport)
        self._on_session()
        reader.take_over(self._parser, rest, unparsed)

    def _late(self, timeout: float) -> None:
        self._refuse(
            ClientTimeoutError(f"the handshake was not complete after {timeout:g} seconds")
        )

    def _refuse(self, error: GuacrError) -> None:
        self._deadline.cancel()
        _refusals.refused(self._transport.peer, error)
        self._transport.write(encode("error", str(error), error.status))
        self._transport.close(error.status)


def _foreign(data: bytes) -> ProtocolError | None:
    """Return the error for a client whose first bytes are those of TLS or HTTP, otherwise None."""
    if data.startswith(TLS_HANDSHAKE):
        return ProtocolError(
            "the client uses TLS, but this port does not: connect without TLS, or set "
            "server.tls_certificate"
        )
    if _HTTP_REQUEST.match(data):
        return ProtocolError(
            "the client uses HTTP, but this port is for the Guacamole protocol: the page is on the "
            "port in websocket.port"
        )
    return None
