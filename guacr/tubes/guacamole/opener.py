"""Decides what the connections of a Guacamole conversation are."""

from __future__ import annotations

from collections.abc import Callable

from guacr.tubes.connections.connection import Connection
from guacr.tubes.events import Event
from guacr.tubes.guacamole.connect import Request
from guacr.tubes.guacamole.connect_as import ConnectAs
from guacr.tubes.guacamole.stream import GuacamoleStream


class Opener:
    """Makes the requests and streams of the connections of one conversation.

    The first one that is opened is the primary: the conversation ends with it, as in
    keeper-pam-webrtc-rs.

    Args:
        request: for every connection.
        connect_as: what the peer may supply; None for nothing.
        on_event: called with each `GuacdInstruction`.
    """

    def __init__(
        self,
        request: Request,
        on_event: Callable[[Event], None],
        connect_as: ConnectAs | None = None,
    ) -> None:
        self._request = request
        self._on_event = on_event
        self._connect_as = connect_as
        self._has_primary = False

    def request(self, block: bytes) -> Request:
        """Return the request with what the peer supplies.

        Raises:
            ConnectAsError: the block cannot be used.
        """
        if self._connect_as is None:
            return self._request
        return self._request.supplied_with(self._connect_as.parameters(block))

    def stream(self, connection: Connection) -> GuacamoleStream:
        """Return the stream of a connection that is ready."""
        is_primary, self._has_primary = not self._has_primary, True
        return GuacamoleStream(connection, self._on_event, is_primary=is_primary)
