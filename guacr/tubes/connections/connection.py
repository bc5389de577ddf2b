"""The interfaces between a conversation, its connections, and those who open them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import inf
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from guacr.tubes.inflow import Inflow
from guacr.tubes.reasons import CloseReason
from guacr.tubes.wire.control import CloseConnection, ControlMessage, UdpPacket

if TYPE_CHECKING:
    from guacr.tubes.conversation import Conversation


class Connection(ABC):
    """One connection of a conversation.

    The conversation calls its methods, none of which may wait or raise anything. For its part, it
    tells the conversation when it ends (`Conversation.end`, or `Conversation.end_of_data` for one
    direction), and the table when it has released all that it used (`ConnectionTable.released`).
    When it cannot take more data, it tells its `inflow` (`hold`, `let_go`); while it has no credit,
    it sends nothing.

    Attributes:
        number: its conn_no.
        inflow: where its data comes from.
        sent: bytes of data that it has sent.
        send_limit: how many the peer has allowed, in total.
        is_opened: this end has opened it.
        has_sent_eof: this end has no more data.
        has_received_eof: the peer has no more data.
    """

    is_opened = True

    def __init__(self, conversation: Conversation, number: int) -> None:
        self.conversation = conversation
        self.number = number
        self.inflow = Inflow(self, conversation.reading)
        self.sent = 0
        self.send_limit: float = inf
        self.has_sent_eof = False
        self.has_received_eof = False

    @property
    def has_credit(self) -> bool:
        """True if a frame may be sent."""
        return self.sent < self.send_limit

    def credit_granted(self) -> None:
        """The peer has allowed more data."""

    def start(self) -> None:
        """It is in the conversation's table: data may be sent."""

    def opened(self) -> bool:
        """The peer has opened its side; return True if this was not known."""
        return False

    @abstractmethod
    def receive(self, data: bytes) -> None:
        """Take data of the peer."""

    @abstractmethod
    def receive_eof(self) -> None:
        """The peer has no more data, but still reads."""

    @abstractmethod
    def close(self, reason: CloseReason, text: str) -> None:
        """It has ended, by whichever side: deliver what was received, and release everything, then
        tell `ConnectionTable.released`."""

    @abstractmethod
    def abort(self) -> None:
        """Release everything at once."""

    def receive_datagram(self, message: UdpPacket) -> None:
        """Take a datagram of the peer; connections of streams have none."""

    def farewell(self, reason: CloseReason, text: str) -> ControlMessage:
        """Return the message that ends it at the peer."""
        return CloseConnection(self.number, reason, text)

    def backlog(self) -> int:
        """Bytes that were received and that nobody has taken."""
        return 0


class Backend(Protocol):
    """Opens the connections that the peer asks for."""

    async def open(self, conversation: Conversation, number: int, body: bytes) -> Connection:
        """Open a connection; it must not send anything before `Connection.start`.

        Args:
            conversation: which the connection is for.
            number: its conn_no.
            body: what follows the number in the OpenConnection message: a SOCKS target, a
                ConnectAs block or nothing.

        Raises:
            TubeError: it cannot be opened; the peer gets the reason and the text.
            OSError: likewise, with CONNECTION_FAILED.
        """


@runtime_checkable
class DatagramBackend(Backend, Protocol):
    """A backend that also sends datagrams."""

    def associate(self, conversation: Conversation, number: int) -> tuple[Connection, int]:
        """Make a connection that carries datagrams, which come by `Connection.receive_datagram`.

        Args:
            conversation: which the connection is for.
            number: its conn_no.

        Returns:
            It, and its UDP port.

        Raises:
            TubeError: it is not possible; the peer gets the reason and the text.
            OSError: likewise, with CONNECTION_FAILED.
        """


class Front(Protocol):
    """Where connections of an offerer come from."""

    def start(self, conversation: Conversation) -> None:
        """The channel is open: begin."""

    def close(self) -> None:
        """Take no more connections; harmless when repeated."""
