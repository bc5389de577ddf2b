"""`PyTubeRegistry`: connections that the application serves itself (`python_handler`)."""

from __future__ import annotations

from guacr.tubes.compat.access import Access
from guacr.tubes.compat.reasons import close_reason
from guacr.tubes.compat.tubes import Tubes
from guacr.tubes.connections.handler import Handler
from guacr.tubes.errors import ConversationNotFoundError, TubeError
from guacr.tubes.reasons import CloseReason

_NOT_OPENED = "Failed to send OpenConnection frame: Failed to send data: DataChannel is not opened"
"""Callers look for this to try again."""


class HandlerConnections(Access):
    """The connections of `python_handler` conversations. What happens to them is told by the
    `handler_callback` of `create_tube`."""

    def open_handler_connection(
        self, conversation_id: str, conn_no: int, connect_as_payload: bytes | None = None
    ) -> None:
        """Ask the peer to open a connection; one that is open stays as it is.

        Args:
            conversation_id: of the conversation.
            conn_no: the connection's number, from 1.
            connect_as_payload: encrypted credentials, if any.
        """

        def connect(tubes: Tubes) -> None:
            try:
                handler = tubes.registry.handler(conversation_id)
                if not handler.is_running:
                    raise TubeError(_NOT_OPENED)
                if not handler.has(conn_no):
                    handler.connect(conn_no, connect_as_payload or b"")
            except ConversationNotFoundError:
                raise
            except TubeError as error:
                raise TubeError(f"Failed to open handler connection: {error}") from error

        self._do(connect)

    def send_handler_data(self, conversation_id: str, conn_no: int, data: bytes) -> None:
        """Queue data of a connection."""

        def send(tubes: Tubes) -> None:
            self._route(tubes, conversation_id).send(conn_no, data)

        self._do(send, "Failed to queue handler data: ")

    def close_handler_connection(self, conversation_id: str, conn_no: int, reason: int) -> None:
        """Close a connection behind what is queued; unknown ones are ignored."""
        why = close_reason(reason, CloseReason.UNKNOWN)
        self._do(lambda tubes: tubes.registry.handler(conversation_id).disconnect(conn_no, why))

    @staticmethod
    def _route(tubes: Tubes, conversation_id: str) -> Handler:
        try:
            return tubes.registry.handler(conversation_id)
        except ConversationNotFoundError as error:
            raise TubeError("Handler route not found") from error
